# SPDX-License-Identifier: Apache-2.0
"""Sets of versions, closed under union, intersection and complement."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["VersionSet"]

Cut = tuple[Any, int]
"""A place between versions: ``(v, 0)`` just below ``v``, ``(v, 1)`` just above it."""


@dataclass(frozen=True)
class VersionSet:
    """A set of versions of any ordered type, as the places where it begins and ends.

    Args:
        cuts: ascending; at each of them membership changes.
        lowest: whether the lowest versions are in it, those below all cuts.
    """

    cuts: tuple[Cut, ...] = ()
    lowest: bool = False

    @classmethod
    def none(cls) -> VersionSet:
        """No version."""
        return cls()

    @classmethod
    def all(cls) -> VersionSet:
        """Every version."""
        return cls((), True)

    @classmethod
    def only(cls, version: Any) -> VersionSet:
        """One version."""
        return cls(((version, 0), (version, 1)))

    @classmethod
    def of(cls, versions: Iterable[Any]) -> VersionSet:
        """These versions."""
        cuts = [cut for v in sorted(set(versions)) for cut in ((v, 0), (v, 1))]
        return cls(tuple(cuts))

    @classmethod
    def at_least(cls, version: Any) -> VersionSet:
        """A version and all above it."""
        return cls(((version, 0),))

    @classmethod
    def above(cls, version: Any) -> VersionSet:
        """All above a version."""
        return cls(((version, 1),))

    @classmethod
    def below(cls, version: Any) -> VersionSet:
        """All below a version."""
        return cls(((version, 0),), True)

    @classmethod
    def at_most(cls, version: Any) -> VersionSet:
        """A version and all below it."""
        return cls(((version, 1),), True)

    def __contains__(self, version: Any) -> bool:
        return self.lowest ^ bool(bisect_right(self.cuts, (version, 0)) % 2)

    def __invert__(self) -> VersionSet:
        return VersionSet(self.cuts, not self.lowest)

    def __and__(self, other: VersionSet) -> VersionSet:
        return self._combine(other, lambda a, b: a and b)

    def __or__(self, other: VersionSet) -> VersionSet:
        return self._combine(other, lambda a, b: a or b)

    def __sub__(self, other: VersionSet) -> VersionSet:
        return self._combine(other, lambda a, b: a and not b)

    def __le__(self, other: VersionSet) -> bool:
        return not self - other

    def __bool__(self) -> bool:
        return self.lowest or bool(self.cuts)

    def _combine(self, other: VersionSet, both: Callable[[bool, bool], bool]) -> VersionSet:
        here, there = self.lowest, other.lowest
        lowest = state = both(here, there)
        mine, others = set(self.cuts), set(other.cuts)
        cuts = []
        for cut in sorted(mine | others):
            here ^= cut in mine
            there ^= cut in others
            if both(here, there) != state:
                state = not state
                cuts.append(cut)
        return VersionSet(tuple(cuts), lowest)

    def __str__(self) -> str:
        """As people write it: ``>=1.0,<2``, several parts with ``or``; ``*`` for all."""
        if not self:
            return "none"
        edges: list[Cut | None] = [*([None] if self.lowest else []), *self.cuts]
        if len(edges) % 2:
            edges.append(None)
        return " or ".join(map(_part, edges[::2], edges[1::2]))


def _part(begin: Cut | None, end: Cut | None) -> str:
    if begin is not None and end is not None and begin[0] == end[0]:
        return f"{begin[0]}"
    parts = []
    if begin is not None:
        parts.append(f"{'>' if begin[1] else '>='}{begin[0]}")
    if end is not None:
        parts.append(f"{'<=' if end[1] else '<'}{end[0]}")
    return ",".join(parts) or "*"
