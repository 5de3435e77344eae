# SPDX-License-Identifier: Apache-2.0
"""The same board again: unplugged, plugged in elsewhere, under another name."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
from belay.errors import AddressError, ConnectionFailedError, DeviceNotFoundError
from belay.transports.opening import Opening
from belay.transports.usb import UsbSpecifier, _plain, device_at, same_board
from belay.virtual import published
from tests.device.plugs import Plug
from tests.transports.test_usb import ADAPTER, PICO, SECOND_PICO, port

CONSOLE = port("/dev/ttyACM2", vid=0x239A, pid=1, serial_number="C1", location="1-1.3:1.0")
DATA = port("/dev/ttyACM3", vid=0x239A, pid=1, serial_number="C1", location="1-1.3:1.2")
MAC_CONSOLE = port("/dev/cu.usbmodem11", vid=0x239A, pid=1, serial_number="C1", location="1-1")
MAC_DATA = port("/dev/cu.usbmodem13", vid=0x239A, pid=1, serial_number="C1", location="1-1")


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    ports: list[Any] = []
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: list(ports))
    return ports


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Makes pseudo-terminals under names of a test's own."""
    descriptors: list[int] = []

    def make(name: str) -> str:
        descriptors.extend(os.openpty())
        path = tmp_path / name
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(descriptors[-1]))
        return str(path)

    yield make
    for descriptor in descriptors:
        os.close(descriptor)


SAME_PORT = [
    ("COM5", r"\\.\COM5"),
    ("com12", r"\\.\COM12"),
    ("/dev/tty.usbmodem11", "/dev/cu.usbmodem11"),
    ("/dev/../dev/ttyACM0", "/dev/ttyACM0"),
]


@pytest.mark.parametrize(("one", "other"), SAME_PORT)
def test_names_of_one_port(one: str, other: str) -> None:
    assert _plain(one) == _plain(other)


def test_different_ports() -> None:
    names = ["COM5", "COM50", "/dev/cu.usbmodem11", "/dev/cu.usbmodem1", "/dev/ttyACM0", ""]
    assert len({_plain(name) for name in names}) == len(names)


def test_what_is_at_a_port(plugged_in: list[Any]) -> None:
    plugged_in += [PICO, port("COM5", vid=1), port("/dev/cu.usbmodem11", vid=2)]
    found = device_at("/dev/ttyACM1")
    assert found is not None
    assert found.serial_number == PICO.serial_number
    assert device_at(r"\\.\com5") == UsbSpecifier(1)
    assert device_at("/dev/tty.usbmodem11") == UsbSpecifier(2)
    assert device_at("/dev/ttyACM9") is None


def moved(known: Any, device: str, **changes: Any) -> Any:
    """The same board at another port."""
    return port(device, **{k: v for k, v in (vars(known) | changes).items() if k != "device"})


def seen(known: Any) -> UsbSpecifier:
    fields = ("vid", "pid", "serial_number", "manufacturer", "product", "location", "device")
    return UsbSpecifier(*(getattr(known, name) for name in fields))


AGAIN: dict[str, tuple[Any, list[Any], str | None]] = {
    "elsewhere, by its serial number": (
        PICO,
        [SECOND_PICO, moved(PICO, "/dev/ttyACM5", location="3-1:1.0")],
        "/dev/ttyACM5",
    ),
    "another of its kind is not it": (PICO, [SECOND_PICO], None),
    "without a serial number: by its socket": (
        ADAPTER,
        [port("/dev/ttyUSB7", vid=0x1A86, pid=0x7523, location="1-1.1")],
        "/dev/ttyUSB7",
    ),
    "without a serial number elsewhere: nobody knows": (
        ADAPTER,
        [port("/dev/ttyUSB7", vid=0x1A86, pid=0x7523, location="1-1.2")],
        None,
    ),
    "nothing known of it": (port("/dev/ttyUSB0", vid=1), [port("/dev/ttyUSB0", vid=1)], None),
    "the first of two ports": (CONSOLE, [DATA, CONSOLE], "/dev/ttyACM2"),
    "the second of two ports": (DATA, [DATA, CONSOLE], "/dev/ttyACM3"),
    "the second of two ports, on Windows": (
        port("COM7", vid=0x239A, pid=1, serial_number="C1", location="1-4:x.2"),
        [
            port("COM11", vid=0x239A, pid=1, serial_number="C1", location="1-9.3:x.0"),
            port("COM12", vid=0x239A, pid=1, serial_number="C1", location="1-9.3:x.2"),
        ],
        "COM12",
    ),
    "two ports, on macOS": (MAC_DATA, [MAC_CONSOLE, MAC_DATA], "/dev/cu.usbmodem13"),
}


@pytest.mark.parametrize("case", AGAIN)
def test_a_board_is_found_again(plugged_in: list[Any], case: str) -> None:
    known, there, expected = AGAIN[case]
    plugged_in += there
    found = same_board(seen(known))
    assert (found.device if found else None) == expected


def test_two_ports_of_one_board_are_one_board(plugged_in: list[Any]) -> None:
    plugged_in += [DATA, CONSOLE]
    assert UsbSpecifier(serial_number="c1").to_port() == "/dev/ttyACM2"
    assert UsbSpecifier().to_port() == "/dev/ttyACM2"
    assert UsbSpecifier(location="1-1.3:1.2").to_port() == "/dev/ttyACM3"
    plugged_in[:] = [MAC_DATA, MAC_CONSOLE]
    assert UsbSpecifier(vid=0x239A).to_port() == "/dev/cu.usbmodem11"
    plugged_in += [port("/dev/ttyACM9", vid=0x239A, pid=1, serial_number="C2", location="1-2:1.0")]
    with pytest.raises(belay.InsufficientSpecifierError):
        UsbSpecifier(vid=0x239A).to_port()


