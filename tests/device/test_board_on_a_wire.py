# SPDX-License-Identifier: Apache-2.0
"""What only a real board shows: lines, ports, cables, buttons. See docs/hardware.md.

``make hardware DEVICE=…`` runs it. Where a person sits at the terminal, the tests whose names begin
with ``test_hands`` ask for things to be done.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

import belay
from belay.transports import levels, open_transport
from belay.transports.discovery import probe
from belay.transports.opening import Opening
from belay.transports.usb import UsbSpecifier, device_at

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(900)]

SOON = 30.0


@pytest.fixture(scope="module")
def address() -> str:
    return os.environ["BELAY_BOARD"]


@pytest.fixture(scope="module")
def port(address: str) -> str:
    """The serial port of the board."""
    transport = Opening(address)()
    transport.close()
    found = transport.address.partition("?")[0]
    if ":" in found and not found.upper().startswith(("COM", "\\\\")):
        pytest.skip("not a serial port")
    return found


@pytest.fixture(scope="module")
def usb(port: str) -> UsbSpecifier:
    """What is known of the board's USB device."""
    found = device_at(port)
    if found is None:
        pytest.skip("not on USB")
    return found


@pytest.fixture
def ask(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Asks the person at the terminal to do something, and waits until it is done."""
    if request.config.getoption("capture") != "no" or not sys.stdin.isatty():
        pytest.skip("needs a person at a terminal")
    return lambda text: input(f"\n>>> {text} Then press Enter. ") and None


def mark(address: str) -> None:
    """Leave something in the board's memory."""
    with belay.Device(address, reset=False, startup="") as device:
        device("belay_mark = 'set'")


def marked(address: str) -> bool:
    """Whether it is still there: the board was not reset meanwhile."""
    with belay.Device(address, reset=False, startup="") as device:
        return bool(device("'belay_mark' in globals()"))


# ---------------------------------------------------------------------------- ports and lines


def test_it_is_listed(port: str, usb: UsbSpecifier) -> None:
    print(f"\n{port}: {usb!r}")
    assert usb.vid is not None
    assert usb.pid is not None
    marks = UsbSpecifier(usb.vid, usb.pid, usb.serial_number, location=usb.location)
    assert marks.to_port() == usb.device
    with belay.Device(marks, reset=False, startup="") as device:
        assert device("6 * 7") == 42


def test_opening_and_closing_does_not_reset(address: str, port: str) -> None:
    mark(address)
    for _ in range(3):
        open_transport(port).close()
        assert marked(address)


def test_without_the_lines(address: str, port: str, usb: UsbSpecifier) -> None:
    if levels.own_usb(port, usb.vid):
        pytest.skip("the board's own USB: it sends nothing while DTR is off")
    mark(address)
    assert marked(f"{port}?dtr=0&rts=0")
    assert marked(address)


def test_probing_disturbs_nothing(address: str) -> None:
    mark(address)
    found = probe(address, timeout=SOON)
    print(f"\n{found.text}")
    assert found.state in ("micropython", "circuitpython")
    assert found.version
    assert marked(address)


def test_a_program_goes_on_when_nobody_listens(address: str, port: str) -> None:
    """A board that believes somebody listens waits for each print to be read."""
    transport = open_transport(port)
    transport.write(b"\r\x03\x03\r\x01")
    _read_until(transport, b"raw REPL; CTRL-B to exit\r\n>")
    program = (
        b"import time\nbelay_n = 0\nwhile True: print('x' * 50); belay_n += 1; time.sleep(0.01)"
    )
    transport.write(program + b"\x04")
    _read_until(transport, b"OK")
    transport.close()
    time.sleep(3)
    with belay.Device(address, reset=False, startup="") as device:
        assert device("belay_n") > 90


def _read_until(transport: belay.transports.Transport, text: bytes) -> None:
    data = b""
    end = time.monotonic() + SOON
    while text not in data:
        assert transport.wait(max(end - time.monotonic(), 0)), data
        data += transport.read()


def test_a_second_program_is_refused(port: str) -> None:
    first = open_transport(port)
    with pytest.raises(belay.errors.PortBusyError) as caught:
        open_transport(port)
    if sys.platform == "linux":
        assert "this program" in str(caught.value)
    other = "import sys, serial; serial.Serial(sys.argv[1], exclusive=True)"
    done = subprocess.run([sys.executable, "-c", other, port], capture_output=True, timeout=60)
    assert done.returncode
    first.close()
    open_transport(port).close()


def test_how_long_a_call_takes(address: str) -> None:
    with belay.Device(address, reset=False, startup="") as device:
        device("0")
        took = []
        for _ in range(50):
            start = time.perf_counter()
            device("0")
            took.append(time.perf_counter() - start)
        data = bytes(range(256)) * 16
        size = device.task(_size)
        start = time.perf_counter()
        assert size(data) == len(data)
        rate = len(data) / (time.perf_counter() - start)
    print(f"\na call: {statistics.median(took) * 1000:.2f} ms; 4 KB to it: {rate / 1000:.1f} KB/s")


def _size(data):  # type: ignore[no-untyped-def]
    return len(data)


def test_many_calls_and_no_mistake(address: str) -> None:
    with belay.Device(address, reset=False, startup="") as device:
        double = device.task(_double)
        for number in range(1000):
            assert double(number) == 2 * number


def _double(x):  # type: ignore[no-untyped-def]
    return 2 * x


# ---------------------------------------------------------------------------- with hands


def test_hands_plugged_in_elsewhere(
    address: str, usb: UsbSpecifier, ask: Callable[[str], None]
) -> None:
    if usb.serial_number is None:
        pytest.skip("it has no serial number: it is found in the same socket only")
    with belay.Device(address, attempts=-1) as device:
        device("belay_mark = 'set'")
        before = device.address
        ask(
            "Unplug the board. Plug in another one, if you have it. "
            "Plug this one into another USB socket."
        )
        assert device("belay_mark") == "set"
        print(f"{before} is now {device.address}")
        now = device_at(device.address.partition("?")[0])
        assert now is not None
        assert now.serial_number == usb.serial_number


def test_hands_the_reset_button(address: str, ask: Callable[[str], None]) -> None:
    with belay.Device(address, attempts=60) as device:
        device("belay_mark = 'set'")
        ask("Press the board's reset button and wait for 3 s.")
        assert device("belay_mark") == "set"


def test_hands_unplugged_for_good(address: str, ask: Callable[[str], None]) -> None:
    device = belay.Device(address, reset=False)
    ask("Unplug the board.")
    with pytest.raises(belay.ConnectionLost) as caught:
        device("6 * 7")
    print(caught.value)
    device.close()
    ask("Plug it in again and wait for 3 s.")
    with belay.Device(address, reset=False) as again:
        assert again("6 * 7") == 42


def test_hands_another_user_of_the_port(port: str, ask: Callable[[str], None]) -> None:
    ask(f"Open {port} in another program: a serial monitor, Thonny, mpremote.")
    with pytest.raises(belay.errors.PortBusyError) as caught:
        open_transport(port)
    print(caught.value)
    ask("Close it there.")
    open_transport(port).close()
