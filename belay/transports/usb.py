# SPDX-License-Identifier: Apache-2.0
"""Serial ports by what is behind them: a board found again, whatever port it comes up as."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from belay.errors import AddressError, DeviceNotFoundError, InsufficientSpecifierError

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

__all__ = ["UsbSpecifier", "device_at", "list_devices", "same_board"]

_NUMBERS = ("vid", "pid")
_TEXTS = ("serial_number", "manufacturer", "product", "location")


@dataclass(repr=False)
class UsbSpecifier:
    """What is known of a USB serial device; what is None may be anything.

    A board is found by it as long as the set fields fit one device only. Its JSON, such as
    ``{"vid": 11914, "serial_number": "e6614"}``, stands wherever an address does; ``{}`` is the
    only device there is.

    Attributes:
        vid: vendor id, 0 to 0xffff. Text is read as hexadecimal: ``"2e8a"``, ``"0x2E8A"``.
        pid: product id, likewise.
        serial_number: of the device; the surest mark. Case makes no difference in any text.
        manufacturer: as the device names it.
        product: as the device names it.
        location: where it is plugged in, such as ``"1-1.2"``; one port of it is ``"1-1.2:1.0"``.
        device: its port. Where it is set, that is the answer; it is not part of the JSON, nor
            of comparisons.

    Raises:
        ValueError: a number is out of range, or a text no hexadecimal number.
        TypeError: a field has another type.
    """

    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    manufacturer: str | None = None
    product: str | None = None
    location: str | None = None
    device: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            setattr(self, name, _number(name, getattr(self, name)))
        for name in (*_TEXTS, "device"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise TypeError(f"{name} must be text, not {type(value).__name__}")

    def populated(self) -> bool:
        """Whether any field but ``device`` is set."""
        return bool(self._set_fields())

    def to_port(self) -> str:
        """The port of the one device that fits; where that has several ports, the first.

        Raises:
            DeviceNotFoundError: none does; the message lists those that are there.
            InsufficientSpecifierError: several do; the message lists them.
        """
        if self.device is not None:
            return self.device
        there = list_devices()
        fitting = [found for found in there if self._fits(found)]
        if fitting and _one_device(fitting):
            return str(min(fitting, key=_interface).device)
        wanted = f"fits {self!r}" if self.populated() else "is there"
        if fitting:
            raise InsufficientSpecifierError(
                f"More than one USB serial device {wanted}:{_listed(fitting)}\n"
                "Say which, by its serial_number or location, or give its port."
            )
        others = f" Those that are there:{_listed(there)}" if there and self.populated() else ""
        hint = others or (
            " Is the board plugged in, with a cable that carries data? Without a board, use "
            "'virtual:'."
        )
        raise DeviceNotFoundError(f"No USB serial device {wanted}.{hint}")

    # ---------------------------------------------------------------------------- JSON

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a specifier from its JSON.

        Raises:
            AddressError: it is no JSON object of these fields; the message says what is wrong.
        """
        import json

        try:
            fields = json.loads(text)
            if not isinstance(fields, dict):
                raise TypeError(f"an object is expected, not {fields!r:.40}")
            for name in fields:
                if name not in cls.__dataclass_fields__:
                    known = ", ".join((*_NUMBERS, *_TEXTS))
                    raise ValueError(f"unknown field {name!r}; known here: {known}")
            return cls(**fields)
        except (ValueError, TypeError, RecursionError) as error:
            raise AddressError(f"{text!r:.200} is no USB specifier: {error}") from None

    def to_json(self) -> str:
        """Its set fields as JSON, without ``device``."""
        import json

        return json.dumps(self._set_fields())

    # In Belay 0.30 it is a model of pydantic. The options of these are taken and ignored, but for
    # exclude_none.

    def model_dump_json(self, **options: Any) -> str:
        """As :meth:`to_json`."""
        return self.to_json()

    def model_dump(self, *, exclude_none: bool = False, **options: Any) -> dict[str, Any]:
        """Its fields without ``device``; with ``exclude_none`` those that are set."""
        fields = dict.fromkeys((*_NUMBERS, *_TEXTS)) | self._set_fields()
        return self._set_fields() if exclude_none else fields

    @classmethod
    def model_validate_json(cls, text: str | bytes, **options: Any) -> Self:
        """As :meth:`from_json`."""
        return cls.from_json(text)

    @classmethod
    def model_validate(cls, fields: Any, **options: Any) -> Self:
        """A specifier of a dict's fields; a specifier stays as it is."""
        return fields if isinstance(fields, cls) else cls(**fields)

    parse_raw = model_validate_json

    def __str__(self) -> str:
        return self.to_json()

    def __repr__(self) -> str:
        shown = [
            f"{name}=0x{value:04x}" if name in _NUMBERS else f"{name}={value!r}"
            for name, value in (self._set_fields() | {"device": self.device}).items()
            if value is not None
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    # ---------------------------------------------------------------------------- inside

    def _set_fields(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in (*_NUMBERS, *_TEXTS)}
        return {name: value for name, value in fields.items() if value is not None}

    def _fits(self, other: UsbSpecifier) -> bool:
        theirs = other._set_fields()
        wanted = self._set_fields()
        if "location" in theirs and ":" not in (self.location or ":"):
            theirs["location"] = _socket(other)  # whichever of the device's ports it is
        return all(
            name in theirs and _folded(value) == _folded(theirs[name])
            for name, value in wanted.items()
        )


def list_devices() -> list[UsbSpecifier]:
    """The serial ports of this machine of which more is known than their name: the USB ones."""
    from serial.tools import list_ports

    ports = sorted(list_ports.comports(), key=lambda port: str(port.device))
    devices = [
        UsbSpecifier(port.vid, port.pid, *(_text(getattr(port, name)) for name in _TEXTS))
        for port in ports
    ]
    for device, port in zip(devices, ports, strict=True):
        device.device = port.device
    return [device for device in devices if device.populated()]


def device_at(port: str) -> UsbSpecifier | None:
    """What is known of the device behind a port; None where it is no USB one, or not there.

    Args:
        port: its name, in any of the ways that a system has of naming it.
    """
    wanted = _plain(port)
    return next((found for found in list_devices() if _plain(found.device or "") == wanted), None)


def same_board(board: UsbSpecifier) -> UsbSpecifier | None:
    """The device that a board is now, wherever and under whatever name it was plugged in again.

    A board is known by its ids and its serial number; one without a serial number by its ids and
    where it is plugged in.

    Args:
        board: what :func:`device_at` or :func:`list_devices` said of it.

    Returns:
        None where it is not there, or where it cannot be told from others.
    """
    if board.serial_number is not None:
        marks = UsbSpecifier(board.vid, board.pid, board.serial_number)
    elif board.location is not None and board.vid is not None:
        marks = UsbSpecifier(board.vid, board.pid, location=board.location)
    else:
        return None
    fitting = [found for found in list_devices() if marks._fits(found)]
    if len(fitting) > 1:  # a board with several ports: the same one of them
        wanted = _interface(board)
        fitting = [found for found in fitting if _interface(found) == wanted]
    return fitting[0] if len(fitting) == 1 else None


def _plain(port: str) -> str:
    """The one name among those that mean the same port."""
    name = port.removeprefix("\\\\.\\")
    if re.fullmatch(r"COM\d+", name, re.IGNORECASE):
        return name.upper()
    if port.startswith("/dev/tty."):  # macOS: for dialling in; the same port for dialling out
        return port.replace("/dev/tty.", "/dev/cu.", 1)
    return os.path.realpath(port)


def _one_device(found: list[UsbSpecifier]) -> bool:
    """Whether these are the ports of one device, and not of several."""
    if len(found) == 1:
        return True
    marks = {(one.vid, one.pid, one.serial_number, _socket(one)) for one in found}
    return len(marks) == 1 and found[0].serial_number is not None


def _socket(device: UsbSpecifier) -> str:
    """Where a device is plugged in, without the number of its interface."""
    return (device.location or "").partition(":")[0]


def _interface(device: UsbSpecifier) -> tuple[int, str, str]:
    """Sorts the ports of one device: that of the REPL is the first."""
    interface = (device.location or "").partition(":")[2]
    number = interface.rpartition(".")[2]
    port = device.device or ""
    return (int(number) if number.isdigit() else 0, interface, "" if interface else port)


def _text(value: Any) -> str | None:
    """Some systems give an empty text for what they do not know."""
    return str(value) if value else None


def _number(name: str, value: Any) -> int | None:
    if isinstance(value, str):
        try:
            value = int(value.strip(), 16)
        except ValueError:
            raise ValueError(f"{name} must be a hexadecimal number, not {value!r}") from None
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    if value is not None and not 0 <= value <= 0xFFFF:
        raise ValueError(f"{name} must be from 0 to 0xffff, not {value:#x}")
    return value


def _folded(value: int | str) -> int | str:
    return value.casefold() if isinstance(value, str) else value


def _listed(devices: list[UsbSpecifier]) -> str:
    return "".join(f"\n  {device!r}" for device in devices)
