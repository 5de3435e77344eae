# SPDX-License-Identifier: Apache-2.0
"""What a change has done to the packages of a project."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from belay.packages.model import Lock, LockedPackage, short_version
from belay.packages.stage import Changes

__all__ = ["Done", "Move", "moves_of"]


@dataclass(frozen=True, slots=True)
class Move:
    """What became of a package.

    Attributes:
        name: of it.
        before: its version; None: it was not there.
        after: its version; None: it is not there any more.
        same: nothing of it has changed.
    """

    name: str
    before: str | None
    after: str | None
    same: bool = False

    def __str__(self) -> str:
        before, after = (short_version(text or "") for text in (self.before, self.after))
        if self.before is None:
            return f"+ {self.name} {after}".rstrip()
        if self.after is None:
            return f"- {self.name} {before}".rstrip()
        if before == after:
            return f"{'=' if self.same else '~'} {self.name} {after}".rstrip()
        return f"~ {self.name} {before} -> {after}"


@dataclass(frozen=True, slots=True)
class Done:
    """What was done to a project.

    Attributes:
        moves: packages that are in the lock, or were, by name.
        changes: files in the folder of the packages.
    """

    moves: tuple[Move, ...] = ()
    changes: Changes = field(default_factory=Changes)

    @property
    def moved(self) -> tuple[Move, ...]:
        """Packages that are not as they were."""
        return tuple(move for move in self.moves if not move.same)


def moves_of(previous: Lock | None, lock: Lock) -> tuple[Move, ...]:
    """What became of each package.

    Args:
        previous: the lock that there was.
        lock: the one that there is now.
    """

    def by_name(some: Lock | None) -> dict[str, list[LockedPackage]]:
        found: dict[str, list[LockedPackage]] = {}
        for package in some.packages if some else ():
            found.setdefault(package.name, []).append(package)
        return found

    old, new = by_name(previous), by_name(lock)
    return tuple(
        Move(
            name,
            old[name][0].version if name in old else None,
            new[name][0].version if name in new else None,
            _files(old.get(name, [])) == _files(new.get(name, [])) and name in old and name in new,
        )
        for name in sorted(old.keys() | new.keys())
    )


def _files(packages: Iterable[LockedPackage]) -> set[tuple[str, str, str, str]]:
    return {(p.version, f.dest, f.target, f.sha256) for p in packages for f in p.files}
