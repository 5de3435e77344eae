# SPDX-License-Identifier: Apache-2.0
"""TLS for links with a thread that reads while others write.

OpenSSL allows one operation on a connection at a time, so a read must not sit inside it while it
waits: waiting is done outside, on the descriptor.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from belay.errors import ConnectionFailedError

__all__ = ["TlsStream", "secure"]

_T = TypeVar("_T")


class TlsStream:
    """A TLS connection with as much of a socket's interface as a WebSocket client needs.

    Args:
        connection: connected, its handshake done.
    """

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._timeout = connection.gettimeout()
        connection.setblocking(False)
        self._connection = connection
        self._lock = threading.Lock()

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes; ``b""`` at the end."""
        return self._perform(lambda: self._connection.recv(size))

    def send(self, data: bytes) -> int:
        """Send some of ``data``; returns how much."""
        return self._perform(lambda: self._connection.send(data))

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(bytes(rest)) :]

    def _perform(self, action: Callable[[], _T]) -> _T:
        timeout = self._timeout
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                try:
                    return action()
                except ssl.SSLWantReadError:
                    event = selectors.EVENT_READ
                except ssl.SSLWantWriteError:
                    event = selectors.EVENT_WRITE
            left = None if deadline is None else deadline - time.monotonic()
            with selectors.DefaultSelector() as selector:
                selector.register(self._connection, event)
                if (left is not None and left <= 0) or not selector.select(left):
                    raise TimeoutError("timed out")

    def gettimeout(self) -> float | None:
        """Seconds that an operation may take."""
        return self._timeout

    def settimeout(self, timeout: float | None) -> None:
        """Set it for operations that begin from now on."""
        self._timeout = timeout

    def shutdown(self, how: int) -> None:
        """End what is blocked in an operation."""
        with self._lock:
            self._connection.shutdown(how)

    def fileno(self) -> int:
        """The descriptor."""
        return self._connection.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def secure(connection: socket.socket, host: str, address: str) -> TlsStream:
    """Do the TLS handshake on a connection.

    Args:
        connection: connected; its timeout holds for the handshake too.
        host: whom the certificate must name.
        address: for messages.

    Raises:
        ConnectionFailedError: the certificate is not trusted, or no TLS is spoken there.
    """
    context = ssl.create_default_context()
    try:
        return TlsStream(context.wrap_socket(connection, server_hostname=host))
    except ssl.SSLCertVerificationError as error:
        raise ConnectionFailedError(
            f"{address}: its certificate is not trusted: {error.verify_message}. For one of your "
            "own, set the environment variable SSL_CERT_FILE to a file that has it."
        ) from error
    except OSError as error:  # TLS errors are of this kind, and so is a time-out
        raise ConnectionFailedError(
            f"{address}: the other side does not speak TLS ({error}). Most boards do not; 'ws://' "
            "is without."
        ) from error
