# SPDX-License-Identifier: Apache-2.0
"""Opening the link to one board, and to the same board again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from belay.errors import DeviceNotFoundError
from belay.transports import address as forms
from belay.transports import open_transport
from belay.transports.base import Transport
from belay.transports.boards import resolve
from belay.transports.pseudo import Terminal
from belay.transports.usb import UsbSpecifier, device_at, same_board

if TYPE_CHECKING:
    from belay.transports.replay import ReplayOpening
    from belay.transports.virtual import VirtualOpening

__all__ = ["Opening"]


class Opening:
    """Opens the link that an address names, as often as it is called.

    The first time says which board it is. Where that is on USB, it is this one from then on: found
    again under whatever name its port comes up, and never mixed up with another board that has
    got its name meanwhile. Nor is a pseudo terminal with what has got its number meanwhile.

    Args:
        board: an address, a configured name or a specifier; None for the board that is meant
            where none is named, see :func:`belay.transports.boards.resolve`.
        baudrate: as for :func:`belay.transports.open_transport`, and so is the rest.
        exclusive: likewise.
        timeout: likewise.
        user: likewise.
        password: likewise.

    Raises:
        AddressError: the address cannot be understood.
    """

    def __init__(
        self,
        board: str | UsbSpecifier | None,
        *,
        baudrate: int = 115200,
        exclusive: bool = True,
        timeout: float | None = 10,
        user: str | None = None,
        password: str | None = None,
    ) -> None:
        self._board = board
        self._baudrate = baudrate
        self._exclusive = exclusive
        self._timeout = timeout
        self._user = user
        self._password = password
        self._address: forms.Address | None = None
        self._seen: UsbSpecifier | None = None
        self._terminal: Terminal | None = None
        self._virtual: VirtualOpening | None = None
        self._replay: ReplayOpening | None = None
        if isinstance(board, UsbSpecifier):
            self._address = forms.UsbAddress(board)
        elif board is not None:
            self._resolve()  # a mistake is told where it was made

    def __call__(self) -> Transport:
        """Open the link.

        Raises:
            DeviceNotFoundError: the board is not plugged in.
            ConnectionFailedError: as for :func:`belay.transports.open_transport`.
        """
        address = self._resolve()
        if isinstance(address, UsbSpecifier):
            address = forms.UsbAddress(address)
        if isinstance(address, forms.UsbAddress) and self._seen is None:
            address = forms.SerialAddress(address.specifier.to_port(), *address[1:])
        elif isinstance(address, forms.SerialAddress | forms.UsbAddress):
            address = self._found_again(address)
        if isinstance(address, forms.VirtualAddress):
            from belay.transports.virtual import VirtualOpening

            self._virtual = self._virtual or VirtualOpening(address)
            return self._virtual(self._timeout)
        if isinstance(address, forms.ReplayAddress):
            from belay.transports.replay import ReplayOpening

            # Opened again, it goes on where it was.
            self._replay = self._replay or ReplayOpening(
                address.file, fast=address.fast, address=str(address)
            )
            return self._replay()
        transport = open_transport(
            str(address),
            baudrate=self._baudrate,
            exclusive=self._exclusive,
            timeout=self._timeout,
            user=self._user,
            password=self._password,
        )
        if self._seen is None and isinstance(address, forms.SerialAddress):
            self._seen = None if address.port.startswith("/dev/pts/") else device_at(address.port)
            self._terminal = None if self._seen else Terminal.at(address.port)
        return transport

    @property
    def replays(self) -> bool:
        """Whether it is a recording that is opened."""
        return isinstance(self._resolve(), forms.ReplayAddress)

    def forget_board(self) -> None:
        """It will not be called again: a virtual board that waits for its plug ends."""
        if self._virtual is not None:
            self._virtual.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address or self._board!r})"  # without the password

    def _resolve(self) -> forms.Address:
        if self._address is None:
            assert not isinstance(self._board, UsbSpecifier)
            self._address = forms.parse_address(resolve(self._board).address)
        return self._address

    def _found_again(self, address: forms.SerialAddress | forms.UsbAddress) -> forms.SerialAddress:
        """Where the board is now."""
        port = address.port if isinstance(address, forms.SerialAddress) else None
        if self._seen is not None:
            found = same_board(self._seen)
            if found is not None and found.device is not None:
                return forms.SerialAddress(found.device, *address[1:])
            other = device_at(port) if port is not None else None
            if port is None or (other is not None and other != self._seen):
                where = f" {port} is now another device, {other!r}." if other is not None else ""
                raise DeviceNotFoundError(f"The board {self._seen!r} is not plugged in.{where}")
        assert port is not None
        if self._terminal is not None and not self._terminal.again(port):
            raise DeviceNotFoundError(
                f"The terminal {port} was closed, and its name is now another program's. If the "
                "board is there again, connect anew."
            )
        return forms.SerialAddress(port, *address[1:])
