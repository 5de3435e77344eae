# SPDX-License-Identifier: Apache-2.0
"""``ws://host``: MicroPython's WebREPL, a REPL in the text frames of a WebSocket.

Boards with an ESP chip move what arrives into a buffer of 260 bytes and lose what does not fit, so
a large write is cut into pieces. Behind each piece goes a question that MicroPython's WebREPL
answers at once, for its version; frames are read in order, so the answer says that the piece was
read. Where nobody answers such questions, pieces go at a pace that boards can follow.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import websocket

from belay import errors
from belay.transports.address import WebReplAddress
from belay.transports.base import Transport
from belay.transports.network import connect_tcp
from belay.transports.password import PasswordSource, Secret
from belay.transports.threaded import ThreadedTransport

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WebreplLink", "open_webrepl"]

WINDOW = 240
"""Bytes that the board may have been sent and not have read. Its buffer holds 259."""

SMALL = 16
"""Bytes that go out whatever is unread: an interrupt and the like do not wait."""

PATIENCE = 5.0
"""Seconds until a board that does not say that it has read is sent the rest all the same."""

SLOW_PIECE, PAUSE = 100, 0.01
"""Bytes, and seconds between them, for a far end that never says what it has read."""

_ACKNOWLEDGED_WITHIN = 2.0
_BUSY_TRIES, _BUSY_PAUSE = 3, 0.4
"""A client's goodbye may still be on its way when the next one comes, over Wi-Fi above all."""

_LONGEST_PASSWORD = 9
_SILENT_AFTER = 20, 5, 4
"""A board that has lost its Wi-Fi says nothing: seconds of silence until it is asked for a sign of
life, seconds between two such questions, and how many. Its network stack answers, not Python."""

_TEXT, _BINARY = websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY
_ASK_VERSION = struct.pack("<2sBBQLH64s", b"WA", 3, 0, 0, 0, 0, b"")


def open_webrepl(
    address: WebReplAddress, *, password: str | None = None, timeout: float | None = 10
) -> Transport:
    """Connect to a board's WebREPL and log in.

    Args:
        address: host and port.
        password: the board's; None takes ``BELAY_PASSWORD``, or asks who is there.
        timeout: seconds until the board asks for the password, and again until it has taken it.

    Raises:
        PortNotFoundError: the host is unknown.
        PortBusyError: the board serves another client.
        AuthenticationError: there is no password, or not the right one.
        NotPythonBoardError: what answers is no WebREPL.
        ConnectionFailedError: nothing answers.
    """
    secret, password = Secret(password or ""), None  # a traceback may show what a variable holds
    source = PasswordSource(secret, str(address))
    busy = 0
    while True:
        try:
            return _open(address, source, timeout)
        except errors.AuthenticationError:
            if not source.try_again():
                raise
        except errors.PortBusyError:
            busy += 1
            if busy == _BUSY_TRIES:
                raise
            time.sleep(_BUSY_PAUSE)


def _open(address: WebReplAddress, source: PasswordSource, timeout: float | None) -> Transport:
    link = _connect(address, timeout)
    try:
        link.log_in(source, timeout)
    except BaseException:
        link.close()
        raise
    transport = ThreadedTransport(link, address=str(address))
    transport.survives_reset = False
    return transport