@pytest.mark.parametrize("by", ["port", "usb:2e8a:0005", "usb:", "{}", "specifier"])
def test_replugged_under_another_name(
    plugged_in: list[Any], ports: Callable[[str], str], by: str
) -> None:
    first, second, foreign = ports("ttyACM0"), ports("ttyACM1"), ports("ttyACM2")
    marks = {"vid": 0x2E8A, "pid": 5, "serial_number": "e661"}
    plugged_in[:] = [port(first, **marks)]
    board: Any = {"port": first, "specifier": UsbSpecifier(vid=0x2E8A, device=first)}.get(by, by)
    opening = Opening(board)
    transport = opening()
    assert transport.address == first
    transport.close()
    # Its old name now is another board's, of the same kind.
    plugged_in[:] = [port(first, **{**marks, "serial_number": "f772"}), port(second, **marks)]
    transport = opening()
    assert transport.address == second
    transport.close()
    plugged_in[:] = [port(first, **{**marks, "serial_number": "f772"}), port(foreign, vid=1)]
    with pytest.raises(DeviceNotFoundError, match="e661"):
        opening()
    plugged_in[:] = [port(foreign, **marks)]
    opening().close()


def test_options_of_the_address_go_with_it(
    plugged_in: list[Any], ports: Callable[[str], str]
) -> None:
    first, second = ports("a"), ports("b")
    plugged_in[:] = [port(first, serial_number="x")]
    opening = Opening(f"{first}?baud=9600")
    opening().close()
    plugged_in[:] = [port(second, serial_number="x")]
    transport = opening()
    assert transport.address == f"{second}?baud=9600"
    assert transport.bytes_per_second == 960
    transport.close()


def test_a_port_of_which_nothing_is_known(
    plugged_in: list[Any], ports: Callable[[str], str]
) -> None:
    path = ports("ttyS5")
    opening = Opening(path)
    for _ in range(2):
        opening().close()
    Path(path).unlink()
    with pytest.raises(ConnectionFailedError, match="There is no port"):
        opening()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="numbers of Linux's terminals")
def test_a_terminals_number_is_given_again(
    plugged_in: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a name leads to when its terminal was closed may be anybody's."""
    monkeypatch.setattr(published, "_folder", lambda: tmp_path / "boards")
    link = tmp_path / "port"
    with terminal() as name, terminal() as other:
        link.symlink_to(name)
        for opening in (Opening(name), Opening(str(link))):
            for _ in range(2):
                opening().close()
            known = opening._terminal
            assert known is not None
            # As if the one that was opened had been made earlier, and closed.
            opening._terminal = known._replace(made=known.made - 1)
            with pytest.raises(DeviceNotFoundError, match="its name is now another program's"):
                opening()
        # A link that was set anew leads to what somebody means.
        link.unlink()
        link.symlink_to(other)
        opening().close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="numbers of Linux's terminals")
@pytest.mark.parametrize(
    ("made", "found", "again"),
    [
        pytest.param([0], True, False, id="never unplugged"),
        pytest.param([-1, 0], True, True, id="under its old number again"),
        pytest.param([-2, 0], True, False, id="another board"),
        pytest.param([-1], False, False, id="the board's old number"),
        pytest.param([0, 1], False, False, id="a number that the board had for a while"),
    ],
)
def test_a_virtual_board_says_which_terminals_it_had(
    made: list[int],
    found: bool,
    again: bool,
    plugged_in: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When they were made, in ns after the one that is there; the one opened was made 1 before."""
    monkeypatch.setattr(published, "_folder", lambda: tmp_path / "boards")
    with terminal() as name, socket.create_server(("127.0.0.1", 0)) as pipe:
        there = published.terminal_at(name)
        assert there is not None
        record = published.Record(name, [name], pipe.getsockname()[1], "k", 1)
        published.publish(record._replace(terminals=[there + each for each in made]))
        assert (published.find(name) is not None) == found
        opening = Opening(name)
        opening().close()
        assert opening._terminal is not None
        opening._terminal = opening._terminal._replace(made=there - 1)
        assert opening._terminal.again(name) == again


@contextlib.contextmanager
def terminal() -> Iterator[str]:
    """A pseudo terminal; its name."""
    descriptors = os.openpty()
    try:
        yield os.ttyname(descriptors[1])
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def test_a_mistake_is_told_at_once() -> None:
    with pytest.raises(AddressError, match="unknown option 'speed'"):
        Opening("/dev/ttyACM0?speed=1")
    assert "secret" not in repr(Opening("/dev/ttyACM0", password="secret"))


def test_a_device_finds_its_board_under_another_name(plugged_in: list[Any]) -> None:
    here, there = Plug(), Plug()
    marks = {"vid": 0x2E8A, "pid": 5, "serial_number": "e661"}
    try:
        plugged_in[:] = [port(here.address, **marks)]
        with belay.Device(here.address, attempts=5) as device:
            device("mark = 'set'")
            here.pull()
            plugged_in[:] = [port(there.address, **marks)]
            assert device("mark") == "set"
            assert device.address == there.address
    finally:
        here.close()
        there.close()
