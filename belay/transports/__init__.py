# SPDX-License-Identifier: Apache-2.0
"""Byte links to boards: an address in, an open :class:`Transport` out.

Importing this package is cheap; what a link needs (pyserial, sockets, child processes) is loaded
when the first address of its kind is opened.
"""

from __future__ import annotations

from belay.transports.base import Transport
from belay.transports.usb import UsbSpecifier

__all__ = ["Transport", "open_transport"]


def open_transport(
    address: str | UsbSpecifier,
    *,
    baudrate: int = 115200,
    exclusive: bool = True,
    timeout: float | None = 10,
) -> Transport:
    """Open the link that an address names.

    Args:
        address: a serial port (``/dev/ttyACM0``, ``COM5``), a pyserial URL (``socket://…``,
            ``rfc2217://…``, ``loop://``, ``hwgrep://…``, ``spy://…``, ``alt://…``),
            ``exec:command line`` or ``virtual:``; a :class:`belay.UsbSpecifier`, or its JSON.
            `belay.transports.address` has the grammar.
        baudrate: line rate of serial links, where the address does not give one.
        exclusive: refuse a serial port that another program holds, and keep others out.
        timeout: seconds that making the connection may take; None for no limit.

    Raises:
        AddressError: the address cannot be understood.
        PortNotFoundError: the port, host or program does not exist.
        DeviceNotFoundError, InsufficientSpecifierError: not exactly one USB device fits.
        PortBusyError: something else holds the port or the named virtual board.
        ConnectionFailedError: any other reason why there is no link.
    """
    from belay.transports import address as forms

    parsed: forms.Address
    parsed = address if isinstance(address, UsbSpecifier) else forms.parse_address(address)
    if isinstance(parsed, UsbSpecifier):
        parsed = forms.SerialAddress(parsed.to_port())
    if isinstance(parsed, forms.VirtualAddress):
        from belay.transports.virtual import open_virtual

        return open_virtual(parsed, timeout=timeout)
    if isinstance(parsed, forms.ExecAddress):
        from belay.transports.process import open_process

        return open_process(parsed)
    if isinstance(parsed, forms.SocketAddress):
        from belay.transports.network import open_socket

        return open_socket(parsed, timeout=timeout)
    from belay.transports.serialport import open_serial, open_url

    if isinstance(parsed, forms.UrlAddress):
        return open_url(parsed, baudrate=baudrate, exclusive=exclusive)
    return open_serial(parsed, baudrate=baudrate, exclusive=exclusive)