class WebreplLink:
    """A WebSocket to a WebREPL as a :class:`~belay.transports.threaded.BlockingLink`.

    Args:
        client: connected.
        address: normal form of the address, for messages.
    """

    def __init__(self, client: websocket.WebSocket, address: str) -> None:
        self._client: Any = client
        self._socket: Any = client.sock
        self._address = address
        self._early = b""
        self._continued = _TEXT
        self._room = threading.Condition()
        self._acknowledges = False
        self._asked = self._answered = 0
        self._unread = 0
        self._heard = False
        self._drops = 0
        self._ended = False

    # ---- logging in

    def log_in(self, source: PasswordSource, timeout: float | None) -> None:
        """Give the board its password, and learn whether it says what it has read.

        Args:
            source: of the password.
            timeout: seconds for each answer.

        Raises:
            PortBusyError, AuthenticationError, NotPythonBoardError, ConnectionFailedError: see
                :func:`open_webrepl`.
        """
        seen = self._read_until((b"Password: ",), timeout, "before it asked for the password")
        secret = source.get()
        if set(secret.reveal()) & set("\r\n"):
            raise errors.AuthenticationError(f"{source.origin} has more than one line.")
        # Past the library's own send, which can be told to log all that it sends.
        frame = websocket.ABNF.create_frame(secret.reveal().encode() + b"\r", _TEXT)
        try:
            self._socket.sendall(frame.format())
        except OSError as error:
            raise self._failed(error, "the password") from error
        ends = (b"WebREPL connected\r\n>>> ", b"Access denied")
        seen = self._read_until(ends, timeout, "instead of an answer to the password", secret)
        if ends[1] in seen:
            raise errors.AuthenticationError(self._refusal(source, secret))
        self._early = seen.partition(ends[0])[2]
        try:
            self._ask_for_acknowledgement()
        except (EOFError, OSError, websocket.WebSocketException) as error:
            raise self._failed(error, "the password") from error
        self._socket.settimeout(None)

    def _read_until(
        self,
        ends: tuple[bytes, ...],
        timeout: float | None,
        when: str,
        secret: Secret | None = None,
    ) -> bytes:
        deadline = None if timeout is None else time.monotonic() + timeout
        seen = b""
        while not any(end in seen for end in ends):
            left = None if deadline is None else deadline - time.monotonic()
            try:
                if left is not None and left <= 0:
                    raise TimeoutError
                self._socket.settimeout(left)
                seen += self.read()
            except (TimeoutError, websocket.WebSocketTimeoutException) as error:
                text = _shown(seen, secret)
                kind = errors.NotPythonBoardError if seen else errors.ConnectionFailedError
                raise kind(
                    f"{self._address} accepted the connection, but is no WebREPL or is stuck: it "
                    f"said {text or 'nothing'} within {timeout:g} s {when}."
                ) from error
            except (EOFError, OSError, websocket.WebSocketException) as error:
                if seen:
                    raise self._failed(error, _shown(seen, secret)) from error
                raise _busy(self._address) from error
        return seen

    def _failed(self, error: Exception, behind: str) -> errors.ConnectionFailedError:
        return errors.ConnectionFailedError(
            f"{self._address}: the connection ended behind {behind}: {self.reason(error)}"
        )

    def _refusal(self, source: PasswordSource, secret: Secret) -> str:
        hint = "It is PASS in the board's webrepl_cfg.py; 'import webrepl_setup' there sets it."
        if len(secret.reveal().encode()) > _LONGEST_PASSWORD:
            hint = f"WebREPL's have at most {_LONGEST_PASSWORD} characters; this one has more."
        return f"{self._address} refused {source.origin}. {hint}"

    def _ask_for_acknowledgement(self) -> None:
        self._client.send(_ASK_VERSION, _BINARY)
        self._asked = 1
        end = time.monotonic() + _ACKNOWLEDGED_WITHIN
        while not self._answered and (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            with contextlib.suppress(TimeoutError, websocket.WebSocketTimeoutException):
                self._early += self.read()

    # ---- the link

    def read(self) -> bytes:
        """Block for a frame; its bytes if it is the REPL's, ``b""`` for any other."""
        if self._early and self._socket.gettimeout() is None:
            early, self._early = self._early, b""
            return early
        try:
            return self._take(self._client.recv_frame())
        except (TimeoutError, websocket.WebSocketTimeoutException):
            raise
        except BaseException:
            with self._room:
                self._ended = True
                self._room.notify_all()
            raise

    def _take(self, frame: Any) -> bytes:
        opcode, data = frame.opcode, bytes(frame.data)
        if opcode == websocket.ABNF.OPCODE_CONT:
            opcode = self._continued
        elif opcode in (_TEXT, _BINARY):
            self._continued = opcode
        if opcode == _TEXT:
            self._heard = True
            return data
        if opcode == _BINARY:  # nothing else is asked for that is answered so
            with self._room:
                self._answered += 1
                self._acknowledges = True
                self._room.notify_all()
        elif opcode == websocket.ABNF.OPCODE_PING:
            self._client.pong(data)
        elif opcode == websocket.ABNF.OPCODE_CLOSE:
            raise EOFError
        return b""

    def write(self, data: bytes) -> None:
        """Send all of ``data``, as fast as the board reads it."""
        if self._heard:
            self._unread = 0  # what it said came behind the last write: that has been read
        drops, asks = self._drops, self._acknowledges
        rest = memoryview(data)
        while rest:
            room = WINDOW - self._unread
            if room < min(len(rest), WINDOW // 2) and len(data) > SMALL:
                asks = asks and self._await_reading(drops)
                self._unread, room = 0, WINDOW
            if not asks and len(data) > SLOW_PIECE:
                room = SLOW_PIECE
                if len(rest) < len(data):
                    self._pause(drops)
            if self._drops != drops:
                return
            piece = rest if len(data) <= SMALL else rest[:room]
            self._heard = False
            self._client.send(bytes(piece), _TEXT)
            self._unread += len(piece)
            rest = rest[len(piece) :]

    def _await_reading(self, drops: int) -> bool:
        """Wait until the board has read all that it was sent; False when it does not say so."""
        self._asked += 1
        number = self._asked
        self._client.send(_ASK_VERSION, _BINARY)
        return self._wait_for(lambda: self._answered >= number, drops, PATIENCE)

    def _pause(self, drops: int) -> None:
        self._wait_for(lambda: False, drops, PAUSE)

    def _wait_for(self, condition: Callable[[], bool], drops: int, seconds: float) -> bool:
        with self._room:
            self._room.wait_for(lambda: condition() or self._ended or self._drops != drops, seconds)
            return condition()

    def drop_output(self) -> None:
        """Let a write that is under way end, with what it has not sent yet."""
        with self._room:
            self._drops += 1
            self._room.notify_all()

    def reason(self, error: Exception) -> str:
        """Why the link ended."""
        closed = isinstance(error, EOFError | websocket.WebSocketConnectionClosedException)
        if closed or isinstance(error, ConnectionResetError | BrokenPipeError):
            return "the board closed it. Was it reset?"
        if isinstance(error, TimeoutError):
            return "the board is out of reach."
        return f"{str(error).rstrip('.') or type(error).__name__}."

    def cancel(self) -> None:
        """End a blocked read, and a write that waits."""
        with self._room:
            self._ended = True
            self._room.notify_all()
        with contextlib.suppress(OSError):  # the board was first
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _shown(seen: bytes, secret: Secret | None) -> str:
    text = repr(seen[-80:])[1:] if seen else ""
    return secret.hidden_in(text) if secret else text


def _busy(address: str) -> errors.PortBusyError:
    return errors.PortBusyError(
        f"{address} accepted the connection and closed it again: MicroPython's WebREPL serves one "
        "client at a time. Close the other one (a browser's tab, another program). If there is "
        "none, the board has not noticed that an earlier one has gone: reset it."
    )


def _connect(address: WebReplAddress, timeout: float | None) -> WebreplLink:
    """A WebSocket to the address."""
    stream: Any = connect_tcp(address, timeout)
    try:
        _watch(stream)
        if address.secure:
            from belay.transports.tls import secure

            stream = secure(stream, address.host, str(address))
        client: Any = websocket.WebSocket(skip_utf8_validation=True)
        client.connect(str(address), socket=stream, redirect_limit=0, timeout=timeout)
        if client.getstatus() != 101:  # a redirection, which older versions of the library let pass
            raise websocket.WebSocketException("it sends clients elsewhere")
    except BaseException as error:
        stream.close()
        reason = _explained(error, str(address), timeout)
        if reason is not None:
            raise reason from error
        raise
    return WebreplLink(client, str(address))


def _watch(connection: socket.socket) -> None:
    """Let the operating system notice when the board has gone without a word."""
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    for name, value in zip(names, _SILENT_AFTER, strict=True):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # the same for bytes that nobody acknowledges
        silence = _SILENT_AFTER[0] + _SILENT_AFTER[1] * _SILENT_AFTER[2]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, silence * 1000)


def _explained(
    error: BaseException, address: str, timeout: float | None
) -> errors.ConnectionFailedError | None:
    """What a failed WebSocket handshake means to the user; None where nothing is known."""
    if isinstance(error, websocket.WebSocketBadStatusException):
        return errors.NotPythonBoardError(
            f"{address}: a web server answers there, with status {error.status_code}, but no "
            "WebREPL. Is the port right? WebREPL's is 8266."
        )
    if isinstance(error, websocket.WebSocketTimeoutException | TimeoutError):
        return errors.ConnectionFailedError(
            f"{address} accepted the connection, but did not answer within {timeout:g} s. The "
            "board may run a program that leaves it no time, or the port is not WebREPL's."
        )
    if isinstance(error, websocket.WebSocketConnectionClosedException | ConnectionError):
        return _busy(address)
    if isinstance(error, websocket.WebSocketException):
        return errors.NotPythonBoardError(
            f"{address}: something answers, but no WebREPL: {error}. Is the port right? WebREPL's "
            "is 8266."
        )
    return None
