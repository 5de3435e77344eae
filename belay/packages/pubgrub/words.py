# SPDX-License-Identifier: Apache-2.0
"""Sets of versions in words, as seen by someone who knows which versions there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from belay.packages.pubgrub.sets import Cut, VersionSet

__all__ = ["Words", "among", "listed", "literally"]

_MANY = 4
"""So many versions are listed at most; of more, the oldest and the newest ones."""


class Words:
    """How packages and sets of their versions are named in an explanation.

    Args:
        versions: those that there are of each package, in any order.
    """

    def __init__(self, versions: Mapping[str, Sequence[Any]] | None = None) -> None:
        self._versions = {name: sorted(there) for name, there in (versions or {}).items()}

    def existing(self, package: str) -> Sequence[Any]:
        """The versions that there are, oldest first; empty as well if nobody asked for them."""
        return self._versions.get(package, ())

    def subject(self, package: str, versions: VersionSet) -> str:
        """Those versions of a package that there are and that are in a set."""
        there = self.existing(package)
        if not any(version in versions for version in there):
            return self.wanted(package, versions)
        if len(there) > 1 and all(version in versions for version in there):
            return f"any version of {package}"
        return f"{package} {among(there, versions)}".rstrip()

    def wanted(self, package: str, versions: VersionSet) -> str:
        """A set as it is asked for, whatever there is; all that there is needs no word."""
        if versions and all(version in versions for version in self.existing(package)):
            parts = len(versions.cuts) + versions.lowest
            if parts > 2 and self.existing(package):
                return package
        return f"{package} {literally(versions)}".rstrip()

    def lacking(self, package: str, versions: VersionSet) -> str:
        """That none of the versions that there are is in a set."""
        there = self.existing(package)
        if not there:
            return f"there is no {package}"
        texts = listed([str(version) for version in there])
        return f"there {'is' if len(there) == 1 else 'are'} only {package} {texts}"


def among(there: Sequence[Any], versions: VersionSet) -> str:
    """Those that are in a set, with respect to all that there are: ``1.2 or newer``.

    Args:
        there: all versions, oldest first.
        versions: the set; at least one of them is in it.
    """
    inside = list(_runs(there, versions))
    outside = list(_runs(there, ~versions))
    last = len(there) - 1
    if len(outside) <= 2 and len(inside) >= 2 and all(begin == end for begin, end in outside):
        return f"other than {_joined([str(there[begin]) for begin, _ in outside])}"
    return _joined([_run(there, begin, end, last) for begin, end in inside])


def _runs(there: Sequence[Any], versions: VersionSet) -> Iterator[tuple[int, int]]:
    """Where those in a set stand without a gap, as first and last place."""
    begin: int | None = None
    for place, version in enumerate(there):
        if version in versions:
            begin = place if begin is None else begin
        elif begin is not None:
            yield begin, place - 1
            begin = None
    if begin is not None:
        yield begin, len(there) - 1


def _run(there: Sequence[Any], begin: int, end: int, last: int) -> str:
    if begin == end:
        return str(there[begin])
    if end == last:
        return f"{there[begin]} or newer"
    if begin == 0:
        return f"{there[end]} or older"
    return f"{there[begin]} {'or' if end == begin + 1 else 'to'} {there[end]}"


def literally(versions: VersionSet) -> str:
    """A set whatever there is: ``1.2 or newer``, ``>=1.2,<2``; nothing for all versions."""
    if not versions:
        return "in no version at all"
    edges: list[Cut | None] = [*([None] if versions.lowest else []), *versions.cuts]
    if len(edges) % 2:
        edges.append(None)
    parts = list(zip(edges[::2], edges[1::2], strict=True))
    gaps = list(zip(edges[1:-1:2], edges[2:-1:2], strict=True))
    open_ended = edges[0] is None and edges[-1] is None
    if open_ended and gaps and all(a and b and a[0] == b[0] for a, b in gaps):
        return f"other than {_joined([str(a[0]) for a, _ in gaps if a])}"
    return _joined([_part(begin, end) for begin, end in parts])


def _part(begin: Cut | None, end: Cut | None) -> str:
    if begin is None:
        if end is None:
            return ""
        return f"{end[0]} or older" if end[1] else f"older than {end[0]}"
    if end is None:
        return f"newer than {begin[0]}" if begin[1] else f"{begin[0]} or newer"
    if begin[0] == end[0]:
        return str(begin[0])
    return f"{'>' if begin[1] else '>='}{begin[0]},{'<=' if end[1] else '<'}{end[0]}"


def listed(texts: Sequence[str]) -> str:
    """Texts with *and*; of many, the ends of the list."""
    if len(texts) > _MANY:
        return f"{texts[0]}, {texts[1]} … {texts[-1]}"
    return _joined(texts, "and")


def _joined(texts: Sequence[str], word: str = "or") -> str:
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}"
