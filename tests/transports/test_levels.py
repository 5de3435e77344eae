# SPDX-License-Identifier: Apache-2.0
"""DTR and RTS: no step on the way resets a board that listens to them."""

from __future__ import annotations

import contextlib
import os
import struct
import termios
from typing import Any

import pytest
import serial

import belay
from belay.transports import levels, open_transport, serialport
from belay.transports.address import SerialAddress

DTR, RTS = termios.TIOCM_DTR, termios.TIOCM_RTS


class Lines:
    """A port that notes every state its two lines pass through, as an ESP's reset circuit does."""

    def __init__(self, dtr: bool = False, rts: bool = False) -> None:
        self.states = [(dtr, rts)]

    def __setattr__(self, name: str, level: Any) -> None:
        if name == "dtr":
            self.states.append((level, self.states[-1][1]))
        elif name == "rts":
            self.states.append((self.states[-1][0], level))
        else:
            super().__setattr__(name, level)

    def __getattr__(self, name: str) -> bool:
        return self.states[-1][("dtr", "rts").index(name)]


RESET = (False, True)


def test_lines_that_move_one_by_one_pass_no_reset() -> None:
    lines = Lines()
    levels.lift(lines)
    assert lines.states[-1] == (True, True)
    levels.drop(lines)
    assert lines.states[-1] == (False, False)
    assert RESET not in lines.states
    lines = Lines()
    levels.lift(lines, dtr=False, rts=False)
    assert lines.states == [(False, False)]


