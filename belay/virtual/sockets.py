# SPDX-License-Identifier: Apache-2.0
"""Sockets of the simulated board: they reach this computer only, and only where that was asked for.

A program that could reach the network from a notebook would be a surprise; one that talks to a
server which a test has started on 127.0.0.1 is not.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .console import Console
    from .proxies import HostModule

__all__ = ["Sockets"]

_EAGAIN, _ETIMEDOUT, _EHOSTUNREACH, _EBADF = 11, 110, 113, 9
_PIECE = 0.005


class Sockets:
    """The sockets that a program has open.

    Args:
        console: waits for them, while timers run and Ctrl-C is heard.
        allowed: whether there are any.
    """

    def __init__(self, console: Console, allowed: bool) -> None:
        self._console, self._allowed = console, allowed
        self._open: dict[int, socket.socket] = {}

    def module(self) -> HostModule:
        """What ``socket`` needs of the host. Negative answers are errors; bytes are hex digits."""
        return {
            "sock_allowed": lambda: self._allowed,
            "sock_resolve": self._resolve,
            "sock_open": self._new,
            "sock_close": self._close,
            "sock_bind": self._bind,
            "sock_listen": lambda number, backlog: self._open[number].listen(backlog),
            "sock_connect": self._connect,
            "sock_accept": self._accept,
            "sock_recv": self._recv,
            "sock_send": self._send,
            "sock_poll": self._poll,
        }

    def _resolve(self, host: str) -> str | None:
        """The address of a host of this computer; None for any other."""
        if host in ("localhost", ""):
            return "127.0.0.1"
        if host == "0.0.0.0":
            return host
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return None
        return str(address) if address.is_loopback and address.version == 4 else None

    def _new(self, datagrams: bool) -> int:
        if not self._allowed:
            return -1
        kind = socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM
        return self._add(socket.socket(socket.AF_INET, kind))

    def _add(self, it: socket.socket) -> int:
        it.setblocking(False)
        number = it.fileno()
        self._open[number] = it
        return number

    def _close(self, number: int) -> None:
        it = self._open.pop(number, None)
        if it is not None:
            it.close()

    def release(self) -> None:
        """The board was reset."""
        for number in list(self._open):
            self._close(number)

    def _bind(self, number: int, host: str, port: int) -> int:
        address = self._resolve(host)
        if address is None:
            return -_EHOSTUNREACH
        it = self._open[number]
        it.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            it.bind(("127.0.0.1", port))  # never more of this computer than itself
        except OSError as error:
            return -(error.errno or _EBADF)
        bound: int = it.getsockname()[1]
        return bound

    def _connect(self, number: int, host: str, port: int, timeout: float) -> int:
        address = self._resolve(host)
        if address is None:
            return -_EHOSTUNREACH
        it = self._open[number]
        it.settimeout(5.0 if timeout < 0 else max(0.001, timeout))
        try:
            it.connect(("127.0.0.1" if address == "0.0.0.0" else address, port))
        except TimeoutError:
            return -_ETIMEDOUT
        except OSError as error:
            return -(error.errno or _EHOSTUNREACH)
        finally:
            it.setblocking(False)
        return 0

    def _wait(self, number: int, timeout: float, reading: bool = True) -> bool:
        """Wait until a socket is ready, for ever when negative; False when time is up or Ctrl-C."""
        import select

        it = self._open[number]
        until = None if timeout < 0 else time.monotonic() + timeout

        def ready() -> bool:
            return bool(any(select.select([it] if reading else [], [] if reading else [it], [], 0)))

        while not ready():
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return False
            pause = _PIECE if left is None else min(_PIECE, left)
            if self._console.sleep(pause):
                return False
        return True

    def _accept(self, number: int, timeout: float) -> str | int:
        if not self._wait(number, timeout):
            return -_ETIMEDOUT if timeout else -_EAGAIN
        it, (host, port) = self._open[number].accept()
        return f"{self._add(it)} {host} {port}"

    def _recv(self, number: int, count: int, timeout: float) -> str | int:
        if not self._wait(number, timeout):
            return -_ETIMEDOUT if timeout else -_EAGAIN
        try:
            data, sender = self._open[number].recvfrom(count)
        except OSError as error:
            return -(error.errno or _EBADF)
        return data.hex() + (f" {sender[0]} {sender[1]}" if sender else "")

    def _send(self, number: int, text: str, timeout: float, host: str = "", port: int = 0) -> int:
        if not self._wait(number, timeout, reading=False):
            return -_ETIMEDOUT if timeout else -_EAGAIN
        it, data = self._open[number], bytes.fromhex(text)
        try:
            if port:
                address = self._resolve(host)
                return -_EHOSTUNREACH if address is None else it.sendto(data, (address, port))
            return it.send(data)
        except OSError as error:
            return -(error.errno or _EBADF)

    def _poll(self, number: int, flags: int) -> int:
        """Of 1 (can be read) and 4 (can be written), what is so."""
        it = self._open.get(number)
        if it is None:
            return 32  # POLLNVAL
        return (1 if flags & 1 and self._wait(number, 0) else 0) | (
            4 if flags & 4 and self._wait(number, 0, reading=False) else 0
        )
