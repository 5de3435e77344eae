# SPDX-License-Identifier: Apache-2.0
"""Serial ports and the URLs of pyserial.

pyserial opens and configures; the bytes then take the descriptor path where there is a
descriptor. Its own ``read`` would need its ``timeout`` set for every deadline, which configures
the port anew each time (and negotiates with the server for ``rfc2217://``).
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING, Any

import serial

from belay.errors import (
    AddressError,
    BelayException,
    ConnectionFailedError,
    PortBusyError,
    PortNotFoundError,
)
from belay.transports import levels
from belay.transports.address import SerialAddress, UrlAddress
from belay.transports.base import Transport
from belay.transports.threaded import ThreadedTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["open_serial", "open_url", "port_holders"]

# A thread's blocking read looks up this often to see whether the link was closed.
_READ_TIMEOUT = 0.5
_BITS_PER_BYTE = 10  # one start and one stop bit


def open_serial(
    address: SerialAddress, *, baudrate: int = 115200, exclusive: bool = True
) -> Transport:
    """Open a serial port of this machine.

    Args:
        address: the port and its options.
        baudrate: line rate in bit/s, where the address has none.
        exclusive: lock the port against other programs that lock (nearly all do).

    Raises:
        PortNotFoundError: no such port; the message lists the ports that are there.
        PortBusyError: another program holds the port; the message names it where it can be known.
        ConnectionFailedError: no permission, or no serial port.
    """
    port = serial.Serial()
    port.port = address.port
    port.baudrate = address.baudrate or baudrate
    port.exclusive = exclusive or None
    rate = port.baudrate / _BITS_PER_BYTE
    dtr, rts = address.dtr is not False, address.rts is not False
    if sys.platform == "win32":
        port.dtr = port.rts = False
        _open(port, str(address))
        levels.lift(port, dtr, rts)
        return _threaded(port, str(address), rate)
    if sys.platform == "darwin":  # opening it for dialling in would wait for somebody to call
        port.port = address.port.replace("/dev/tty.", "/dev/cu.", 1)
    _open(port, str(address))
    _settle(port, address, exclusive)
    return _descriptor(port, str(address), rate)


def open_url(address: UrlAddress, *, baudrate: int = 115200, exclusive: bool = True) -> Transport:
    """Open a URL through pyserial's handler for it.

    Raises:
        AddressError: the handler does not understand its part of the URL.
        PortNotFoundError: nothing there fits the URL.
        PortBusyError: another program holds the port.
        ConnectionFailedError: the port or server could not be reached.
    """
    try:
        port: Any = serial.serial_for_url(
            str(address), baudrate, timeout=_READ_TIMEOUT, do_not_open=True
        )
    except (ValueError, LookupError) as error:
        raise AddressError(f"{address} is wrong: {error}.") from error
    except serial.SerialException as error:
        told = _explain(error, str(address), str(address))
        raise told from _worth_showing(error, told)
    if address.scheme == "hwgrep":  # only a search: what it found is an ordinary port
        return open_serial(SerialAddress(port.port), baudrate=baudrate, exclusive=exclusive)
    if isinstance(port, serial.Serial):
        port.exclusive = exclusive or None
    _open(port, str(address))
    rate = None if address.scheme == "loop" else port.baudrate / _BITS_PER_BYTE
    return _threaded(port, str(address), rate)


def port_holders(port: str) -> list[str]:
    """Programs that have a port open, as ``name (process id)``; only Linux tells, and not of all.

    Args:
        port: path of the port.
    """
    return sorted(_holders(os.path.realpath(port))) if sys.platform == "linux" else []


class PySerialLink:
    """An open pyserial object as a :class:`~belay.transports.threaded.BlockingLink`."""

    def __init__(self, port: Any) -> None:
        self.port = port

    def read(self) -> bytes:
        """Block for the first byte, then take all that is there."""
        data: bytes = self.port.read(1)
        if data and (count := self.port.in_waiting):
            data += self.port.read(count)
        return data

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        self.port.write(data)

    def drop_output(self) -> None:
        """Empty the driver's output buffer, where the handler and a remote server know how to."""
        with contextlib.suppress(serial.SerialException, NotImplementedError):
            self.port.reset_output_buffer()

    def reason(self, error: Exception) -> str:
        """Why the link ended."""
        return f"{str(error) or type(error).__name__}."

    def cancel(self) -> None:
        """End a blocked read; a handler that cannot do that (``rfc2217://``) ends it by closing."""
        if hasattr(self.port, "cancel_read"):
            self.port.cancel_read()
        else:
            self.port.close()

    def close(self) -> None:
        """Close the port."""
        if sys.platform == "win32":  # there its driver would let the lines go one by one
            with contextlib.suppress(serial.SerialException, OSError):
                levels.drop(self.port)
        self.port.close()


