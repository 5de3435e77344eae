# SPDX-License-Identifier: Apache-2.0
"""``virtual:`` — boards as child processes: private, shared, with options, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from belay.errors import ConnectionFailedError, ConnectionLost, DeviceClosedError, PortBusyError
from belay.transports import Transport, open_transport, virtual

SOON = 60.0


@pytest.fixture(autouse=True)
def _no_shared_boards_left() -> Iterator[None]:
    yield
    virtual.close_shared()


def until(transport: Transport, marker: bytes) -> bytes:
    data = b""
    end = time.monotonic() + SOON
    while not data.endswith(marker):
        assert transport.wait(max(end - time.monotonic(), 0)), data
        data += transport.read()
    return data


def raw(transport: Transport) -> None:
    transport.write(b"\r\x03\x03\x01")
    until(transport, b"raw REPL; CTRL-B to exit\r\n>")


def run(transport: Transport, source: str) -> bytes:
    """Run source in the raw REPL; its output."""
    transport.write(source.encode() + b"\x04")
    answer = until(transport, b"\x04>")
    assert answer.startswith(b"OK")
    output, errors = answer[2:-2].split(b"\x04")
    assert not errors, errors
    return output


def test_a_private_board_is_new_and_ends_with_its_link() -> None:
    transport = open_transport("virtual:")
    assert until(transport, b">>> ").lstrip().startswith(b"MicroPython")
    raw(transport)
    assert run(transport, "x = 6 * 7; print(x)").strip() == b"42"
    transport.close()
    with pytest.raises(DeviceClosedError):
        transport.write(b"x")
    other = open_transport("virtual:")
    raw(other)
    assert run(other, "print('x' in globals())").strip() == b"False"
    other.close()


def test_a_writing_host_and_a_printing_board_do_not_deadlock() -> None:
    transport = open_transport("virtual:")
    raw(transport)
    size = 300_000
    source = (
        "import sys\n"
        f"n = {size}\n"
        "while n:\n"
        " d = sys.stdin.read(min(n, 1000))\n"
        " n -= len(d)\n"
        " sys.stdout.write(d)\n"
    )
    transport.write(source.encode() + b"\x04")
    until(transport, b"OK")
    data = bytes(97 + number % 26 for number in range(size))
    transport.write(data)
    assert until(transport, b"\x04\x04>") == data + b"\x04\x04>"
    transport.close()


def test_boards_end_with_their_link_even_in_an_endless_loop() -> None:
    transport = open_transport("virtual:")
    raw(transport)
    transport.write(b"print('on')\nwhile True: pass\x04")
    until(transport, b"on\n")
    start = time.monotonic()
    transport.close()
    assert time.monotonic() - start < SOON


def test_cooked_output_and_files(tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_text("from the host")
    transport = open_transport(f"virtual:?cooked=1&files={tmp_path}&flash=512K&seed=3")
    raw(transport)
    assert run(transport, "print(open('hello.txt').read())") == b"from the host\r\n"
    transport.close()


def test_a_shared_board_outlives_its_links() -> None:
    first = open_transport("virtual:bench")
    raw(first)
    run(first, "kept = 'here'")
    first.close()
    first.close()
    with pytest.raises(DeviceClosedError):
        first.wait(0)
    second = open_transport("virtual:bench")
    raw(second)
    assert run(second, "print(kept)").strip() == b"here"
    other = open_transport("virtual:other")
    raw(other)
    assert run(other, "print('kept' in globals())").strip() == b"False"
    other.close()
    second.close()


def test_a_shared_board_has_one_link_at_a_time() -> None:
    first = open_transport("virtual:bench")
    with pytest.raises(PortBusyError, match="'bench' is in use by another Device"):
        open_transport("virtual:bench")
    waiter_ended = threading.Event()

    def wait() -> None:
        try:
            while True:
                first.wait(None)
                first.read()
        except DeviceClosedError:
            waiter_ended.set()

    threading.Thread(target=wait).start()
    first.close()
    assert waiter_ended.wait(SOON)
    open_transport("virtual:bench").close()


def test_a_shared_board_keeps_its_options() -> None:
    open_transport("virtual:bench?cooked=1").close()
    open_transport("virtual:bench?cooked=1").close()
    again = open_transport("virtual:bench")
    assert again.address == "virtual:bench?cooked=1"
    again.close()
    with pytest.raises(ConnectionFailedError, match="already runs with other options"):
        open_transport("virtual:bench?seed=1")


def test_a_shared_board_that_died_is_started_again() -> None:
    first = open_transport("virtual:bench")
    board = virtual._shared["bench"].process
    assert board is not None
    os.kill(board.pid, signal.SIGKILL)
    with pytest.raises(ConnectionLost, match="SIGKILL"):
        until(first, b"never")
    first.close()
    second = open_transport("virtual:bench")
    assert until(second, b">>> ").lstrip().startswith(b"MicroPython")
    second.close()


def test_files_of_the_current_folder_are_not_the_boards_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A MicroPython project has its own secrets.py; the board's process must not import it.
    for name in ("secrets", "struct", "threading", "wasmtime", "belay"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong file')")
    monkeypatch.chdir(tmp_path)
    transport = open_transport("virtual:")
    until(transport, b">>> ")
    transport.close()


def test_without_wasmtime_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConnectionFailedError, match="-m pip install wasmtime"):
        open_transport("virtual:")


def test_a_board_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual, "_STARTER", "import sys; sys.exit('no such luck')")
    for address in ("virtual:", "virtual:bench"):
        with pytest.raises(ConnectionFailedError, match=r"(?s)did not start.*no such luck"):
            open_transport(address)
    monkeypatch.undo()
    open_transport("virtual:bench").close()


def test_a_board_that_stays_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual, "_STARTER", "input()")
    monkeypatch.setattr(virtual, "_SLOWEST_START", 0.05)
    with pytest.raises(ConnectionFailedError, match=r"silent for 0.05 s"):
        open_transport("virtual:", timeout=0.01)


def test_a_program_without_an_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(ConnectionFailedError, match="does not know its own"):
        open_transport("virtual:")


def test_a_program_that_forgets_to_close_still_ends() -> None:
    source = (
        "from belay.transports import open_transport\n"
        "links = [open_transport('virtual:'), open_transport('virtual:shared')]\n"
        "from belay.transports import virtual\n"
        "print(virtual._shared['shared'].process.pid)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=SOON,
    )
    assert done.returncode == 0, done.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)
