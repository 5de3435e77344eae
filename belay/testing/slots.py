# SPDX-License-Identifier: Apache-2.0
"""The boards that a run may use, before any of them is opened."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from belay.errors import AddressError, BelayException
from belay.transports import boards
from belay.transports.address import (
    SerialAddress,
    UsbAddress,
    VirtualAddress,
    parse_address,
)
from belay.transports.boardtables import NO_TABLE, BoardTable
from belay.transports.usb import UsbSpecifier, device_at

if TYPE_CHECKING:
    from belay.testing.options import Settings

__all__ = ["VIRTUAL", "Slot", "checked_slots", "real", "slots_of"]

VIRTUAL = "virtual:"


@dataclass
class Slot:
    """A board of this run.

    Attributes:
        name: how reports call it: its name, or else its address.
        address: what is opened.
        table: capabilities, wiring and hooks.
        named: somebody said that it is to be used, so it must be there.
        stand_in: this is the virtual board in place of one that is not there, or not wanted.
        problem: why it cannot be opened at all; empty where it can.
        seen: it was connected in this run: from then on it is missed.
        absent: what was said when it was found not to be there; empty as long as it was not.
    """

    name: str
    address: str
    table: BoardTable = NO_TABLE
    named: bool = False
    stand_in: bool = False
    problem: str = ""
    seen: bool = field(default=False, compare=False)
    absent: str = field(default="", compare=False)

    @property
    def real(self) -> bool:
        """Whether it is no virtual board, as far as its address tells."""
        return real(self.address)

    @property
    def private(self) -> bool:
        """Whether every opening gives another board, which needs no lock."""
        if self.problem or self.replayed:
            return False
        parsed = parse_address(self.address)
        return isinstance(parsed, VirtualAddress) and parsed.files is None

    @property
    def replayed(self) -> bool:
        """Whether this is the recording of a board."""
        return self.address.startswith("replay:")

    @property
    def key(self) -> str:
        """What tells the board from all others of this machine: the same under every name."""
        parsed = parse_address(self.address)
        if isinstance(parsed, UsbSpecifier):
            parsed = UsbAddress(parsed)
        specifier = parsed.specifier if isinstance(parsed, UsbAddress) else None
        text = str(parsed)
        if isinstance(parsed, SerialAddress):
            specifier, text = device_at(parsed.port), parsed.port
        if specifier is not None and specifier.serial_number:
            text = f"usb:serial={specifier.serial_number.lower()}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def simulated(self) -> Slot:
        """The virtual board in its place: with its name and wiring, without what its rig can."""
        table = self.table
        if not self.problem and not self.real:
            return self
        return Slot(self.name, VIRTUAL, BoardTable(wiring=table.wiring), stand_in=True)

    def __str__(self) -> str:
        kind = "real" if self.real else "virtual"
        if self.stand_in and self.name != VIRTUAL:
            kind = "virtual, in its place"
        where = f" {self.address}" if self.address != self.name else ""
        return f"{self.name}{where} ({self.problem or kind})"


def real(address: str) -> bool:
    """Whether an address is that of a board, and not of the virtual one or of a recording."""
    return not address.startswith((VIRTUAL, "replay:"))


def slots_of(settings: Settings) -> list[Slot]:
    """The boards of a run, in the order in which they are preferred.

    Those of ``--device``; else that of ``BELAY_DEVICE``; else all that are configured, the default
    one first; else none. Nothing is opened, and no board that nobody has named is taken.

    Raises:
        pytest.UsageError: a name or an address is wrong.
    """
    try:
        with boards.project_at(settings.root):
            slots = _named(settings.devices) if settings.devices else _configured()
    except BelayException as error:
        option = "--device" if settings.devices else boards.VARIABLE
        said = str(error)
        raise pytest.UsageError(
            said if said.startswith(f"{option}:") else f"{option}: {said}"
        ) from error
    if settings.sim == "only":
        slots = [slot.simulated() for slot in slots]
    if settings.sim == "never":
        real_ones = [slot for slot in slots if slot.real]
        if settings.devices and not real_ones:
            raise pytest.UsageError(
                f"--device-sim=never rules out every board of --device: "
                f"{', '.join(slot.name for slot in slots)}"
            )
        return real_ones
    return slots or [Slot(VIRTUAL, VIRTUAL, stand_in=True)]


def checked_slots(settings: Settings) -> list[Slot]:
    """The same for a test: a mistake fails it, in one line."""
    try:
        return slots_of(settings)
    except pytest.UsageError as error:
        said = str(error)
    pytest.fail(said, pytrace=False)


def _named(devices: tuple[str, ...]) -> list[Slot]:
    found: dict[str, Slot] = {}
    for text in devices:
        resolved = boards.resolve_all() if text == "all" else [boards.resolve(text)]
        for board in resolved:
            found.setdefault(board.label, _slot(board))
    return list(found.values())


def _slot(board: boards.ResolvedAddress) -> Slot:
    table = boards.look_up(board.name).table if board.name else NO_TABLE
    return Slot(board.label, board.address, table, named=True)


def _configured() -> list[Slot]:
    import os

    if os.environ.get(boards.VARIABLE, "").strip():
        return [_slot(boards.resolve())]
    entries = sorted(boards.configured().values(), key=lambda entry: not entry.default)
    slots = []
    for entry in entries:
        try:
            boards.look_up(entry.name)
        except AddressError as error:
            slots.append(Slot(entry.name, entry.address, entry.table, problem=str(error)))
        else:
            slots.append(Slot(entry.name, entry.address, entry.table))
    return slots
