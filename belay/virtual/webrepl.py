# SPDX-License-Identifier: Apache-2.0
"""A line that behaves as MicroPython's WebREPL: password, REPL in text frames, one client.

As on a board, the password is ``PASS`` of ``/webrepl_cfg.py``, read at every start; a reset ends
the connection; a second client is let in and hung up on; and one that sends a wrong password too.
A board listens once its ``boot.py`` has started WebREPL; this one always does.
"""

from __future__ import annotations

import ast
import contextlib
import secrets
import socket
import string
import threading
from collections import deque

from .filesystem import Filesystem, OpenMode
from .lines import Line
from .transfer import FileTransfer
from .websocket import BINARY, CLOSE, TEXT, Frame, FrameError, FrameReader, accept, encode

__all__ = ["LONGEST_PASSWORD", "WebreplLine", "settle_password"]

CONFIGURATION = "/webrepl_cfg.py"
LONGEST_PASSWORD = 9
"""Characters; more do not fit into MicroPython's WebREPL."""

_LETTERS = string.ascii_lowercase + string.digits
_VERSION = (1, 27, 0)
_READ = 1 << 16
_PIECE = 4096
_LONGEST_REQUEST = 8192
_MOST_REQUESTS = 8
_LAST_WORDS = 1.0
_PAGE = (
    b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    b"This is the WebREPL of a virtual MicroPython board. Connect to it with a WebREPL client.\n"
)


def settle_password(files: Filesystem, wanted: str | None, default: str | None) -> str | None:
    """Make sure that the board has a ``webrepl_cfg.py`` with a password.

    Args:
        files: the board's flash.
        wanted: the password to have.
        default: the one to have where the board has none and none is wanted; None draws one.

    Returns:
        The password if it was drawn just now, so that somebody is told; else None.

    Raises:
        OSError: the board has another one than is wanted, or it is too long.
    """
    there = _configured(files)
    if there is not None and wanted in (None, there):
        return None
    if there is not None:
        raise OSError(f"the board's {CONFIGURATION} has another password; change or remove it")
    password = drawn = "".join(secrets.choice(_LETTERS) for _ in range(8))
    if wanted is not None or default is not None:
        password, drawn = str(wanted if wanted is not None else default), ""
    if not 0 < len(password.encode()) <= LONGEST_PASSWORD:
        raise OSError(f"a WebREPL password has 1 to {LONGEST_PASSWORD} characters")
    mode = OpenMode(read=False, write=True, create=True, truncate=True)
    file = files.open(CONFIGURATION, mode)
    try:
        file.write(f"PASS = {password!r}\n".encode())
    finally:
        file.close()
    return drawn or None


def _configured(files: Filesystem) -> str | None:
    """The password in ``webrepl_cfg.py``, which is read and not run: this is no board's Python."""
    try:
        file = files.open(CONFIGURATION, OpenMode())
    except OSError:
        return None
    try:
        source = file.read(_READ)
    finally:
        file.close()
    password = None
    with contextlib.suppress(SyntaxError, ValueError):
        for node in ast.parse(source).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                if "PASS" in names and isinstance(node.value.value, str):
                    password = node.value.value
    return password


def _whole_characters(data: bytes) -> int:
    """How much of the data makes a frame: browsers refuse text that ends inside a character."""
    if len(data) <= _PIECE:
        return len(data)
    for size in range(_PIECE, _PIECE - 4, -1):
        if data[size] & 0xC0 != 0x80:
            return size
    return _PIECE  # this is no UTF-8


class _Client:
    """A connection that has become a WebSocket."""

    def __init__(self, connection: socket.socket, transfer: FileTransfer) -> None:
        self.socket = connection
        self.reader = FrameReader()
        self.transfer = transfer
        self.logged_in = False
        self.typed = b""


