# SPDX-License-Identifier: Apache-2.0
"""Serial ports and sockets: what is special about them, and every way that opening one fails."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from belay.errors import (
    AddressError,
    BelayException,
    ConnectionFailedError,
    ConnectionLost,
    DeviceClosedError,
    PortBusyError,
    PortNotFoundError,
)
from belay.transports import Transport, open_transport, serialport
from belay.transports.address import parse_address
from belay.transports.descriptor import DescriptorTransport

SOON = 30.0


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal in its cooked default: the master's descriptor and the slave's path."""
    master, slave = os.openpty()
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def read_from_master(master: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        ready, _, _ = select.select([master], [], [], SOON)
        assert ready
        data += os.read(master, 65536)
    return data


def drain(transport: Transport) -> None:
    while transport.wait(SOON):
        transport.read()


def test_a_port_is_raw_and_has_its_rate(terminal: tuple[int, str]) -> None:
    master, path = terminal
    controls = b"\x03\x04\x11\x13\x1a\x1c\r\n\x00\xff"
    transport = open_transport(path, baudrate=9600)
    assert isinstance(transport, DescriptorTransport)
    assert transport.bytes_per_second == 960
    assert termios.tcgetattr(master)[4] == termios.B9600
    os.write(master, controls)
    assert transport.wait(SOON)
    data = transport.read()
    while len(data) < len(controls):
        assert transport.wait(SOON)
        data += transport.read()
    assert data == controls
    transport.write(controls)
    assert read_from_master(master, len(controls)) == controls
    transport.close()


def test_the_rate_of_the_address_comes_first(terminal: tuple[int, str]) -> None:
    transport = open_transport(f"{terminal[1]}?baud=57600", baudrate=9600)
    assert transport.bytes_per_second == 5760
    transport.close()


def test_a_blocked_write_ends_when_its_output_is_dropped(terminal: tuple[int, str]) -> None:
    # The board does not read. Ctrl-C must not stand behind what it would not take anyway.
    master, path = terminal
    transport = open_transport(path)
    writer = threading.Thread(target=transport.write, args=(b"a" * 1_000_000,))
    writer.start()
    assert read_from_master(master, 1)  # so it has begun
    while writer.is_alive():
        transport.drop_output()
        writer.join(0.01)
    termios.tcflush(master, termios.TCIFLUSH)
    transport.write(b"\x03")
    assert read_from_master(master, 1).endswith(b"\x03")
    transport.close()


def test_a_blocked_write_ends_when_the_link_is_closed(terminal: tuple[int, str]) -> None:
    master, path = terminal
    transport = open_transport(path)
    raised: list[BaseException] = []

    def write() -> None:
        try:
            transport.write(b"a" * 1_000_000)
        except DeviceClosedError as error:
            raised.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_from_master(master, 1)
    transport.close()
    writer.join(SOON)
    assert raised


def test_a_blocked_write_ends_when_the_device_goes() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    transport = open_transport(os.ttyname(slave))
    os.close(slave)

    def pull_out() -> None:
        read_from_master(master, 1)
        os.close(master)

    puller = threading.Thread(target=pull_out)
    puller.start()
    with pytest.raises(ConnectionLost, match="unplugged"):
        transport.write(b"a" * 1_000_000)
    puller.join()
    transport.close()


def test_a_handler_may_close_the_link_it_interrupts(terminal: tuple[int, str]) -> None:
    transport = open_transport(terminal[1])
    main = threading.get_ident()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: transport.close())
    try:
        sender = threading.Timer(0.02, lambda: signal.pthread_kill(main, signal.SIGUSR1))
        sender.start()
        with pytest.raises(DeviceClosedError):
            drain(transport)
        sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_hwgrep_opens_the_port_it_finds(
    terminal: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from serial.tools import list_ports

    found = [(terminal[1], "Board in FS mode", "USB VID:PID=2E8A:0005")]
    monkeypatch.setattr(list_ports, "grep", lambda pattern: found)
    transport = open_transport("hwgrep://2E8A:0005")
    assert isinstance(transport, DescriptorTransport)
    assert transport.address == terminal[1]
    transport.close()


# -- every way that opening fails --------------------------------------------------------------


def failure(address: str) -> tuple[type[BaseException], str]:
    with pytest.raises(BelayException) as caught:
        open_transport(address, timeout=SOON)
    return caught.type, str(caught.value)


def test_a_port_in_use_names_its_user(terminal: tuple[int, str]) -> None:
    first = open_transport(terminal[1])
    error, message = failure(terminal[1])
    assert error is PortBusyError
    assert "Close it there" in message
    if sys.platform == "linux":
        assert f"process {os.getpid()}, this program" in message
    first.close()
    open_transport(terminal[1]).close()
    shared = [open_transport(terminal[1], exclusive=False) for _ in range(2)]
    for transport in shared:
        transport.close()


def test_the_user_of_a_port_may_be_another_program(terminal: tuple[int, str]) -> None:
    hold = "import serial, sys; p = serial.Serial(sys.argv[1], exclusive=True); print(flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{hold}; sys.stdin.read()", terminal[1]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline()
        error, message = failure(terminal[1])
        assert error is PortBusyError
        if sys.platform == "linux":
            assert f"process {holder.pid})" in message


@pytest.mark.parametrize(
    ("address", "error", "parts"),
    [
        ("/dev/belay-nothing", PortNotFoundError, ["no port /dev/belay-nothing", "there"]),
        ("./nothing", PortNotFoundError, ["no port ./nothing"]),
        ("COM5", PortNotFoundError, ["no port COM5", "names of Windows"]),
        ("/dev/null", ConnectionFailedError, ["/dev/null is no serial port"]),
        ("/", ConnectionFailedError, ["/ is no serial port"]),
        ("/dev/null/x", ConnectionFailedError, ["could not be opened"]),
        ("spy:///dev/belay-nothing", PortNotFoundError, ["no port /dev/belay-nothing"]),
        ("alt:///dev/null?class=NoSuch", AddressError, ["is wrong", "NoSuch"]),
        ("loop://?logging=loud", AddressError, ["is wrong"]),
        ("hwgrep://belay-no-such-board", PortNotFoundError, ["fits", "belay-no-such-board"]),
        ("hwgrep://x&n=0", AddressError, ["is wrong"]),
    ],
)
def test_ports_that_are_not_there(
    address: str, error: type[BelayException], parts: list[str]
) -> None:
    caught, message = failure(address)
    assert caught is error
    for part in parts:
        assert part in message


def test_a_host_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "no host 'belay.invalid' (Name or" in failure("socket://belay.invalid:80")[1]
    error, message = failure("rfc2217://belay.invalid:80")
    assert error is PortNotFoundError
    assert "no such host in rfc2217://belay.invalid:80" in message


def test_a_port_that_nobody_listens_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for scheme in ("socket", "rfc2217"):
        error, message = failure(f"{scheme}://127.0.0.1:{port}")
        assert error is ConnectionFailedError
        assert "Nothing listens" in message


def test_a_host_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(place: tuple[str, int], timeout: float | None) -> socket.socket:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)
    with pytest.raises(ConnectionFailedError, match=r"did not answer within 10 s"):
        open_transport("socket://10.255.255.1:80")


