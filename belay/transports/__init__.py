# SPDX-License-Identifier: Apache-2.0
"""Byte links to boards: an address in, an open :class:`Transport` out.

Importing this package is cheap; what a link needs (pyserial, sockets, child processes) is loaded
when the first address of its kind is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from belay.transports.base import Transport
from belay.transports.usb import UsbSpecifier

if TYPE_CHECKING:
    from belay.transports import address as forms

__all__ = ["Transport", "open_transport"]


def open_transport(
    address: str | UsbSpecifier,
    *,
    baudrate: int = 115200,
    exclusive: bool = True,
    timeout: float | None = 10,
    user: str | None = None,
    password: str | None = None,
) -> Transport:
    """Open the link that an address names.

    Args:
        address: any address of the grammar in `belay.transports.address`, or a configured name;
            a :class:`belay.UsbSpecifier`.
        baudrate: line rate of serial links, where the address does not give one.
        exclusive: refuse a serial port that another program holds, and keep others out.
        timeout: seconds that making the connection may take; None for no limit.
        user: name for boards that ask for one (telnet); None for what these boards mostly have.
        password: for boards that ask for one (telnet, WebREPL); None where the caller has none.

    Raises:
        AddressError: the address cannot be understood.
        PortNotFoundError: the port, host or program does not exist.
        DeviceNotFoundError, InsufficientSpecifierError: not exactly one USB device fits.
        PortBusyError: something else holds the port or the named virtual board.
        AuthenticationError: the board refused the password.
        ConnectionFailedError: any other reason why there is no link.
    """
    from belay.transports import address as forms
    from belay.transports.labgrid import LabgridAddress, open_labgrid

    parsed: forms.Address
    parsed = address if isinstance(address, UsbSpecifier) else forms.parse_address(address)
    if isinstance(parsed, forms.BoardName):
        from belay.transports.boards import look_up

        parsed = forms.parse_address(look_up(parsed.name).address)
    if isinstance(parsed, UsbSpecifier):
        parsed = forms.UsbAddress(parsed)
    if isinstance(parsed, forms.UsbAddress):
        parsed = forms.SerialAddress(parsed.specifier.to_port(), *parsed[1:])
    if isinstance(parsed, forms.SerialAddress):
        from belay.transports.serialport import open_serial

        return open_serial(parsed, baudrate=baudrate, exclusive=exclusive)
    if isinstance(parsed, forms.UrlAddress):
        from belay.transports.serialport import open_url

        return open_url(parsed, baudrate=baudrate, exclusive=exclusive)
    if isinstance(parsed, LabgridAddress):
        return open_labgrid(parsed, baudrate=baudrate, exclusive=exclusive)
    return _open_other(parsed, timeout, user, password)


def _open_other(
    parsed: forms.Address, timeout: float | None, user: str | None, password: str | None
) -> Transport:
    """Open what is no serial port."""
    from belay.transports import address as forms

    if isinstance(parsed, forms.ReplayAddress):
        from belay.transports.replay import open_replay

        return open_replay(parsed)
    if isinstance(parsed, forms.VirtualAddress):
        from belay.transports.virtual import open_virtual

        return open_virtual(parsed, timeout=timeout)
    if isinstance(parsed, forms.ExecAddress):
        if parsed.terminal:
            from belay.transports.terminals import open_terminal

            return open_terminal(parsed, timeout=timeout)
        from belay.transports.process import open_process

        return open_process(parsed)
    if isinstance(parsed, forms.WebReplAddress):
        from belay.transports.webrepl import open_webrepl

        return open_webrepl(parsed, password=password, timeout=timeout)
    if isinstance(parsed, forms.SocketAddress):
        from belay.transports.network import open_socket

        return open_socket(parsed, timeout=timeout)
    assert isinstance(parsed, forms.TelnetAddress), parsed
    from belay.transports.telnet import open_telnet

    return open_telnet(parsed, user=user, password=password, timeout=timeout)
