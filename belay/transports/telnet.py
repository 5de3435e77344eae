# SPDX-License-Identifier: Apache-2.0
"""``192.168.4.1``: a board's REPL by telnet, behind a name and a password, as the WiPy has it."""

from __future__ import annotations

import os
import re
import time

from belay.errors import AuthenticationError, ConnectionFailedError
from belay.transports.address import SocketAddress, TelnetAddress
from belay.transports.base import Transport
from belay.transports.network import open_socket
from belay.transports.password import Secret
from belay.transports.wrapping import TransportWrapper

__all__ = ["TelnetDecoder", "TelnetTransport", "open_telnet"]

USER, PASSWORD = "micro", "python"
"""What boards with telnet ask for unless they are told otherwise."""

_SE, _SB, _WILL, _WONT, _DO, _DONT, _IAC = 240, 250, 251, 252, 253, 254, 255
_BINARY, _ECHO, _GO_AHEAD = 0, 1, 3
_AGREED = {_WILL: (_BINARY, _ECHO, _GO_AHEAD), _DO: (_BINARY, _GO_AHEAD)}
_ANSWERS = {_WILL: (_DO, _DONT), _DO: (_WILL, _WONT)}

_USER_ASKED = re.compile(rb"(login|user)( as|name)?: *$", re.IGNORECASE)
_PASSWORD_ASKED = re.compile(rb"password: *$", re.IGNORECASE)
_REFUSED = re.compile(rb"invalid|incorrect|denied|fail", re.IGNORECASE)
_INSIDE = re.compile(rb"succeeded|>>> *$|for more information|raw REPL", re.IGNORECASE)
_SILENCE = 2.0  # seconds after which a board that asks nothing is taken to want no login


class TelnetDecoder:
    """Takes telnet's own commands out of what arrives. Knows no socket.

    Attributes:
        replies: what is to be sent in answer to them; the caller takes it from here.
    """

    def __init__(self) -> None:
        self.replies = bytearray()
        self._command = bytearray()
        self._after_return = False
        self._answered: set[tuple[int, int]] = set()

    def feed(self, data: bytes) -> bytes:
        """The bytes of the board among those that have arrived."""
        if not self._command and not self._after_return and not {_IAC, 13} & set(data):
            return data
        out = bytearray()
        for byte in data:
            if self._command:
                self._command.append(byte)
                self._go_on(out)
            elif byte == _IAC:
                self._command.append(byte)
            elif byte or not self._after_return:  # a return that is only that has a NUL behind it
                out.append(byte)
            self._after_return = byte == 13
        return bytes(out)

    def _go_on(self, out: bytearray) -> None:
        """One more byte of a command."""
        command = self._command
        kind = command[1]
        if kind == _IAC:
            out.append(_IAC)
        elif kind == _SB:
            if command[-2:] != bytes((_IAC, _SE)):
                del command[2:-1]  # what it says is of no interest; it may be long
                return
        elif _WILL <= kind <= _DONT:
            if len(command) < 3:
                return
            self._answer(kind, command[2])
        command.clear()

    def _answer(self, kind: int, option: int) -> None:
        if kind in _ANSWERS and (kind, option) not in self._answered:
            self._answered.add((kind, option))  # once, or two that disagree would never end
            yes, no = _ANSWERS[kind]
            self.replies += bytes((_IAC, yes if option in _AGREED[kind] else no, option))


class TelnetTransport(TransportWrapper):
    """A board's bytes inside telnet.

    Args:
        inner: the TCP connection.
        address: normal form of the address.
    """

    def __init__(self, inner: Transport, address: str) -> None:
        super().__init__(inner)
        self.address = address
        self.text_only = True  # of the byte values above 127 the WiPy makes telnet's commands
        self._decoder = TelnetDecoder()
        self._kept = b""

    def wait(self, timeout: float | None) -> bool:
        """See :meth:`Transport.wait`."""
        return bool(self._kept) or self.inner.wait(timeout)

    def read(self) -> bytes:
        """See :meth:`Transport.read`."""
        data, self._kept = self._kept, b""
        data += self._decoder.feed(self.inner.read())
        if self._decoder.replies:
            replies = bytes(self._decoder.replies)
            self._decoder.replies.clear()
            self.inner.write(replies)
        return data

    def write(self, data: bytes) -> None:
        """See :meth:`Transport.write`."""
        self.inner.write(data.replace(b"\xff", b"\xff\xff"))

    def log_in(self, user: str, password: Secret, timeout: float | None) -> None:
        """Answer what the board asks; what it says afterwards is left to be read.

        Raises:
            AuthenticationError: it refuses these.
            ConnectionFailedError: it stopped in the middle of it.
        """
        end = None if timeout is None else time.monotonic() + timeout
        said = self._until_asked(end, _SILENCE)
        if not _USER_ASKED.search(said) and not _PASSWORD_ASKED.search(said):
            self._kept = said  # it wants no login
            return
        if _USER_ASKED.search(said):
            self.write(user.encode() + b"\r\n")
            said = self._until_asked(end)
        if _PASSWORD_ASKED.search(said):
            self.write(password.reveal().encode() + b"\r\n")
            said = self._until_asked(end)
        if _REFUSED.search(said) or _USER_ASKED.search(said) or _PASSWORD_ASKED.search(said):
            raise AuthenticationError(
                f"{self.address} refuses this name and password. Give user=… and password=… to "
                "Device, or set the environment variable BELAY_PASSWORD."
            )
        self._kept = said

    def _until_asked(self, end: float | None, silence: float | None = None) -> bytes:
        """Read until it asks something or lets us in; or has been silent, where that is an answer.

        Raises:
            ConnectionFailedError: the time is up.
        """
        said = b""
        while not any(sign.search(said) for sign in (_USER_ASKED, _PASSWORD_ASKED, _INSIDE)):
            left = None if end is None else max(end - time.monotonic(), 0)
            if silence is not None and (left is None or silence < left):
                if not self.wait(silence):
                    break
            elif not self.wait(left):
                raise ConnectionFailedError(
                    f"{self.address} takes connections, but did not go on with the login. It said "
                    f"{said[-100:]!r}."
                )
            said += self.read()
        return said


def open_telnet(
    address: TelnetAddress,
    *,
    user: str | None = None,
    password: str | None = None,
    timeout: float | None = 10,
) -> Transport:
    """Connect to a board by telnet and log in where it asks for that.

    Args:
        address: host and port.
        user: None for ``micro``.
        password: None for that of ``BELAY_PASSWORD``, or else ``python``.
        timeout: seconds for all of it.

    Raises:
        PortNotFoundError: the host is unknown.
        AuthenticationError: the board refuses the name and password.
        ConnectionFailedError: refused, unreachable, or no answer in time.
    """
    secret = Secret(password or os.environ.get("BELAY_PASSWORD") or PASSWORD)
    password = None
    link = open_socket(SocketAddress(address.host, address.port), timeout=timeout)
    transport = TelnetTransport(link, str(address))
    try:
        transport.log_in(user or USER, secret, timeout)
    except BaseException:
        transport.close()
        raise
    return transport
