# SPDX-License-Identifier: Apache-2.0
"""What a session promises, over a pty, TCP, a program's pipes and WebREPL."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

import belay
from belay.transports import open_transport

PASSWORD = "secret99"
BOARD = [sys.executable, "-m", "belay.virtual"]
LINKS = {
    "pty": ["--pty"],
    "tcp": ["--tcp", "0"],
    "exec": [],
    "webrepl": ["--webrepl", "0", "--password", PASSWORD],
}

Open = Callable[..., belay.Device]


@pytest.fixture(scope="module", params=list(LINKS))
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """A board for all tests of a link; ``exec:`` is a new one each time."""
    kind: str = request.param
    if kind == "pty" and os.name != "posix":
        pytest.skip("pseudo terminals are of POSIX")
    with _board(kind) as address:
        yield address


def _board(kind: str) -> AbstractContextManager[str]:
    if kind == "exec":
        return contextlib.nullcontext(f"exec:{shlex.join([*BOARD, '--stdio'])}")
    return _running(LINKS[kind])


@contextlib.contextmanager
def _running(options: list[str]) -> Iterator[str]:
    with subprocess.Popen([*BOARD, *options], stderr=subprocess.PIPE, text=True) as board:
        assert board.stderr is not None
        line = board.stderr.readline()
        yield line.removeprefix("virtual board ready at ").split("  ")[0]
        board.terminate()
        board.wait(30)


@pytest.fixture
def connect(address: str) -> Iterator[Open]:
    """Devices on the board, which are closed at the end."""
    with contextlib.ExitStack() as stack:

        def opened(**options: object) -> belay.Device:
            settings = {"password": PASSWORD, "startup": "", **options}
            return stack.enter_context(belay.Device(address, **settings))  # type: ignore[arg-type]

        yield opened


def test_values_arrive_as_they_are(connect: Open) -> None:
    device = connect()
    device("def same(x): return x")
    value = {
        "bytes": bytes(range(256)),
        "text": "é\r\n\0\x03\x04>>> " * 20,
        "numbers": [2**70, -1, 1.5, float("inf"), None, True],
        ("key", 1): {1, 2},
    }
    assert device.proxy("same")(value) == value


def test_much_goes_both_ways(connect: Open) -> None:
    device = connect()
    data = random.Random(8).randbytes(60_000)  # nothing to deflate
    device("def backwards(x): return bytes(reversed(x))")
    assert device.proxy("backwards")(data) == data[::-1]


def test_prints_arrive_in_order_and_untouched(
    connect: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    device = connect()
    assert device("print('a\\x01b\\x04>OK', end=''); print('é', '\\x00', '>>> ')") is None
    device("for i in range(300): print(i)")
    out = capsys.readouterr().out
    assert out == "a\x01b\x04>OKé \0 >>> \n" + "".join(f"{i}\n" for i in range(300))


def test_exceptions_have_their_kind(connect: Open) -> None:
    device = connect()
    with pytest.raises(belay.PyboardException[KeyError]) as caught:
        device("{}['k']")
    assert caught.value.value_args == ("k",)
    assert device("1 + 1") == 2


def test_a_call_ends_at_its_timeout(connect: Open) -> None:
    device = connect()
    device("n = 0")
    with pytest.raises(belay.CallTimeoutError) as caught:
        device("while True: n += 1", timeout=0.2)
    assert caught.value.ran
    assert device("n") > 0


def test_another_thread_interrupts(connect: Open) -> None:
    device = connect()
    printed = threading.Event()

    class Sink:
        def write(self, text: str) -> int:
            printed.set()
            return len(text)

    def interrupt() -> None:
        printed.wait(30)
        device.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        device("print('on')\nwhile True: pass", stream_out=Sink())
    thread.join(30)
    assert device("6 * 7") == 42


def test_input_is_answered_by_the_host(connect: Open) -> None:
    lines = iter(["x" * 700 + "\n", "é\n"])
    device = connect(stdin=lambda: next(lines))
    assert device("(len(input()), input())") == (700, "é")


def test_threads_take_turns(connect: Open) -> None:
    device = connect()
    device("log = []")
    threads = [
        threading.Thread(target=lambda n=n: [device(f"log.append({n})") for _ in range(10)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(device("log")) == sorted([0, 1, 2, 3] * 10)


def test_a_board_is_found_whatever_it_does(address: str) -> None:
    for left in (b"while True:\r    pass\r\r", b"\x05if 1:\r  x = '", b"\x01\x05A\x01"):
        transport = open_transport(address, password=PASSWORD)
        transport.write(left)
        if not address.startswith("exec:"):  # whose board ends with the link
            transport.close()
            transport = open_transport(address, password=PASSWORD)
        with belay.Device(transport, startup="", reset=False) as device:
            assert device("1") == 1


def test_a_reset_is_noticed_and_the_board_comes_back(connect: Open) -> None:
    device = connect()
    with pytest.raises(belay.ConnectionLost):
        device("import machine; machine.reset()")
    device.close()
    device = connect(attempts=5)
    device("kept = 3")
    with pytest.raises(belay.ConnectionLost, match="connected again"):
        device("import machine; machine.reset()", record=False)
    assert device("kept") == 3
