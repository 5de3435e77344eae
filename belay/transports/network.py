# SPDX-License-Identifier: Apache-2.0
"""``socket://host:port``: a board's bytes over a raw TCP connection."""

from __future__ import annotations

import contextlib
import socket
import sys
from typing import Protocol

from belay.errors import ConnectionFailedError, PortNotFoundError
from belay.transports.address import SocketAddress
from belay.transports.base import Transport

__all__ = ["NetworkPlace", "SocketLink", "connect_tcp", "open_socket"]


class NetworkPlace(Protocol):
    """An address with a host and a TCP port, whatever is spoken there."""

    @property
    def host(self) -> str:
        """Name or IP address."""

    @property
    def port(self) -> int:
        """1 to 65535."""


def open_socket(address: SocketAddress, *, timeout: float | None = 10) -> Transport:
    """Connect to a TCP port.

    Args:
        address: host and port.
        timeout: seconds for the connection to stand.

    Raises:
        PortNotFoundError: the host is unknown.
        ConnectionFailedError: refused, unreachable, or no answer in time.
    """
    connection = connect_tcp(address, timeout)
    if sys.platform == "win32":
        from belay.transports.threaded import ThreadedTransport

        return ThreadedTransport(SocketLink(connection), address=str(address))
    from belay.transports.descriptor import DescriptorTransport

    class SocketTransport(DescriptorTransport):
        """A TCP connection by its descriptor."""

        def _release(self) -> None:
            connection.close()

    return SocketTransport(connection.fileno(), connection.fileno(), address=str(address))


class SocketLink:
    """A connected socket as a :class:`~belay.transports.threaded.BlockingLink`."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        self._connection = connection

    def read(self) -> bytes:
        """Block for bytes; ``EOFError`` when the other side has closed."""
        data = self._connection.recv(65536)
        if not data:
            raise EOFError
        return data

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._connection.sendall(data)

    def drop_output(self) -> None:
        """TCP keeps what it was given."""

    def reason(self, error: Exception) -> str:
        """Why the link ended."""
        return "the other side closed it." if isinstance(error, EOFError) else f"{error}."

    def cancel(self) -> None:
        """End a blocked read."""
        with contextlib.suppress(OSError):  # the other side was first
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def connect_tcp(address: NetworkPlace, timeout: float | None) -> socket.socket:
    """Connect to the host and port of an address.

    Args:
        address: its text stands in messages.
        timeout: seconds for the connection to stand; None for no limit.

    Raises:
        PortNotFoundError: the host is unknown.
        ConnectionFailedError: refused, unreachable, or no answer in time.
    """
    connection = _connect(address, timeout)
    # Calls are small and answered at once: waiting to fill a packet only adds delay.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection


def _connect(address: NetworkPlace, timeout: float | None) -> socket.socket:
    try:
        return _found(address.host, address.port, timeout)
    except socket.gaierror as error:
        raise PortNotFoundError(
            f"There is no host {address.host!r} ({error.strerror}). Is the name right, and is this "
            "machine on the board's network?"
        ) from error
    except ConnectionRefusedError as error:
        raise ConnectionFailedError(
            f"Nothing listens on {address}. Is the server or the board running, and is "
            f"{address.port} the port it shows?"
        ) from error
    except TimeoutError as error:
        raise ConnectionFailedError(
            f"{address} did not answer within {timeout:g} s. Is the board on, on the same network, "
            "and not behind a firewall?"
        ) from error
    except (OSError, UnicodeError) as error:
        raise ConnectionFailedError(f"No connection to {address}: {error}.") from error


def _found(host: str, port: int, timeout: float | None) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout)
    except socket.gaierror:
        from belay.transports.localnames import local_address

        # Many a Linux does not ask the network for names such as mpy-esp32.local.
        if not (found := local_address(host, timeout)):
            raise
        return socket.create_connection((found, port), timeout)