class WebreplLine(Line):
    """WebREPL clients of a TCP port, one after another; without one, output is thrown away.

    Made by the board's own thread: only that one touches the files.

    Args:
        port: on 127.0.0.1; 0 picks a free one.
        files: the board's flash.

    Attributes:
        port: the one it listens on.
    """

    def __init__(self, port: int, files: Filesystem) -> None:
        super().__init__()
        self._files = files
        self._password = _configured(files)
        self._owner = threading.get_ident()
        self._listen(port)
        self._asking: dict[socket.socket, bytes] = {}
        self._client: _Client | None = None
        self._outgoing = b""
        self._file_requests: deque[bytes] = deque()

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=32)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._poller.watch(self._listener.fileno())

    # ---- what a line does

    def unplug(self) -> None:
        """Hang up, and listen no more."""
        self._hang_up()
        for connection in list(self._asking):
            self._refuse(connection)
        self._poller.forget(self._listener.fileno())
        self._listener.close()

    def plug(self, connection: socket.socket | None) -> None:
        """Listen on the same port again."""
        self._listen(self.port)

    def wait(self, timeout: float | None, want_send: bool = False) -> bytes:
        """See :meth:`Line.wait`."""
        self._serve_files()
        return super().wait(timeout, want_send or bool(self._outgoing))

    def _send_descriptor(self) -> int | None:
        return self._client.socket.fileno() if self._client else None

    def send(self, data: bytes) -> int:
        """Send without blocking; returns how many bytes were taken."""
        if not self._push():
            return 0
        if self._client is None or not self._client.logged_in:
            return len(data)
        size = _whole_characters(data)
        self._queue(TEXT, data[:size])
        return size

    def restart(self) -> None:
        """The board is reset: the connection ends, and the password is read again."""
        client = self._client
        if client is not None:
            with contextlib.suppress(OSError):
                client.socket.settimeout(_LAST_WORDS)
                client.socket.sendall(self._outgoing)
            self._hang_up()
        self._password = _configured(self._files) or self._password

    def _receive(self, ready: set[int]) -> bytes:
        # The client first: if it has gone, there is room for who comes.
        data = self._hear_client() if self._client is not None else b""
        if self._listener.fileno() in ready:
            self._accept()
        for connection in [each for each in self._asking if each.fileno() in ready]:
            self._hear_request(connection)
        return data

    def _hear_client(self) -> bytes:
        client = self._client
        assert client is not None
        self._push()
        try:
            data = client.socket.recv(_READ)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return b""
        return self._hear(data)

    # ---- connections

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        if len(self._asking) == _MOST_REQUESTS:
            self._refuse(next(iter(self._asking)))
        self._asking[connection] = b""
        self._poller.watch(connection.fileno())

    def _refuse(self, connection: socket.socket) -> None:
        self._asking.pop(connection, None)
        self._poller.forget(connection.fileno())
        connection.close()

    def _hear_request(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(_LONGEST_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        request = self._asking[connection] + data
        if not data or len(request) > _LONGEST_REQUEST:
            self._refuse(connection)
            return
        self._asking[connection] = request
        head, end, _ = request.partition(b"\r\n\r\n")
        if not end:
            return
        answer = accept(head)
        with contextlib.suppress(OSError):  # a few hundred bytes into an empty buffer
            connection.sendall(answer or _PAGE)
        if answer is None or self._client is not None:
            if answer is not None:
                self._tell_of_rejected(connection)
            self._refuse(connection)
            return
        del self._asking[connection]
        transfer = FileTransfer(self._files, _VERSION, lambda data: self._queue(BINARY, data))
        self._client = _Client(connection, transfer)
        self._queue(TEXT, b"Password: ")

    def _tell_of_rejected(self, connection: socket.socket) -> None:
        """Boards print it, so the client that is there reads it too."""
        with contextlib.suppress(OSError):
            peer = connection.getpeername()[:2]
            text = f"\nConcurrent WebREPL connection from {peer} rejected\n"
            if self._client is not None and self._client.logged_in:
                self._queue(TEXT, text.encode())

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        self._outgoing = b""
        self._file_requests.clear()
        if client is not None:
            self._poller.forget(client.socket.fileno())
            client.transfer.end()
            client.socket.close()

    # ---- frames

    def _queue(self, opcode: int, payload: bytes) -> None:
        self._outgoing += encode(opcode, payload)
        self._push()

    def _push(self) -> bool:
        """Send what waits, without blocking; returns whether all of it has gone."""
        if self._client is not None and self._outgoing:
            try:
                self._outgoing = self._outgoing[self._client.socket.send(self._outgoing) :]
            except BlockingIOError:
                pass
            except OSError:
                self._hang_up()
        return not self._outgoing

    def _hear(self, data: bytes) -> bytes:
        """What the client's frames have for the REPL."""
        client, text = self._client, b""
        assert client is not None
        try:
            frames = client.reader.feed(data)
        except FrameError:
            self._hang_up()
            return b""
        for frame in frames:
            if self._client is not client:
                break
            if frame.opcode == CLOSE:
                self._queue(CLOSE, b"")
                self._hang_up()
            elif not client.logged_in:
                text += self._log_in(client, frame)
            elif frame.opcode == BINARY:
                if self._file_requests or not client.transfer.tell_version(frame.payload):
                    self._file_requests.append(frame.payload)
            elif frame.opcode == TEXT:
                text += frame.payload
        self._serve_files()
        return text

    def _log_in(self, client: _Client, frame: Frame) -> bytes:
        """Collect the password; returns what stands behind it."""
        for at, char in enumerate(frame.payload):
            if char not in b"\r\n":
                client.typed = (client.typed + bytes([char]))[: LONGEST_PASSWORD + 1]
                continue
            wanted = self._password
            if wanted is None or not secrets.compare_digest(client.typed, wanted.encode()):
                self._queue(TEXT, b"\r\nAccess denied\r\n")
                self._hang_up()
                return b""
            client.logged_in = True
            self._queue(TEXT, b"\r\nWebREPL connected\r\n>>> ")
            return frame.payload[at + 1 :]
        return b""

    def _serve_files(self) -> None:
        """Answer requests for files, if this is the board's thread; else it does so soon."""
        while self._file_requests and threading.get_ident() == self._owner:
            client = self._client
            if client is None:
                return
            try:
                client.transfer.feed(self._file_requests.popleft())
            except OSError:
                self._hang_up()  # as on boards, where the exception ends the connection