class _PySerialTransport(ThreadedTransport):
    """Any pyserial object; that of ``rfc2217://`` has the lines of the far port."""

    _link: PySerialLink

    def hard_reset(self) -> bool:
        return levels.pulse(self._link.port)


def _threaded(port: Any, address: str, rate: float | None) -> Transport:
    # Set once, here: setting it configures the port.
    if port.timeout != _READ_TIMEOUT:
        port.timeout = _READ_TIMEOUT
    return _PySerialTransport(PySerialLink(port), address=address, bytes_per_second=rate)


def _settle(port: serial.Serial, address: SerialAddress, exclusive: bool) -> None:
    """What a port of this machine needs beyond what pyserial does.

    Opening it has raised both lines, which no program can help.
    """
    import fcntl
    import termios

    descriptor = port.fileno()
    name = os.path.realpath(str(port.port))
    if address.dtr is not None or address.rts is not None:
        levels.set_together(descriptor, address.dtr, address.rts)
    if name.startswith("/dev/pts/"):
        return
    if not levels.own_usb(name):
        levels.stay_at_close(descriptor)
    if exclusive:  # also against programs that look at no lock
        with contextlib.suppress(OSError):
            fcntl.ioctl(descriptor, termios.TIOCEXCL)


def _descriptor(port: serial.Serial, address: str, rate: float) -> Transport:
    import termios

    from belay.transports.descriptor import DescriptorTransport

    class SerialTransport(DescriptorTransport):
        """A serial port by its descriptor."""

        def _flush_output(self) -> None:
            # A port that is gone or closed: the next call says so.
            with contextlib.suppress(termios.error, OSError):
                termios.tcflush(self._write_fd, termios.TCOFLUSH)

        def _reason(self, error: OSError | None) -> str:
            # Linux gives an end of file, or EIO, for a device that was pulled out.
            if error is None or error.errno in (errno.EIO, errno.ENXIO, errno.ENODEV):
                return "the device was unplugged, reset, or its driver closed the port."
            return super()._reason(error)

        def hard_reset(self) -> bool:
            return levels.pulse(port)

        def _release(self) -> None:
            port.close()

    descriptor = port.fileno()
    # pyserial sets VMIN to 0, with which "nothing yet" reads as the end of file.
    attributes = termios.tcgetattr(descriptor)
    attributes[6][termios.VMIN] = 1
    attributes[6][termios.VTIME] = 0
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    transport = SerialTransport(descriptor, descriptor, address=address)
    transport.bytes_per_second = rate
    return transport


def _open(port: Any, address: str) -> None:
    try:
        port.open()
    except (serial.SerialException, OSError, ValueError, LookupError, OverflowError) as error:
        told = _explain(error, str(port.port), address)
        raise told from _worth_showing(error, told)


def _worth_showing(error: Exception, told: Exception) -> Exception | None:
    """Pyserial's exception, unless ours says it all: two more tracebacks would only hide it."""
    return None if isinstance(told, (PortNotFoundError, PortBusyError)) else error


