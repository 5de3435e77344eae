# SPDX-License-Identifier: Apache-2.0
"""Making a Device, what it knows of its board, and its end."""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

import belay
from belay.transports import open_transport
from tests.device.programs import children, is_gone, run_program
from tests.session.boards import fresh_name

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_implementation(device: belay.Device) -> None:
    implementation = device.implementation
    assert isinstance(implementation, belay.Implementation)
    assert implementation.name == "micropython"
    assert implementation.version >= (1, 20, 0)
    assert implementation.platform == "webassembly"
    assert implementation.arch is None
    assert implementation.emitters == ()


def test_names_and_repr(connect: Callable[..., belay.Device]) -> None:
    device = connect(" virtual:?cooked=1 ")
    assert device.address == "virtual:?cooked=1"
    assert repr(device) == "<Device virtual:?cooked=1 (micropython)>"
    device.close()
    assert repr(device) == "<Device virtual:?cooked=1 (closed)>"
    assert device.address == "virtual:?cooked=1"


def test_the_environment_names_the_board(
    connect: Callable[..., belay.Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELAY_DEVICE", "virtual:")
    assert connect(None)("1 + 1") == 2
    # Without it, the only USB device that there is, as Belay 0.30 has it: here there is none.
    monkeypatch.setattr("belay.transports.usb.list_devices", list)
    monkeypatch.setenv("BELAY_DEVICE", "")
    with pytest.raises(belay.DeviceNotFoundError, match="virtual:"):
        connect(None)
    monkeypatch.delenv("BELAY_DEVICE")
    with pytest.raises(belay.DeviceNotFoundError, match="plugged in"):
        connect(None)


def test_an_open_transport_is_taken(connect: Callable[..., belay.Device]) -> None:
    transport = open_transport("virtual:")
    device = connect(transport)
    assert device("6 * 7") == 42
    device.close()
    with pytest.raises(belay.DeviceClosedError):
        transport.write(b"\n")


# ---- reset and startup

CONVENIENCE = {"os", "sys", "time", "sleep", "const"}
CONVENIENCE |= {"machine", "Pin", "Timer", "PWM", "ADC", "I2C", "SPI"}


def test_reset_clears_and_attaching_does_not(connect: Callable[..., belay.Device]) -> None:
    name = fresh_name()
    with connect(name) as first:
        first("kept = [1]")
    with connect(name, reset=False) as second:
        assert second("kept") == [1]
    with connect(name) as third, pytest.raises(belay.PyboardException, match="NameError"):
        third("kept")


def test_convenience_imports(device: belay.Device) -> None:
    names = set(device("list(globals())"))
    assert names >= CONVENIENCE
    assert not [name for name in names - CONVENIENCE if not name.startswith("__")]
    assert device("(Pin is machine.Pin, sleep is time.sleep, const(3))") == (True, True, 3)


def test_convenience_imports_of_what_there_is(connect: Callable[..., belay.Device]) -> None:
    name = fresh_name()
    lacks = {"SPI", "PWM", "Pin", "Timer"}
    with connect(name, startup="") as first:
        first("import machine\n" + "".join(f"del machine.{one}\n" for one in sorted(lacks)))
    with connect(name, reset=False) as second:  # what it lacks is left out, and no error
        names = set(second("list(globals())"))
    assert names >= CONVENIENCE - lacks
    assert not names & lacks


def test_convenience_imports_keep_names_that_are_taken(
    connect: Callable[..., belay.Device],
) -> None:
    name = fresh_name()
    with connect(name, startup="") as first:
        first("Pin = 'mine'; sleep = None")
    with connect(name, reset=False) as second:
        assert second("(Pin, sleep, Timer is machine.Timer)") == ("mine", None, True)


ALWAYS = {"os", "sys", "time"}


def test_startup(connect: Callable[..., belay.Device]) -> None:
    bare = connect(startup="")
    assert set(bare("list(globals())")) & CONVENIENCE == ALWAYS  # as in Belay 0.30
    assert not [name for name in bare("list(globals())") if name[:2] == "__" != name[-2:]]
    own = connect(startup="import time as clock\nanswer = 42, os.getcwd()")
    assert own("answer") == (42, "/")
    assert set(own("list(globals())")) & CONVENIENCE == ALWAYS
    name = fresh_name()
    connect(name, startup="time = 5").close()
    connect(name, reset=False, startup="").close()
    assert connect(name, reset=False, startup="seen = time")("seen") == 5
    attached = connect(fresh_name(), reset=False, startup="")
    assert not set(attached("list(globals())")) & CONVENIENCE


@pytest.mark.parametrize(
    ("startup", "line"),
    [
        ("a = 1\nimport nonsense", 2),
        ("# a comment\nimport nonsense", 2),
        ("\n    a = os.getcwd()\n    import nonsense\n", 3),
        ("\n    for _ in range(1):\n        import nonsense\n", 3),
    ],
)
def test_startup_that_fails(startup: str, line: int) -> None:
    with pytest.raises(belay.PyboardException, match="ImportError") as caught:
        belay.Device("virtual:", startup=startup)
    assert caught.value.frames[-1].line == line


# ---- timeouts


def test_timeouts_of_call_task_and_device(connect: Callable[..., belay.Device]) -> None:
    device = connect(timeout=0.05)
    assert device.timeout == 0.05
    with pytest.raises(belay.CallTimeoutError) as caught:
        device("while True: pass")
    assert caught.value.ran is True
    assert isinstance(caught.value, TimeoutError)

    @device.task(timeout=20)
    def patient(n):
        import time

        time.sleep_ms(n)
        return n

    @device.task
    def hasty():
        while True:
            pass

    assert patient(120) == 120
    assert device("__import__('time').sleep_ms(120)", timeout=20) is None
    with pytest.raises(belay.CallTimeoutError, match="not over in time") as caught:
        hasty()
    cause = caught.value.__cause__
    assert isinstance(cause, belay.PyboardException)
    assert cause.frames[-1].name == "hasty"
    assert cause.frames[-1].filename == __file__
    device.timeout = None
    assert device("__import__('time').sleep_ms(120) or 3") == 3


# ---- the end


def test_closing(connect: Callable[..., belay.Device]) -> None:
    device = connect()

    @device.task
    def two():
        return 2

    assert not device.closed
    device.close()
    device.close()
    assert device.closed
    device.interrupt()
    for use in (lambda: device("1"), two, lambda: device.task(two.__wrapped__)):
        with pytest.raises(belay.DeviceClosedError, match="closed; make a new one"):
            use()


def test_the_context_manager_closes_also_after_an_error() -> None:
    device = belay.Device("virtual:")
    with pytest.raises(belay.PyboardException), device as entered:
        entered("1 / 0")
    assert entered is device
    assert device.closed


@linux
def test_a_forgotten_device_ends_its_board() -> None:
    before = children()
    device = belay.Device("virtual:")
    (pid,) = children() - before
    assert device("1") == 1
    del device
    gc.collect()  # a ResourceWarning here would be an error
    assert is_gone(pid)
    assert pid not in children()  # and no zombie stays


@linux
def test_a_device_that_could_not_be_made_leaves_no_board() -> None:
    before = children()
    with pytest.raises(belay.PyboardException):
        belay.Device("virtual:", startup="1 / 0")
    assert not children() - before


@linux
@pytest.mark.parametrize(
    ("address", "end"),
    [
        ("virtual:", ""),
        ("virtual:", "device.close()"),
        ("virtual:", "raise SystemExit"),
        ("virtual:", "sys.stdout.flush(); os._exit(0)"),
        ("virtual:", "sys.stdout.flush(); os.kill(os.getpid(), 9)"),
        ("virtual:shared", ""),
    ],
)
def test_no_program_leaves_its_board_behind(tmp_path: Path, address: str, end: str) -> None:
    source = f"""\
import os, sys
import belay
from tests.device.programs import children
device = belay.Device({address!r})
@device.task
def f():
    return 1
f()
print(*children())
{end}
"""
    if "kill" in end:
        with pytest.raises(AssertionError) as caught:
            run_program(tmp_path / "program.py", source)
        output = str(caught.value)
    else:
        output = run_program(tmp_path / "program.py", source).stdout
    pids = [int(word) for word in output.split("\n")[0].split()]
    assert len(pids) == 1
    assert is_gone(pids[0])


def test_repr_of_a_device_that_could_not_connect() -> None:
    """Debuggers and tracebacks with local variables show it."""
    try:
        belay.Device("/dev/no-such-port")
    except belay.PortNotFoundError as error:
        trace = error.__traceback__
    frames = [frame for frame, _ in traceback.walk_tb(trace)]
    shown = {repr(frame.f_locals["self"]) for frame in frames if "self" in frame.f_locals}
    assert "<Device (not connected)>" in shown
