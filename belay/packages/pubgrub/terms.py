# SPDX-License-Identifier: Apache-2.0
"""What a solver says about packages: terms, and sets of terms that cannot all be true."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from belay.packages.pubgrub.sets import VersionSet

__all__ = ["Cause", "Incompatibility", "Relation", "Term"]


class Relation(enum.Enum):
    """How what is known stands to a term."""

    SATISFIED = "it follows from what is known"
    CONTRADICTED = "it cannot be true"
    OPEN = "neither"


@dataclass(frozen=True)
class Term:
    """A statement about one package.

    Attributes:
        package: its name.
        versions: a set.
        positive: it is selected, in a version of the set; otherwise: it is not selected in one of
            them, and perhaps not at all.
    """

    package: str
    versions: VersionSet
    positive: bool = True

    def __invert__(self) -> Term:
        return Term(self.package, self.versions, not self.positive)

    def __and__(self, other: Term) -> Term:
        mine, others = self.versions, other.versions
        if self.positive and other.positive:
            return Term(self.package, mine & others)
        if self.positive:
            return Term(self.package, mine - others)
        if other.positive:
            return Term(self.package, others - mine)
        return Term(self.package, mine | others, False)

    def relation(self, term: Term) -> Relation:
        """How this, as what is known, stands to a term of the same package."""
        mine, others = self.versions, term.versions
        if self.positive:
            inside = mine <= others if term.positive else not mine & others
            outside = not mine & others if term.positive else mine <= others
        else:
            inside = not term.positive and others <= mine
            outside = term.positive and others <= mine
        if inside:
            return Relation.SATISFIED
        return Relation.CONTRADICTED if outside else Relation.OPEN


@dataclass(frozen=True)
class Cause:
    """Why an incompatibility holds.

    Attributes:
        kind: ``root``, ``dependency``, ``no versions``, ``unavailable`` or ``conflict``.
        text: for ``unavailable`` the reason.
        conflict: the incompatibilities that it follows from.
    """

    kind: str
    text: str = ""
    conflict: tuple[Incompatibility, Incompatibility] | None = None


class Incompatibility:
    """Terms that are not all true in any solution.

    Args:
        terms: about any packages; several about one are put together.
        cause: why.
    """

    def __init__(self, terms: Iterable[Term], cause: Cause) -> None:
        known: dict[str, Term] = {}
        for term in terms:
            found = known.get(term.package)
            known[term.package] = term if found is None else found & term
        self.terms = tuple(known.values())
        self.cause = cause
