# SPDX-License-Identifier: Apache-2.0
"""Parts on the bench: what hangs on a board, what it measures, and what can be done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import waves
from .control import CommandError, Commands, Control, Json

if TYPE_CHECKING:
    from .peripherals import Bench

__all__ = ["Part", "Parts", "Quantity"]


@dataclass
class Quantity:
    """Something that a part measures, which the outside sets.

    Attributes:
        wave: its value at every moment.
        low, high: the least and the most that makes sense.
        unit: as people write it.
        apply: is told of a new wave.
    """

    wave: waves.Wave
    low: float
    high: float
    unit: str
    apply: Callable[[waves.Wave], None] | None = None

    def put(self, wave: waves.Wave) -> None:
        """Let it be this from now on."""
        self.wave = wave
        if self.apply is not None:
            self.apply(wave)


@dataclass
class Part:
    """One part.

    Attributes:
        kind: what it is.
        name: what the outside calls it.
        pins: numbers of the board's pins that it hangs on.
        quantities: what it measures, by name.
        actions: what can be done to it, by name.
        state: tells what it shows or holds, as JSON has it.
        picture: draws it, as a PNG file; None for what is not to be looked at.
    """

    kind: str
    name: str
    pins: tuple[int, ...]
    quantities: dict[str, Quantity] = field(default_factory=dict)
    actions: dict[str, Callable[..., Json]] = field(default_factory=dict)
    state: Callable[[], dict[str, Json]] = dict
    picture: Callable[[], bytes] | None = None


class Parts:
    """All parts of one bench."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.by_name: dict[str, Part] = {}

    def free_name(self, kind: str) -> str:
        """A name for one more of a kind."""
        number, name = 1, kind
        while name in self.by_name:
            number += 1
            name = f"{kind}-{number}"
        return name

    def add(self, part: Part) -> None:
        """Put a part on the bench.

        Raises:
            CommandError: there is one of this name.
        """
        if part.name in self.by_name:
            raise CommandError(f"there is a part {part.name!r} already")
        self.by_name[part.name] = part

    # ---- the outside

    def commands(self) -> Commands:
        """What the outside can do."""
        return {
            "part.list": self._list,
            "part.get": self._get,
            "part.set": self._set,
            "part.do": self._do,
            "part.picture": self._picture,
            "part.add": self._add,
            "bench.look": self._look,
            "scene.add": self._scene,
        }

    def _part(self, name: str) -> Part:
        self._bench.furnished()
        part = self.by_name.get(name)
        if part is None:
            there = ", ".join(sorted(self.by_name)) or "none"
            raise CommandError(f"there is no part {name!r} on this bench; there are: {there}")
        return part

    def _list(self) -> Json:
        self._bench.furnished()
        return [
            {
                "name": part.name,
                "kind": part.kind,
                "pins": part.pins,
                "quantities": {
                    name: {"low": q.low, "high": q.high, "unit": q.unit}
                    for name, q in part.quantities.items()
                },
                "actions": sorted(part.actions),
                "picture": part.picture is not None,
            }
            for part in self.by_name.values()
        ]

    def _get(self, part: str) -> Json:
        it, now = self._part(part), self._bench.now()
        return {**{name: q.wave(now) for name, q in it.quantities.items()}, **it.state()}

    def _set(self, part: str, values: dict[str, Json]) -> None:
        it = self._part(part)
        for name, value in values.items():
            quantity = it.quantities.get(name)
            if quantity is None:
                known = ", ".join(it.quantities) or "nothing"
                raise CommandError(f"{it.name} is a {it.kind}, which measures {known}; no {name}")
            quantity.put(waves.level(value, Control.client))

    def _do(self, part: str, action: str, values: dict[str, Json] | None = None) -> Json:
        it = self._part(part)
        if action not in it.actions:
            known = ", ".join(sorted(it.actions)) or "nothing"
            raise CommandError(f"{it.name} is a {it.kind}, which can do {known}; not {action}")
        return it.actions[action](**(values or {}))

    def _picture(self, part: str) -> str:
        it = self._part(part)
        if it.picture is None:
            raise CommandError(f"{it.name} is a {it.kind}: there is nothing to look at")
        return it.picture().hex()

    def _look(self) -> Json:
        """Everything that a picture of the board shows, at once."""
        self._bench.furnished()
        return {
            "pins": [self._bench.read_pin(number) for number in range(len(self._bench.pins))],
            "parts": [
                {
                    "name": part.name,
                    "kind": part.kind,
                    "pins": part.pins,
                    "state": self._get(part.name),
                    "png": part.picture().hex() if part.picture else None,
                }
                for part in self.by_name.values()
            ],
        }

    def _add(self, kind: str, settings: dict[str, Json]) -> str:
        from .scene import Entry, add_part

        self._bench.furnished()
        return add_part(self._bench, Entry("part", {"kind": kind, **settings})).name

    def _scene(self, text: str, name: str) -> None:
        from .scene import build, parse

        self._bench.furnished()
        build(self._bench, parse(text, name))
