# SPDX-License-Identifier: Apache-2.0
"""What a test asks of its board, and what a board says to that."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from belay.testing.held import HeldBoard
    from belay.testing.slots import Slot

__all__ = ["Requirements", "boards_of", "describe", "requirements_of"]

_VERSIONED = re.compile(r"(micropython|circuitpython)\s*([<>=!~].*)")
_LIMITS = ("min_free_ram", "min_free_flash", "implementation", "platform", "machine")


@dataclass(frozen=True)
class Requirements:
    """All that the markers of a test ask.

    Attributes:
        names: capabilities, such as ``wifi``, ``module:network`` or ``micropython>=1.24``.
        limits: ``min_free_ram`` and ``min_free_flash`` in bytes; ``implementation``, ``platform``
            and ``machine`` by name.
        hardware: no virtual board.
        boards: one of these names; empty for any.
    """

    names: tuple[str, ...] = ()
    limits: dict[str, Any] = field(default_factory=dict)
    hardware: bool = False
    boards: tuple[str, ...] = ()

    def rules_out(self, slot: Slot) -> str:
        """Why a board does not fit, as far as can be told without opening it; or empty."""
        if self.boards and slot.name not in self.boards:
            return f"is not {' or '.join(self.boards)}"
        if self.hardware and not slot.real:
            return "is no hardware"
        return ""

    def unmet(self, held: HeldBoard) -> str:
        """What an open board does not fulfil, with its real values; empty where it fits."""
        lacking = [name for name in self.names if not self._has(held, name)]
        missing = [f"has no {name}" for name in lacking]
        missing += filter(None, (self._short(held, *limit) for limit in self.limits.items()))
        if self.hardware and not held.real:
            missing.append("is no hardware")
        text = ", ".join(missing)
        if any(name.isidentifier() for name in lacking):  # a capability, or a slip of the pen
            there = ", ".join(held.slot.table.capabilities) or "none"
            text += f" (its capabilities: {there})"
        return text

    def _has(self, held: HeldBoard, name: str) -> bool:
        info = held.info
        versioned = _VERSIONED.fullmatch(name)
        if versioned:
            if versioned[1] != info.implementation:
                return False
            specifier = SpecifierSet(versioned[2])
            return specifier.contains(Version(info.version), prereleases=True)
        if name.startswith("module:"):
            return held.imports(name.removeprefix("module:"))
        facts = {info.implementation, info.platform, *info.emitters}
        facts |= {"threads"} if "_thread" in info.modules else set()
        return name in facts or name in held.slot.table.capabilities

    def _short(self, held: HeldBoard, name: str, wanted: Any) -> str:
        info = held.info
        if name.startswith("min_free_"):
            free = info.heap_free if name == "min_free_ram" else info.flash_free
            what = "bytes of heap" if name == "min_free_ram" else "bytes of flash"
            if free is None:
                return f"does not tell its free {what} (needs {wanted})"
            return f"has {free} {what} free (needs {wanted})" if free < wanted else ""
        value = getattr(info, name)
        return f"is {value!r} by {name} (needs {wanted!r})" if value != wanted else ""


def describe(held: HeldBoard) -> str:
    """A board in a few words, for the reason of a skip."""
    info = held.info
    return f"{held.slot.name}: {info.implementation} {info.version} on {info.platform}"


def requirements_of(item: pytest.Item, board: str = "") -> Requirements:
    """What the markers of a test ask.

    Args:
        item: the test.
        board: the board of its id, where it runs once for each.

    Raises:
        pytest.fail.Exception: a marker has an argument that is not understood.
    """
    names: list[str] = []
    limits: dict[str, Any] = {}
    for marker in item.iter_markers("requires"):
        for name in marker.args:
            names.append(_checked(item, name))
        for key, value in marker.kwargs.items():
            if key not in _LIMITS:
                known = ", ".join(_LIMITS)
                _mistake(item, f"requires() has no {key!r}; it has {known}")
            number = key.startswith("min_")
            if isinstance(value, bool) or not isinstance(value, (int, float) if number else str):
                kind = "a number of bytes" if number else "text"
                _mistake(item, f"requires({key}={value!r}): that is {kind}")
            limits.setdefault(key, value)
    chosen = (board,) if board else boards_of(item, "board")
    hardware = item.get_closest_marker("hardware") is not None
    return Requirements(tuple(names), limits, hardware, chosen)


def boards_of(item: Any, marker: str) -> tuple[str, ...]:
    """The names in a marker ``board`` or ``boards``; empty where there is none.

    Raises:
        pytest.fail.Exception: it holds something else.
    """
    found = item.get_closest_marker(marker)
    if found is None:
        return ()
    names = found.args
    if not names or found.kwargs or not all(isinstance(name, str) for name in names):
        _mistake(item, f'{marker}() takes names, such as {marker}("pico")')
    if item.get_closest_marker("board" if marker == "boards" else "boards") is not None:
        _mistake(item, "board() says on which board it runs, boards() on which all: take one")
    groups = sorted({"all", "any"} & set(names))
    if groups and (marker == "board" or len(names) > 1):
        _mistake(item, f'"{groups[0]}" is no name of a board; boards("{groups[0]}") has it alone')
    return tuple(names)


def _mistake(item: Any, text: str) -> NoReturn:
    """A marker is wrong: that test fails, in one line, wherever it was found."""
    pytest.fail(f"{item.nodeid}: {text}", pytrace=False)


def _checked(item: pytest.Item, name: object) -> str:
    if not isinstance(name, str):
        _mistake(item, f"requires({name!r}): a requirement is text")
    versioned = _VERSIONED.fullmatch(name)
    if versioned:
        try:
            SpecifierSet(versioned[2])
            return name
        except (InvalidSpecifier, InvalidVersion):
            pass
        _mistake(item, f"requires({name!r}): {versioned[2]!r} is no condition for a version")
    return name
