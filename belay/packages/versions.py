# SPDX-License-Identifier: Apache-2.0
r"""Versions of packages, and the constraints that people write on them.

A version is read as PEP 440 has it, which also reads what most packages for boards call their
versions: ``0.0.6``, ``v1.2``, ``1.0-beta.2``. Text that is no such version (``main``, a date with
letters, nothing at all) is a version as well: it is below all others, so it is never taken where
there is a proper one.

===============  ================================  ==========================================
Constraint       Means                             Where it is usual
===============  ================================  ==========================================
``*`` `latest`   any version                       mip, Belay 0.30
``1.2``          1.2 alone                         mip, Belay 0.30
``==1.2`` ``=``  1.2 alone                         pip, Cargo
``==1.2.*``      any 1.2; also ``1.2.*``           pip, Poetry
``!=1.2``        any but 1.2; also ``!=1.2.*``     pip
``>=1.2`` …      also ``>``, ``<=``, ``<``         everywhere
``~=1.2.3``      1.2.3 or newer, below 1.3         pip
``^1.2``         1.2 or newer, below 2             Cargo, npm, Poetry
``~1.2``         1.2 or newer, below 1.3           Cargo, npm, Poetry
===============  ================================  ==========================================

Several hold together with commas or spaces between them (``>=1.2,<2``); ``||`` means *or*. An upper
bound such as ``<2`` leaves out the pre-releases of 2, unless it names one itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from typing import Any, NoReturn

from packaging.version import InvalidVersion
from packaging.version import Version as _Pep440

from belay.errors import PackageError
from belay.packages.pubgrub.sets import VersionSet

__all__ = [
    "ANY",
    "Constraint",
    "ConstraintError",
    "Version",
    "best_first",
    "is_constraint",
    "odd_versions",
]

_PART = re.compile(r"(?P<operator>[\^~<>=!]*)\s*(?P<version>[^\s,|^~<>=!]*)")
_OPERATORS = ("==", "=", "!=", ">=", "<=", ">", "<", "~=", "^", "~")
_ANY = ("*", "latest")
_WILD = re.compile(r"\.[*]$")
_STARTS = re.compile(r"v?\d")


class ConstraintError(PackageError, ValueError):
    """Text that is no constraint on versions; the message shows where it goes wrong.

    Attributes:
        text: all of it.
        start: where what is wrong begins, counted from 0.
        end: where it ends.
        problem: what is wrong with it.
    """

    def __init__(self, text: str, start: int, end: int, problem: str) -> None:
        self.text, self.start, self.end, self.problem = text, start, max(end, start + 1), problem
        mark = " " * start + "^" * (self.end - start)
        shown = re.sub(r"\s", " ", text)
        super().__init__(f"no constraint on versions: {problem}\n  {shown}\n  {mark}")


@total_ordering
class Version:
    """A version, in the order of PEP 440; text that PEP 440 does not know is below all others.

    Two are equal if they mean the same, such as ``1.0`` and ``v1``.

    Args:
        text: as the package writes it; kept.

    Attributes:
        release: the numbers at its beginning.
        is_proper: PEP 440 knows it.
        is_prerelease: as ``2.0rc1`` and ``2.0.dev3`` are.
        is_final: it has numbers only.
    """

    __slots__ = ("_key", "is_final", "is_prerelease", "is_proper", "release", "text")

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.release: tuple[int, ...] = ()
        self.is_prerelease = self.is_final = False
        try:
            known = _Pep440(self.text)
        except InvalidVersion:
            self.is_proper = False
            self._key: tuple[Any, ...] = (0, *_natural(self.text))
            return
        self.is_proper = True
        self.release = known.release
        self.is_prerelease = known.is_prerelease
        self.is_final = known.public == known.base_version and not (known.local or known.epoch)
        self._key = (1, known)

    @classmethod
    def before(cls, text: str) -> Version:
        """The place below a version and all its pre-releases: where ``<text`` ends."""
        version = cls(f"{text}.dev0")
        version.text = text
        return version

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Version({self.text!r})"


@dataclass(frozen=True)
class Constraint:
    """Which versions will do.

    Attributes:
        text: as it was written.
        versions: as a set.
        exact: the version, where one is written without an operator, as mip does.
        prereleases: whether it names a pre-release; these are then as good as others.
    """

    text: str
    versions: VersionSet
    exact: Version | None = None
    prereleases: bool = False

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read one; see the top of this module.

        Raises:
            ConstraintError: it is none.
        """
        return _Parser(text).parse()

    @classmethod
    def pin(cls, text: str) -> Constraint:
        """Read what a package says of another one in its ``package.json``.

        mip knows exact versions and ``latest`` only, and these may be odd: any text is accepted
        that does not begin as a constraint does.

        Raises:
            ConstraintError: it begins as a constraint and is none.
        """
        text = text.strip()
        if is_constraint(text) or not text:
            return cls.parse(text)
        version = Version(text)
        return cls(text, VersionSet.only(version), version)

    def __contains__(self, version: Version) -> bool:
        return version in self.versions

    def __str__(self) -> str:
        return self.text or "*"


ANY = Constraint("*", VersionSet.all())
"""The constraint that every version meets."""


def odd_versions() -> VersionSet:
    """All that PEP 440 does not know: commits, digests, nothing at all."""
    end = Version("")
    end._key = (0, (2,))  # _natural begins with 0 or 1
    return VersionSet.below(end)