def test_an_unreachable_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(place: tuple[str, int], timeout: float | None) -> socket.socket:
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    with pytest.raises(ConnectionFailedError, match="No route to host"):
        open_transport("socket://10.255.255.1:80")


def test_a_socket_sends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = parse_address(f"socket://127.0.0.1:{server.getsockname()[1]}")
        transport = open_transport(str(address))
        assert isinstance(transport, DescriptorTransport)
        with socket.socket(fileno=os.dup(transport._read_fd)) as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        transport.close()


LINUX = "linux"
WINDOWS = "win32"
EXPLAINED = [
    # As pyserial words them on Linux, macOS and Windows.
    (LINUX, serial.SerialException(13, "could not open port"), "'sudo usermod -aG"),
    (WINDOWS, serial.SerialException("port 'COM5': PermissionError(13, 'Access is"), "is held by"),
    (WINDOWS, serial.SerialException("port 'COM5': FileNotFoundError(2, 'The"), "no port COM5"),
    (LINUX, serial.SerialException(16, "could not open port"), "is held by"),
    (LINUX, serial.SerialException(11, "Could not exclusively lock port"), "is held by"),
    (LINUX, serial.SerialException(6, "could not open port"), "has no device behind it"),
    (LINUX, serial.SerialException("Could not configure port: (5, 'Input"), "is no serial port"),
    (LINUX, OSError(errno.ENOMEM, "Cannot allocate"), "could not be opened"),
]


@pytest.mark.parametrize(("platform", "error", "said"), EXPLAINED)
def test_the_explanation_of_a_failure(
    platform: str, error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("belay.transports.serialport.sys.platform", platform)
    explained = serialport._explain(error, "COM5", "COM5")
    monkeypatch.undo()
    assert said in str(explained)


def test_the_list_of_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    from serial.tools import list_ports
    from serial.tools.list_ports_common import ListPortInfo

    pico, plain = ListPortInfo("/dev/ttyACM0"), ListPortInfo("/dev/ttyS0")
    pico.description = "Board in FS mode"
    monkeypatch.setattr(list_ports, "comports", lambda: [plain, pico])
    listed = serialport._ports_there()
    assert listed == "Ports that are there: /dev/ttyACM0 (Board in FS mode), /dev/ttyS0."
    monkeypatch.setattr(list_ports, "comports", list)
    assert "Without a board, use 'virtual:'" in serialport._ports_there()


def test_holders_of_a_port_that_nobody_holds(tmp_path: Path) -> None:
    assert serialport.port_holders(str(tmp_path / "nothing")) == []