@pytest.mark.parametrize(
    ("dtr", "rts", "after"),
    [
        (False, False, 0),
        (True, True, DTR | RTS),
        (False, None, RTS),
        (None, False, DTR),
        (True, False, DTR),
    ],
)
def test_lines_that_move_together(
    dtr: bool | None, rts: bool | None, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = termios.TIOCM_CTS  # not ours to change
    done: list[int] = []

    def ioctl(descriptor: int, request: int, data: bytes) -> bytes:
        if request == termios.TIOCMGET:
            return struct.pack("I", DTR | RTS | other)
        assert request == termios.TIOCMSET
        done.append(struct.unpack("I", data)[0])
        return data

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    levels.set_together(5, dtr, rts)
    assert done == [after | other]


@pytest.mark.parametrize("before", [(True, True), (False, False), (True, False)])
def test_a_pulse_resets_and_leaves_the_lines_as_they_were(
    before: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines(*before)
    waited: list[int] = []
    monkeypatch.setattr("time.sleep", lambda _: waited.append(len(lines.states)))
    assert levels.pulse(lines)
    held, starting = waited
    assert lines.states[held - 1] == RESET
    assert lines.states[starting - 1] == (False, False)
    assert RESET not in lines.states[held:]
    assert lines.states[-1] == before


def test_no_pulse_where_there_are_no_lines() -> None:
    master, slave = os.openpty()
    try:
        with contextlib.closing(open_transport(os.ttyname(slave))) as transport:
            assert not transport.hard_reset()
    finally:
        os.close(slave)
        os.close(master)


def test_the_line_of_a_virtual_board_is_its_button() -> None:
    with belay.Device("virtual:that_hangs") as device:
        device.files.write_text("/kept", "1")
        device.board.hang()
    with contextlib.closing(open_transport("virtual:that_hangs")) as transport:
        assert transport.hard_reset()
    with belay.Device("virtual:that_hangs") as device:
        assert device.files.exists("/kept")


def test_a_port_without_such_lines() -> None:
    master, slave = os.openpty()
    levels.set_together(slave, False, False)
    levels.stay_at_close(slave)
    assert not termios.tcgetattr(slave)[2] & termios.HUPCL
    os.close(slave)
    os.close(master)
    read, write = os.pipe()
    levels.stay_at_close(read)
    os.close(read)
    os.close(write)


def test_opening_and_closing_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done to a port on this system, which raises both lines by itself."""
    done: list[Any] = []
    master, slave = os.openpty()
    monkeypatch.setattr(levels, "set_together", lambda fd, *both: done.append(both))
    path = os.ttyname(slave)
    open_transport(path).close()
    assert done == []
    open_transport(f"{path}?dtr=0&rts=0").close()
    open_transport(f"{path}?dtr=1").close()
    assert done == [(False, False), (True, None)]
    os.close(slave)
    os.close(master)


OWN: dict[tuple[str, int | None], bool] = {
    ("/dev/ttyACM0", 0x2E8A): True,
    ("/dev/ttyACM12", None): True,
    ("/dev/ttyACM0", 0x1A86): False,  # WCH's newer adapters speak the protocol of boards
    ("/dev/ttyUSB0", 0x10C4): False,
    ("/dev/ttyUSB0", None): False,
    ("/dev/cu.usbmodem1101", None): True,
    ("/dev/tty.usbmodem1101", None): True,
    ("/dev/cu.usbserial-0001", None): False,
    ("/dev/cu.SLAB_USBtoUART", None): False,
    ("/dev/cu.wchusbserial1410", None): False,
    ("/dev/ttyS0", None): False,
    ("/dev/ttyAMA0", None): False,
}


@pytest.mark.parametrize(("port", "vid"), OWN, ids=str)
def test_which_ports_are_the_boards_own(port: str, vid: int | None) -> None:
    assert levels.own_usb(port, vid) is OWN[port, vid]


class RealPort:
    """As much of a serial port of a machine as settling one needs."""

    def __init__(self, port: str) -> None:
        self.port = port

    def fileno(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("port", "exclusive", "expected"),
    [
        ("/dev/ttyUSB0", True, ["stays", "alone"]),
        ("/dev/ttyUSB0", False, ["stays"]),
        ("/dev/ttyACM0", True, ["alone"]),
        ("/dev/pts/99", True, []),
    ],
)
def test_a_port_of_this_machine_is_settled(
    port: str, exclusive: bool, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(levels, "stay_at_close", lambda fd: done.append("stays"))
    monkeypatch.setattr(
        "fcntl.ioctl", lambda fd, request: done.append("alone" * (request == termios.TIOCEXCL))
    )
    serialport._settle(RealPort(port), SerialAddress(port), exclusive)  # type: ignore[arg-type]
    assert done == expected


@pytest.mark.parametrize(
    ("address", "states"),
    [
        ("COM5", [(False, False), (True, False), (True, True)]),
        ("COM5?dtr=0&rts=0", [(False, False)]),
        ("COM5?rts=0", [(False, False), (True, False)]),
    ],
)
def test_on_windows_the_lines_move_in_their_order(
    address: str, states: list[tuple[bool, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ports: list[Any] = []

    class Port(Lines):
        baudrate = 115200
        is_open = False

        def __init__(self) -> None:
            super().__init__()
            ports.append(self)

        def open(self) -> None:
            self.states = [self.states[-1]]  # as they are when the driver first hears of them
            self.is_open = True

        def close(self) -> None:
            self.is_open = False

    monkeypatch.setattr(serial, "Serial", Port)
    monkeypatch.setattr(serialport, "_threaded", lambda port, address, rate: port)
    with monkeypatch.context() as patched:
        patched.setattr("sys.platform", "win32")
        port: Any = open_transport(address)
        assert port.states == states
        serialport.PySerialLink(port).close()
    assert not port.is_open
    assert RESET not in port.states
    assert port.states[-1] == (False, False)


def test_on_macos_a_port_is_opened_for_calling_out(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def refuse(port: Any, address: str) -> None:
        opened.append(port.port)
        raise RuntimeError

    monkeypatch.setattr(serialport, "_open", refuse)
    for path in ("/dev/tty.usbmodem1101", "/dev/cu.usbmodem1101"):
        with monkeypatch.context() as patched:
            patched.setattr("sys.platform", "darwin")
            with pytest.raises(RuntimeError):
                open_transport(path)
    assert opened == ["/dev/cu.usbmodem1101"] * 2