def is_constraint(text: str) -> bool:
    """Whether text in ``pyproject.toml`` is meant as a constraint; otherwise it names a source.

    Belay 0.30 takes ``*``, ``latest`` and digits with dots for versions, refuses what begins with
    an operator, and takes all else for a source. The same here, except that the operators work. A
    wrong constraint is still one: ``Constraint.parse`` says what is wrong.
    """
    text = text.strip()
    if text in _ANY:
        return True
    if text[:1] in tuple("*^~<>=!"):
        # A home folder (~/lib, ~user/lib) is none.
        return not text.startswith("~") or "/" not in text
    if not _STARTS.match(text):
        return False
    try:
        Constraint.parse(text)
    except ConstraintError:
        return False
    return True


def best_first(versions: Iterable[Version], *, prereleases: bool = False) -> list[Version]:
    """In the order in which they are tried: the newest first, pre-releases last.

    So a pre-release is taken only where no release fits.

    Args:
        versions: in any order.
        prereleases: they are as good as releases.
    """
    newest = sorted(set(versions), reverse=True)
    return newest if prereleases else sorted(newest, key=lambda version: version.is_prerelease)


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts ``r9`` before ``r10``."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((1, int(p), "") if p[0].isdecimal() else (0, 0, p) for p in parts)


class _Parser:
    """Reads one constraint; remembers where it is, for what it has to say."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._prereleases = False
        self._exact: Version | None = None

    def parse(self) -> Constraint:
        text = self._text
        if not text.strip():
            return Constraint(text, VersionSet.all())
        versions, begin = VersionSet.none(), 0
        for end in [*(found.start() for found in re.finditer(r"\|\|?", text)), len(text)]:
            versions |= self._together(begin, end)
            begin = end + (2 if text[end : end + 2] == "||" else 1)
        if not versions:
            self._wrong(0, len(text), "no version can be all of this at once")
        alone = re.fullmatch(r"\s*[^\s,|]+\s*", text)
        return Constraint(text.strip(), versions, self._exact if alone else None, self._prereleases)

    def _together(self, begin: int, end: int) -> VersionSet:
        """Parts that all hold."""
        place, versions, found = begin, VersionSet.all(), False
        while place < end:
            if self._text[place].isspace() or (self._text[place] == "," and found):
                place += 1
                continue
            match = _PART.match(self._text, place, end)
            if match is None or not match.group():
                self._wrong(place, place + 1, f"{self._text[place]!r} is not expected here")
            versions &= self._one(match)
            place, found = match.end(), True
        if not found:
            self._wrong(begin, end, "there is nothing here")
        return versions

    def _one(self, match: re.Match[str]) -> VersionSet:
        operator, text = match["operator"], match["version"]
        if operator not in ("", *_OPERATORS):
            known = " ".join(_OPERATORS)
            self._wrong(*match.span("operator"), f"{operator!r} is no operator ({known})")
        if text in _ANY:
            if operator:
                self._wrong(match.start(), match.end(), f"{text!r} stands alone")
            return VersionSet.all()
        if not text:
            self._wrong(match.start(), match.end(), f"a version has to follow {operator!r}")
        wild = bool(_WILD.search(text))
        if wild and operator not in ("", "=", "==", "!="):
            self._wrong(match.start(), match.end(), f"'.*' does not go with {operator!r}")
        version = Version(text[:-2] if wild else text)
        odd = not version.is_proper and operator not in ("==", "=")
        if odd or (wild and not version.is_final):
            self._wrong(*match.span("version"), f"{text!r} is no version")
        self._prereleases |= version.is_prerelease
        if wild:
            inside = _between(version, _next(version, len(version.release)))
            return ~inside if operator == "!=" else inside
        if not operator:
            self._exact = version
        if operator == "~=" and len(version.release) < 2:
            self._wrong(match.start(), match.end(), "'~=' needs two numbers, such as ~=1.2")
        return _meaning(operator, version)

    def _wrong(self, start: int, end: int, problem: str) -> NoReturn:
        raise ConstraintError(self._text, start, end, problem)


def _meaning(operator: str, version: Version) -> VersionSet:
    """The versions that an operator before a version stands for."""
    release = version.release
    if operator == "^":
        kept = next((i for i, number in enumerate(release) if number), len(release) - 1)
        return VersionSet.at_least(version) & VersionSet.below(_next(version, kept + 1))
    if operator == "~":
        return VersionSet.at_least(version) & VersionSet.below(_next(version, min(len(release), 2)))
    if operator == "~=":
        return VersionSet.at_least(version) & VersionSet.below(_next(version, len(release) - 1))
    if operator == "<" and version.is_final:
        return VersionSet.below(Version.before(version.text))
    sets = {
        ">=": VersionSet.at_least,
        ">": VersionSet.above,
        "<=": VersionSet.at_most,
        "<": VersionSet.below,
    }
    if operator in sets:
        return sets[operator](version)
    only = VersionSet.only(version)
    return ~only if operator == "!=" else only


def _next(version: Version, length: int) -> Version:
    """The place below the first version that differs in its first numbers: 1.2.3, 2 -> 1.3."""
    numbers = [*version.release[:length]]
    numbers[-1] += 1
    return Version.before(".".join(map(str, numbers)))


def _between(version: Version, end: Version) -> VersionSet:
    """All from a version's first pre-release on, below another."""
    return VersionSet.at_least(Version.before(version.text)) & VersionSet.below(end)
