# SPDX-License-Identifier: Apache-2.0
"""What a board's table says beside its address: what the board can do, its wires, its hooks.

Commands stand in the user's own file only, as with ``exec:`` addresses. A Python entry point may
stand in a project: the project's Python runs with its tests anyway.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["KEYS", "NO_TABLE", "BoardTable", "Command", "EntryPoint", "read_table"]

KEYS = ("capabilities", "wiring", "reset", "power")
_POWER = ("on", "off", "cycle")
_ENTRY_POINT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_HOOK = '"module:function", or a command: ["program", "argument"], or "exec:program argument"'


class Command(NamedTuple):
    """A program to run, without a shell; it says with its exit status whether it worked."""

    argv: tuple[str, ...]


class EntryPoint(NamedTuple):
    """Something of Python: ``module:attribute``."""

    module: str
    attribute: str

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"


class BoardTable(NamedTuple):
    """The rest of a board's table.

    Attributes:
        capabilities: what it and its rig can do, in the project's own words: ``wifi``,
            ``pin:loopback=2-3``.
        wiring: whatever a test must know of its wires.
        reset: what resets it, from outside; None where nothing does.
        power: what switches its power: an entry point whose value has methods ``on``, ``off`` and
            ``cycle``, or a hook for each of these.
    """

    capabilities: tuple[str, ...] = ()
    wiring: Mapping[str, Any] = MappingProxyType({})
    reset: Command | EntryPoint | None = None
    power: EntryPoint | Mapping[str, Command | EntryPoint] | None = None

    @property
    def commands(self) -> tuple[str, ...]:
        """The keys under which a command stands."""
        found = ["reset"] * isinstance(self.reset, Command)
        if isinstance(self.power, Mapping):
            found += [f"power.{key}" for key, v in self.power.items() if isinstance(v, Command)]
        return tuple(found)

    def over(self, other: BoardTable) -> BoardTable:
        """This table, and of the other one what this one leaves out."""
        return BoardTable(
            self.capabilities or other.capabilities,
            self.wiring or other.wiring,
            self.reset or other.reset,
            self.power or other.power,
        )


NO_TABLE = BoardTable()


def read_table(value: Mapping[str, Any]) -> BoardTable:
    """The table as TOML has it.

    Raises:
        ValueError: says what is wrong with it, as the end of a sentence about the board.
    """
    capabilities = value.get("capabilities", [])
    if not isinstance(capabilities, list) or not all(
        isinstance(item, str) and item.strip() for item in capabilities
    ):
        raise ValueError('must have capabilities as a list of texts, such as ["wifi"]')
    wiring = value.get("wiring", {})
    if not isinstance(wiring, Mapping):
        raise ValueError("must have its wiring as a table, such as { led = 25 }")
    reset = value.get("reset")
    return BoardTable(
        tuple(capabilities),
        MappingProxyType(dict(wiring)),
        None if reset is None else _hook("reset", reset),
        _power(value.get("power")),
    )


def _power(value: Any) -> EntryPoint | Mapping[str, Command | EntryPoint] | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        for key in value:
            if key not in _POWER:
                known = ", ".join(_POWER)
                raise ValueError(f"has an unknown key {key!r} in power; known there: {known}")
        hooks = {key: _hook(f"power.{key}", hook) for key, hook in value.items()}
        if not hooks:
            return None
        if "cycle" not in hooks and ("on" not in hooks or "off" not in hooks):
            raise ValueError("needs power.cycle, or both of power.on and power.off")
        return MappingProxyType(hooks)
    hook = _hook("power", value)
    if isinstance(hook, Command):
        raise ValueError("needs its power commands by name: power = { on = …, off = … }")
    return hook


def _hook(key: str, value: Any) -> Command | EntryPoint:
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return Command(tuple(value))
    if isinstance(value, str) and value.startswith("exec:"):
        try:
            argv = shlex.split(value.removeprefix("exec:"))
        except ValueError as error:
            raise ValueError(f"has a command in {key} that cannot be read: {error}") from None
        if argv:
            return Command(tuple(argv))
    elif isinstance(value, str) and _ENTRY_POINT.fullmatch(value):
        module, _, attribute = value.partition(":")
        return EntryPoint(module, attribute)
    raise ValueError(f"has {key} = {value!r}; it is {_HOOK}")
