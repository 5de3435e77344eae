# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C stops the board, and the next call works."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import belay
from belay.session import session
from tests.device import decorated
from tests.device.programs import ENVIRONMENT, run_program

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

PROGRAM = """\
import signal
import belay
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
with belay.Device("virtual:") as device:
    device("kept = 7")
    @device.task
    def loop():
        print("looping")
        while True:
            pass
    try:
        device("print('looping')\\nwhile True: pass")
    except KeyboardInterrupt as stopped:
        print("stopped at", stopped.__cause__.frames[-1].source, device("kept"), flush=True)
    loop()
"""


class Heard:
    """A stream that tells when something has come."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def write(self, text: str) -> None:
        self.event.set()


@posix
def test_ctrl_c_in_a_program(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    child = subprocess.Popen(
        [sys.executable, "-u", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "looping\n"
        started = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "stopped at while True: pass 7\n"
        assert child.stdout.readline() == "looping\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == -signal.SIGINT
        errors = child.stderr.read()
        assert time.monotonic() - started < 10
    # Both halves of the truth: where the board was, and where the host was.
    assert f'File "{path}", line 10, in loop\n' in errors
    assert "KeyboardInterrupt: " in errors
    assert errors.rstrip().endswith("KeyboardInterrupt")


@posix
@pytest.mark.usefixtures("no_collector_hooks")
def test_forty_moments_of_a_printing_loop(device: belay.Device) -> None:
    chance = random.Random(3)
    for number in range(40):
        timer = threading.Timer(0.01 * chance.random(), os.kill, (os.getpid(), signal.SIGINT))
        try:
            timer.start()
            device("while True: print('hello')", stream_out=None)
        except KeyboardInterrupt:
            pass
        finally:
            timer.join()
        assert device(str(number)) == number


def test_interrupt_from_another_thread(device: belay.Device) -> None:
    heard = Heard()

    def stop() -> None:
        assert heard.event.wait(30)
        device.interrupt()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        device("print('running')\nwhile True:\n    pass", stream_out=heard)
    thread.join()
    cause = caught.value.__cause__
    assert isinstance(cause, belay.PyboardException)
    assert cause.type == "KeyboardInterrupt"
    assert [frame.line for frame in cause.frames] in ([2], [3])
    device.interrupt()  # nothing runs: nothing happens
    assert device("1 + 1") == 2


def test_a_program_that_catches_the_interrupt_goes_on(device: belay.Device) -> None:
    with pytest.raises(belay.CallTimeoutError) as caught:
        device(
            """
            ended = 0
            try:
                while True: pass
            finally:
                ended = 1
            """,
            timeout=0.05,
        )
    assert caught.value.ran
    assert device("ended") == 1


def test_eight_threads_and_their_tasks(device: belay.Device) -> None:
    same = device.task(decorated.same)
    divide = device.task(decorated.divide)
    wrong: list[object] = []

    def work(number: int) -> None:
        for turn in range(25):
            value = [number, turn, "x" * (number * turn)]
            if same(value) != value:
                wrong.append(value)
            try:
                divide(number, 0)
                wrong.append("no error")
            except belay.PyboardException as error:
                if error.type != "ZeroDivisionError":
                    wrong.append(error)

    def silently(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=silently, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert device("1 + 1") == 2


def test_two_boards_in_two_threads_do_not_wait_for_each_other() -> None:
    with belay.Device("virtual:") as left, belay.Device("virtual:") as right:
        heard = Heard()
        stopped: list[str] = []

        def loop() -> None:
            try:
                left("print('running')\nwhile True: pass", stream_out=heard)
            except KeyboardInterrupt:
                stopped.append("left")

        thread = threading.Thread(target=loop)
        thread.start()
        assert heard.event.wait(30)
        right("name = 'right'")
        assert right("name") == "right"
        left.interrupt()
        thread.join(30)
        assert stopped == ["left"]
        with pytest.raises(belay.PyboardException, match="NameError"):
            left("name")


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("while True: pass", "closed while the call was running"),
        (
            "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt: pass",
            "was closed",
        ),
    ],
    ids=["interrupted", "ignores interrupts"],
)
def test_closing_while_another_thread_calls(
    program: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CLOSING_PATIENCE", 0.5)
    device = belay.Device("virtual:")
    heard = Heard()
    ended: list[BaseException] = []

    def call() -> None:
        try:
            device(f"print('running')\n{program}", stream_out=heard)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert heard.event.wait(30)
    device.close()
    thread.join(30)
    assert [type(error) for error in ended] == [belay.DeviceClosedError]
    assert says in str(ended[0])


def test_closing_inside_a_callback_is_refused() -> None:
    with belay.Device("virtual:") as device:

        class Closer:
            def write(self, text: str) -> None:
                device.close()

        with pytest.raises(RuntimeError, match="closed the same board"):
            device("while True: print('more')", stream_out=Closer())
        assert not device.closed
        assert device("1 + 1") == 2
    assert device.closed


DAEMON = """\
import threading
import belay
device = belay.Device("virtual:")
ready = threading.Event()
class Heard:
    def write(self, text):
        ready.set()
def call():
    try:
        device("print('running')\\nwhile True: pass", stream_out=Heard())
    except belay.DeviceClosedError:
        pass
threading.Thread(target=call, daemon=True).start()
ready.wait()
print("the end")
"""


def test_a_program_ends_while_a_thread_of_it_still_calls(tmp_path: Path) -> None:
    assert run_program(tmp_path / "daemon.py", DAEMON).stdout == "the end\n"
