# SPDX-License-Identifier: Apache-2.0
"""Far ends for links under test: each sends back every byte, and can hang up."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import tty
from collections.abc import Callable
from typing import NamedTuple

import serial
from serial.rfc2217 import PortManager

from belay.transports import Transport, open_transport
from belay.transports.network import SocketLink
from belay.transports.process import BoardProcess, connect_threaded
from belay.transports.recording import RecordingTransport
from belay.transports.shaped import ShapedTransport
from belay.transports.threaded import ThreadedTransport


class EchoingLink(NamedTuple):
    """A transport whose far end echoes.

    Attributes:
        transport: the near end.
        hang_up: ends the far end; None where there is none (``loop://``).
        finish: releases what the test does not.
    """

    transport: Transport
    hang_up: Callable[[], None] | None
    finish: Callable[[], None] = lambda: None


class EchoingTerminal:
    """A pseudo-terminal, as raw as a UART, whose other side echoes."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        # Held open until the link has opened it: a terminal that nobody holds has hung up.
        self._slave: int | None = slave
        self._stop_r, self._stop_w = os.pipe()
        self._thread = threading.Thread(target=self._echo, daemon=True)
        self._thread.start()

    def let_go(self) -> None:
        """Leave the slave to the link alone."""
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None

    def _echo(self) -> None:
        while True:
            ready, _, _ = select.select([self.master, self._stop_r], [], [])
            if self._stop_r in ready:
                break
            try:
                data = os.read(self.master, 65536)
                while data:
                    data = data[os.write(self.master, data) :]
            except OSError:  # the link has closed its end
                break
        os.close(self.master)

    def hang_up(self) -> None:
        """The device is pulled out."""
        os.write(self._stop_w, b"\0")
        self._thread.join(10)

    def finish(self) -> None:
        if self._thread.is_alive():
            self.hang_up()
        self.let_go()
        os.close(self._stop_r)
        os.close(self._stop_w)


class TcpServer:
    """Serves TCP clients in a thread, one after another: one, or as many as come."""

    def __init__(self, serve: Callable[[socket.socket], None], *, many: bool = False) -> None:
        self._many = many
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.client: socket.socket | None = None
        self._serve = serve
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            self.client, _ = self._server.accept()
            self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._serve(self.client)
            while self._many:
                self.client.close()
                self.client, _ = self._server.accept()
                self._serve(self.client)

    def hang_up(self) -> None:
        if self.client is not None:
            with contextlib.suppress(OSError):
                self.client.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)
        if self.client is not None:
            self.client.close()

    def __enter__(self) -> TcpServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()


def echo_over_tcp(client: socket.socket) -> None:
    while data := client.recv(65536):
        client.sendall(data)


class TerminalPort(serial.Serial):
    """A terminal as a serial port: it has no modem lines, which an RFC 2217 server asks for."""

    cts = dsr = ri = cd = False
    on_reset: Callable[[], object] | None = None

    def _update_dtr_state(self) -> None: ...

    def _update_rts_state(self) -> None:
        if self.on_reset is not None and self.rts and not self.dtr:
            self.on_reset()

    def _update_break_state(self) -> None: ...


class SerialServer:
    """pyserial's RFC 2217 server over a serial port, for one client after another.

    Args:
        path: the terminal.
        reset: what a board's reset circuit does when RTS is on while DTR is off.
    """

    def __init__(self, path: str, reset: Callable[[], object] | None = None) -> None:
        self.port = TerminalPort(path, timeout=None)
        self.port.on_reset = reset
        self._server = TcpServer(self._serve, many=True)
        self.address = f"rfc2217://127.0.0.1:{self._server.port}"

    def _serve(self, client: socket.socket) -> None:
        lock = threading.Lock()

        class Connection:
            def write(self, data: bytes) -> None:
                with lock:
                    client.sendall(data)

        # The stubs want a client's port here; the server takes any.
        manager = PortManager(self.port, Connection())  # type: ignore[arg-type]
        pump = threading.Thread(target=self._pump, args=(manager, Connection()), daemon=True)
        pump.start()
        with contextlib.suppress(OSError):
            while data := client.recv(4096):
                self.port.write(b"".join(manager.filter(data)))
        self.port.cancel_read()
        pump.join(10)

    def _pump(self, manager: PortManager, connection: object) -> None:
        with contextlib.suppress(serial.SerialException, OSError):
            while data := self.port.read(1):
                data += self.port.read(self.port.in_waiting)
                connection.write(b"".join(manager.escape(data)))  # type: ignore[attr-defined]

    def finish(self) -> None:
        self._server.hang_up()
        self.port.close()


def _terminal() -> EchoingLink:
    terminal = EchoingTerminal()
    transport = open_transport(terminal.path)
    terminal.let_go()
    return EchoingLink(transport, terminal.hang_up, terminal.finish)


def _spy() -> EchoingLink:
    terminal = EchoingTerminal()
    transport = open_transport(f"spy://{terminal.path}")
    terminal.let_go()
    return EchoingLink(transport, terminal.hang_up, terminal.finish)


def _alt() -> EchoingLink:
    terminal = EchoingTerminal()
    transport = open_transport(f"alt://{terminal.path}?class=PosixPollSerial")
    return EchoingLink(transport, terminal.hang_up, terminal.finish)


def _socket() -> EchoingLink:
    server = TcpServer(echo_over_tcp)
    transport = open_transport(f"socket://127.0.0.1:{server.port}")
    return EchoingLink(transport, server.hang_up, server.hang_up)


def _socket_threaded() -> EchoingLink:
    server = TcpServer(echo_over_tcp)
    link = SocketLink(socket.create_connection(("127.0.0.1", server.port)))
    return EchoingLink(ThreadedTransport(link, address="tcp"), server.hang_up, server.hang_up)


def _remote_serial() -> EchoingLink:
    terminal = EchoingTerminal()
    server = SerialServer(terminal.path)

    def finish() -> None:
        server.finish()
        terminal.finish()

    return EchoingLink(open_transport(server.address), server.finish, finish)


def _loop() -> EchoingLink:
    return EchoingLink(open_transport("loop://"), None)


def _exec() -> EchoingLink:
    return EchoingLink(open_transport("exec:cat"), None)


def _exec_threaded() -> EchoingLink:
    process = BoardProcess(["cat"], command="cat")
    return EchoingLink(connect_threaded(process, address="exec:cat"), None)


def _recorded() -> EchoingLink:
    return EchoingLink(RecordingTransport(open_transport("exec:cat")), None)


def _shaped() -> EchoingLink:
    return EchoingLink(ShapedTransport(open_transport("exec:cat"), delay=0.0005), None)


def _webrepl() -> EchoingLink:
    from tests.transports.webreplboards import PASSWORD, WebreplServer, echo

    server = WebreplServer(echo)
    transport = open_transport(server.address, password=PASSWORD)
    return EchoingLink(transport, server.hang_up, server.hang_up)


KINDS: dict[str, Callable[[], EchoingLink]] = {
    "serial": _terminal,
    "spy": _spy,
    "alt": _alt,
    "socket": _socket,
    "socket-threaded": _socket_threaded,
    "webrepl": _webrepl,
    "rfc2217": _remote_serial,
    "loop": _loop,
    "exec": _exec,
    "exec-threaded": _exec_threaded,
    "recording": _recorded,
    "shaped": _shaped,
}
