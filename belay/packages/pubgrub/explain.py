# SPDX-License-Identifier: Apache-2.0
"""A conflict in sentences: from what packages say, step by step, to why there is no solution."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from belay.packages.pubgrub.core import ROOT, NoSolution
from belay.packages.pubgrub.sets import VersionSet
from belay.packages.pubgrub.terms import Incompatibility, Term

__all__ = ["explain"]

Show = Callable[[str, VersionSet], str]


def explain(
    error: NoSolution,
    *,
    root: str = "the project",
    wanted: Mapping[str, VersionSet] | None = None,
    show: Show | None = None,
) -> str:
    """Say why there is no solution.

    Args:
        error: what the solver raised.
        root: what everything is resolved for.
        wanted: what the root needs; the words for it.
        show: writes a package and a set of its versions; the default writes ``name >=1.2``.

    Returns:
        Sentences, one a line; a number behind one is what later ones refer to.
    """
    return _Explanation(root, show or _show).of(error.incompatibility)


def _show(package: str, versions: VersionSet) -> str:
    return package if versions == VersionSet.all() else f"{package} {versions}"


class _Explanation:
    """Writes a derivation graph, as the documentation of Dart's pub has it."""

    def __init__(self, root: str, show: Show) -> None:
        self._root = root
        self._show = show
        self._lines: list[tuple[str, int | None]] = []
        self._numbers: dict[int, int] = {}
        self._uses: dict[int, int] = {}

    def of(self, incompatibility: Incompatibility) -> str:
        """The text."""
        if incompatibility.cause.conflict is None:
            return f"Because {self._sentence(incompatibility)}, {self._end()}."
        self._count(incompatibility)
        self._visit(incompatibility, last=True)
        return "\n".join(
            text if number is None else f"({number}) {text}" for text, number in self._lines
        )

    def _count(self, one: Incompatibility) -> None:
        self._uses[id(one)] = self._uses.get(id(one), 0) + 1
        if self._uses[id(one)] == 1 and one.cause.conflict is not None:
            for cause in one.cause.conflict:
                self._count(cause)

    # ---------------------------------------------------------------------------- the graph

    def _visit(self, one: Incompatibility, *, last: bool = False) -> None:
        assert one.cause.conflict is not None
        first, second = one.cause.conflict
        if first.cause.conflict is None and second.cause.conflict is not None:
            first, second = second, first
        numbered = last or self._uses[id(one)] > 1
        because = self._because(first, second)
        self._write(one, because, numbered=numbered, last=last)

    def _because(self, first: Incompatibility, second: Incompatibility) -> str:
        """What a conclusion follows from; writes the lines that come before it."""
        known = self._numbers.get
        if first.cause.conflict is None:
            return f"Because {self._sentence(first)} and {self._sentence(second)}"
        if second.cause.conflict is None:
            if known(id(first)) is None:
                self._visit(first)
                if known(id(first)) is None:
                    return f"And because {self._sentence(second)}"
            return f"Because {self._sentence(second)} and {self._referred(first)}"
        for cause in (first, second):
            if known(id(cause)) is None:
                self._visit(cause)
                self._number(cause)
        return f"Because {self._referred(first)} and {self._referred(second)}"

    def _referred(self, one: Incompatibility) -> str:
        number = self._numbers.get(id(one))
        return self._sentence(one) + ("" if number is None else f" ({number})")

    def _number(self, one: Incompatibility) -> None:
        """Give the line that was written last the number of what it says."""
        if id(one) not in self._numbers:
            self._numbers[id(one)] = len(self._numbers) + 1
            self._lines[-1] = (self._lines[-1][0], self._numbers[id(one)])

    def _write(self, one: Incompatibility, because: str, *, numbered: bool, last: bool) -> None:
        end = self._end() if last else self._sentence(one)
        self._lines.append((f"{because}, {end}.", None))
        if numbered and not last:
            self._number(one)

    # ---------------------------------------------------------------------------- sentences

    def _end(self) -> str:
        return f"{self._root} cannot be resolved"

    def _sentence(self, one: Incompatibility) -> str:
        """What an incompatibility says."""
        kind = one.cause.kind
        if kind == "no versions":
            return f"no version of {self._name(one.terms[0])} exists"
        if kind == "unavailable":
            return f"{self._name(one.terms[0])} cannot be used ({one.cause.text})"
        positive = [term for term in one.terms if term.positive]
        negative = [term for term in one.terms if not term.positive]
        if kind == "dependency" or (len(positive) == 1 and len(negative) == 1):
            if not negative:  # a package that needs another version of itself
                return f"{self._name(positive[0])} needs another version of itself"
            return f"{self._name(positive[0])} needs {self._name(negative[0])}"
        names = [self._name(term) for term in positive]
        needs = " or ".join(self._name(term) for term in negative)
        if not names:
            return f"{needs} is needed"
        if negative:
            return f"{' and '.join(names)} need {needs}"
        if len(names) == 1:
            return f"{names[0]} is not possible"
        return f"{' and '.join(names)} do not go together"

    def _name(self, term: Term) -> str:
        return self._root if term.package == ROOT else self._show(term.package, term.versions)
