# SPDX-License-Identifier: Apache-2.0
"""The boards that there are to choose from, and how each one is written down."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from belay.cli.columns import aligned

if TYPE_CHECKING:
    from belay.transports.boards import BoardEntry
    from belay.transports.usb import UsbSpecifier

__all__ = ["Candidate", "choice_lines", "found_boards", "named_and_found", "what_tells_apart"]


@dataclass(frozen=True)
class Candidate:
    """A board that can be chosen.

    Attributes:
        address: what opens it now: its port, or the address of its entry in the configuration.
        name: its name in the configuration, or empty.
        usb: what is known of its USB device; None for boards that are not on USB.
        lasting: what stands for it also tomorrow, in another socket.
    """

    address: str
    name: str = ""
    usb: UsbSpecifier | None = None
    lasting: UsbSpecifier | None = None

    @property
    def export(self) -> str:
        """The line for a shell that makes it the board of all commands and programs."""
        value = self.address if self.lasting is None else self.lasting.to_json()
        if os.name == "nt":
            doubled = value.replace("'", "''")
            return f"$env:BELAY_DEVICE = '{doubled}'"
        quoted = value.replace("'", "'\\''")
        return f"export BELAY_DEVICE='{quoted}'"

    @property
    def python(self) -> str:
        """The line for a Python program."""
        if self.lasting is None:
            return f"device = belay.Device({self.address!r})"
        return f"device = belay.Device(belay.{self.lasting!r})"

    @property
    def suggested_name(self) -> str:
        """A name for the configuration, from what the board says of itself."""
        text = (self.usb and self.usb.product) or self.name or "board"
        letters = "".join(one if one.isalnum() and one.isascii() else "-" for one in text.lower())
        return "-".join(filter(None, letters.split("-"))) or "board"

    def as_json(self) -> dict[str, Any]:
        """What a program wants to know of it."""
        return {
            "port": self.address,
            "name": self.name or None,
            **(self.usb.model_dump() if self.usb is not None else {}),
        }

    def row(self) -> list[str]:
        """Its columns, below :data:`HEADINGS`."""
        usb = self.usb
        if usb is None:
            return [self.address, self.name, "", "", "", "", ""]
        numbers = [f"{n:04x}" if n is not None else "" for n in (usb.vid, usb.pid)]
        texts = (usb.serial_number, usb.product, usb.manufacturer, usb.location)
        return [self.address, self.name, ":".join(filter(None, numbers)), *(t or "" for t in texts)]


HEADINGS = ["PORT", "NAME", "VID:PID", "SERIAL", "PRODUCT", "MANUFACTURER", "LOCATION"]


def found_boards() -> list[Candidate]:
    """The boards on USB, and those of the configuration that are not among them."""
    from belay.transports.boards import configured
    from belay.transports.usb import list_devices

    return named_and_found(list_devices(), configured().values(), _is_there)


def _is_there(port: str) -> bool:
    """Whether the system has a serial port, on USB or not."""
    if os.name == "posix":
        return os.path.exists(port)
    from serial.tools import list_ports

    return any(each.device == port for each in list_ports.comports())


def named_and_found(
    devices: Sequence[UsbSpecifier],
    entries: Iterable[BoardEntry],
    is_there: Callable[[str], bool],
) -> list[Candidate]:
    """The boards to choose from, those that are plugged in first.

    Args:
        devices: what is on USB.
        entries: what has a name.
        is_there: tells whether there is a serial port, which need not be on USB.
    """
    from belay.transports.address import SerialAddress, UsbAddress, parse_address

    names: dict[str, str] = {}
    others: list[Candidate] = []
    for entry in entries:
        if entry.problem:
            continue
        parsed = parse_address(entry.address)
        if isinstance(parsed, UsbAddress):
            fitting = [each for each in devices if parsed.specifier._fits(each)]
        elif isinstance(parsed, SerialAddress):
            fitting = [each for each in devices if each.device == parsed.port]
            if not fitting and is_there(parsed.port):  # a UART of this computer's own
                others.append(Candidate(entry.address, entry.name))
        else:
            fitting = []
            others.append(Candidate(entry.address, entry.name))
        if len(fitting) == 1:
            names.setdefault(str(fitting[0].device), entry.name)
    plugged = [
        Candidate(
            str(each.device), names.get(str(each.device), ""), each, what_tells_apart(each, devices)
        )
        for each in devices
    ]
    return plugged + others


def what_tells_apart(device: UsbSpecifier, devices: Sequence[UsbSpecifier]) -> UsbSpecifier:
    """As little as finds this device again among those that are there.

    Where it is plugged in is named only if nothing else tells it from others.
    """
    from belay.transports.usb import UsbSpecifier

    known = device.model_dump(exclude_none=True)
    chosen: dict[str, Any] = {}
    for name in ("vid", "pid", "serial_number", "product", "manufacturer", "location"):
        if name not in known:
            continue
        chosen[name] = known[name]
        found = UsbSpecifier(**chosen)
        sure = "serial_number" in chosen or "serial_number" not in known
        if "pid" in chosen and sure and sum(found._fits(each) for each in devices) <= 1:
            break
    return UsbSpecifier(**chosen)


def choice_lines(candidates: Sequence[Candidate]) -> list[str]:
    """One line for each, in columns: what a person tells them apart by."""
    short = [[c.address, c.name, *(c.row()[4:6])] for c in candidates]
    return aligned([["", "", "", ""], *short])[1:]