def _explain(error: Exception, port: str, address: str) -> BelayException:
    """Our exception for one of pyserial's: what happened, and what to try."""
    cause = error.__context__ if isinstance(error.__context__, OSError) else error
    number = getattr(error, "errno", None) or getattr(cause, "errno", None)
    text = str(error)
    if number in (errno.EAGAIN, errno.EBUSY) or "Could not exclusively lock" in text:
        return PortBusyError(_busy(port))
    if isinstance(error, LookupError) or "expected a string in the form" in text:
        return AddressError(f"{address} is wrong: {text}.")
    if "no ports found" in text:
        return PortNotFoundError(f"No serial port fits {address}. {_ports_there()}")
    if number == errno.ENOENT or "FileNotFoundError" in text:
        return PortNotFoundError(f"There is no port {port}. {_ports_there()}{_hint(port)}")
    if number in (errno.ENXIO, errno.ENODEV):
        return PortNotFoundError(f"{port} has no device behind it. {_ports_there()}")
    if number in (errno.EACCES, errno.EPERM) or "PermissionError" in text:
        return _denied(port)
    if number == errno.ECONNREFUSED:
        return ConnectionFailedError(f"Nothing listens at {address}. Does the server run there?")
    if isinstance(cause, OSError) and type(cause).__name__ == "gaierror":
        return PortNotFoundError(f"There is no such host in {address} ({cause.strerror}).")
    if number in (errno.ENOTTY, errno.EINVAL, errno.EISDIR) or "Could not configure" in text:
        return ConnectionFailedError(f"{port} is no serial port. {_ports_there()}")
    return ConnectionFailedError(f"{address} could not be opened: {text}.")


def _busy(port: str) -> str:
    holders = port_holders(port)
    by = f"held by {', '.join(holders)}" if holders else "held by another program"
    return (
        f"{port} is {by}. Close it there (a serial monitor, Thonny, mpremote, another notebook or "
        "Device), then try again."
    )


def _denied(port: str) -> ConnectionFailedError:
    if sys.platform == "win32":  # Windows says "access denied" for a port in use
        return PortBusyError(_busy(port))
    message = f"You may not open {port}."
    if sys.platform == "linux":
        message += (
            " Serial ports belong to a group, mostly 'dialout' (Debian, Ubuntu, Fedora) or 'uucp' "
            f"(Arch): join {_group(port)} with 'sudo usermod -aG {_group(port)} $USER', then log "
            "out and in again."
        )
    return ConnectionFailedError(message)


def _group(port: str) -> str:
    try:
        import grp

        return grp.getgrgid(os.stat(port).st_gid).gr_name
    except (ImportError, KeyError, OSError):
        return "dialout"


def _ports_there() -> str:
    from serial.tools import list_ports

    found = []
    for port in sorted(list_ports.comports(), key=lambda port: port.device):
        what = port.description if port.description not in ("n/a", port.name, port.device) else ""
        found.append(f"{port.device} ({what})" if what else port.device)
    if not found:
        return (
            "No serial port is there at all: is the board plugged in, with a cable that carries "
            "data? Without a board, use 'virtual:'."
        )
    return f"Ports that are there: {', '.join(found)}."


def _hint(port: str) -> str:
    if sys.platform != "win32" and not port.startswith((".", "/")) and "/" not in port:
        return " COM ports are names of Windows; here a port is a path such as /dev/ttyACM0."
    return ""


def _holders(path: str) -> Iterator[str]:
    for process in os.listdir("/proc"):
        if not process.isdigit():
            continue
        try:
            folder = f"/proc/{process}/fd"
            names = (os.path.join(folder, number) for number in os.listdir(folder))
            if any(_points_to(name, path) for name in names):
                with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as file:
                    mine = ", this program" if int(process) == os.getpid() else ""
                    yield f"{file.read().strip()} (process {process}{mine})"
        except OSError:
            continue  # another user's, or gone meanwhile


def _points_to(link: str, path: str) -> bool:
    try:
        return os.readlink(link) == path
    except OSError:
        return False
