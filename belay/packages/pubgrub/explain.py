# SPDX-License-Identifier: Apache-2.0
"""A conflict in sentences: from what packages say, step by step, to why there is no solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from belay.packages.pubgrub.core import ROOT, NoSolution
from belay.packages.pubgrub.simplify import simplified
from belay.packages.pubgrub.terms import Incompatibility, Term
from belay.packages.pubgrub.words import Words

__all__ = ["explain", "facts", "simplest"]


def explain(error: NoSolution, *, root: str = "the project", words: Words | None = None) -> str:
    """Say why there is no solution.

    Steps that say nothing about versions that exist are left out.

    Args:
        error: what the solver raised.
        root: what everything is resolved for.
        words: names packages and versions, and knows which there are.

    Returns:
        Sentences, one a line; a number before one is what later ones refer to.
    """
    words = words or Words()
    error = simplest(error, words)
    return _Text(_proof(error.incompatibility, words), root, words).write()


def simplest(error: NoSolution, words: Words | None = None) -> NoSolution:
    """The same conflict, from as few and as simple facts as are enough for it."""
    words = words or Words()
    return simplified(error, facts(error, words), words)


def facts(error: NoSolution, words: Words | None = None) -> list[Incompatibility]:
    """What packages and the root say that, together, leaves no solution."""
    steps = _steps(_proof(error.incompatibility, words or Words()))
    return [step.says for step in steps if not step.causes]


# ---------------------------------------------------------------------------- the proof


@dataclass(eq=False)
class _Step:
    """A step of a proof: a fact, or what follows from two other steps."""

    says: Incompatibility
    causes: tuple[_Step, ...] = ()


class _Meaning:
    """What an incompatibility says of versions that exist."""

    def __init__(self, incompatibility: Incompatibility, words: Words) -> None:
        self._of: dict[str, tuple[bool, Any]] = {}
        self.says_nothing = False
        for term in incompatibility.terms:
            if term.package == ROOT:
                continue
            there = words.existing(term.package)
            chosen = frozenset(i for i, v in enumerate(there) if v in term.versions)
            # That nothing fits is a fact of its own, which the reader has to be told.
            self._of[term.package] = term.positive, chosen or term.versions
            self.says_nothing |= term.positive and bool(there) and not chosen

    def covers(self, other: _Meaning) -> bool:
        """Whether the other one follows from this one."""
        return all(
            package in other._of and _implies(other._of[package], mine)
            for package, mine in self._of.items()
        )


def _implies(one: tuple[bool, Any], other: tuple[bool, Any]) -> bool:
    """Whether a term follows from another one of the same package."""
    (positive, versions), (other_positive, other_versions) = one, other
    if type(versions) is not type(other_versions):
        return False
    if positive:
        if other_positive:
            return bool(versions <= other_versions)
        return isinstance(versions, frozenset) and versions.isdisjoint(other_versions)
    return not other_positive and bool(other_versions <= versions)


def _proof(incompatibility: Incompatibility, words: Words) -> _Step:
    """The steps to a conclusion, without those that only speak of versions that do not exist."""
    steps: dict[int, _Step] = {}
    meanings: dict[int, _Meaning] = {}
    waiting = [incompatibility]
    while waiting:
        one = waiting[-1]
        causes = one.cause.conflict or ()
        missing = [cause for cause in causes if id(cause) not in steps]
        if missing:
            waiting += reversed(missing)
            continue
        waiting.pop()
        if id(one) in steps:
            continue
        step = _Step(one, tuple(steps[id(cause)] for cause in causes))
        meaning = _Meaning(one, words)
        for cause in step.causes:
            known = meanings[id(cause)]
            if not known.says_nothing and known.covers(meaning):
                step, meaning = cause, known
                break
        steps[id(one)] = step
        meanings[id(step)] = meaning
    return steps[id(incompatibility)]


def _steps(last: _Step) -> list[_Step]:
    """All steps, each once, after those that it follows from."""
    order: dict[int, _Step] = {}
    waiting = [last]
    while waiting:
        step = waiting[-1]
        missing = [cause for cause in step.causes if id(cause) not in order]
        if missing:
            # The longer story last, so that the conclusion is next to its end.
            waiting += sorted(missing, key=lambda cause: not cause.causes)
        else:
            order.setdefault(id(waiting.pop()), step)
    return list(order.values())


# ---------------------------------------------------------------------------- the text


@dataclass
class _Line:
    """A line: what follows, and from what; from the line before and wishes of the root."""

    step: _Step
    because: str
    wanted: tuple[_Step, ...] = ()


class _Text:
    def __init__(self, last: _Step, root: str, words: Words) -> None:
        self._last, self._root, self._words = last, root, words
        self._lines: list[_Line] = []
        self._numbers: dict[int, int] = {}
        self._uses: dict[int, int] = {}

    def write(self) -> str:
        """The text."""
        if not self._last.causes:
            return f"Because {self._sentence(self._last.says)}, {self._end()}."
        steps = _steps(self._last)
        for step in steps:
            for cause in step.causes:
                self._uses[id(cause)] = self._uses.get(id(cause), 0) + 1
        for step in steps:
            if step.causes:
                self._lines.append(self._line(step))
        return "\n".join(map(self._written, self._lines))

    def _written(self, line: _Line) -> str:
        number = self._numbers.get(id(line.step))
        needed = " and ".join(self._object(one.says, _needed_in(one.says)) for one in line.wanted)
        because = f"And because {self._root} needs {needed}" if needed else line.because
        end = self._end() if line.step is self._last else self._sentence(line.step.says)
        return f"{'' if number is None else f'({number}) '}{because}, {end}."

    def _line(self, step: _Step) -> _Line:
        """What a conclusion follows from; the line before needs not be said again."""
        first, second = step.causes
        before = self._lines[-1] if self._lines else None
        if before is not None and before.step in (first, second):
            other = second if before.step is first else first
            if _is_wish(other.says):
                # What the project wants is said at once, if nothing else refers to what is between.
                if before.wanted and self._uses[id(before.step)] == 1:
                    self._lines.pop()
                    return _Line(step, "", (*before.wanted, other))
                return _Line(step, "", (other,))
            return _Line(step, f"And because {self._said(other)}")
        if not first.causes and not second.causes:
            return _Line(step, f"Because {self._both(first.says, second.says)}")
        return _Line(step, f"Because {self._said(first)} and {self._said(second)}")

    def _said(self, step: _Step) -> str:
        if not step.causes:
            return self._sentence(step.says)
        number = self._numbers.setdefault(id(step), len(self._numbers) + 1)
        return f"{self._sentence(step.says)} ({number})"

    def _both(self, one: Incompatibility, other: Incompatibility) -> str:
        """Two facts; where one goes on from the other, in one go."""
        for first, second in ((one, other), (other, one)):
            needed = _needed(first)
            if needed is None or second.cause.kind not in ("dependency", "no versions"):
                continue
            if second.cause.kind == "no versions":
                lack = self._words.lacking(needed.package, needed.versions)
                return f"{self._sentence(first)} and {lack}"
            then = _needed(second)
            subject = next(term for term in second.terms if term.positive)
            if then is None or subject.package == ROOT:
                continue
            if subject.package == needed.package and self._within(needed, subject):
                return f"{self._sentence(first)}, which needs {self._object(second, then)}"
        mine, others = _needed(one), _needed(other)
        if mine and others and self._subject(one) == self._subject(other):
            return f"{self._sentence(one)} and {self._object(other, others)}"
        return f"{self._sentence(one)} and {self._sentence(other)}"

    def _within(self, needed: Term, subject: Term) -> bool:
        there = self._words.existing(needed.package)
        fitting = [version for version in there if version in needed.versions]
        return bool(fitting) and all(version in subject.versions for version in fitting)

    # ------------------------------------------------------------------------ sentences

    def _end(self) -> str:
        return f"{self._root} cannot be resolved"

    def _sentence(self, one: Incompatibility) -> str:
        """What an incompatibility says."""
        kind = one.cause.kind
        if kind == "no versions":
            return self._words.lacking(one.terms[0].package, one.terms[0].versions)
        subjects = self._subjects(one)
        if kind == "conflict" and len(subjects) == 2 and all(term.positive for term in one.terms):
            first, second = sorted(subjects, key=lambda text: text.startswith("any "))
            return f"{first} does not go with {second}"
        subject = self._subject(one)
        negative = [term for term in one.terms if not term.positive]
        if kind == "conflict" and len(negative) > 1:
            # What is not there is no choice; one has to stay, for it is what is spoken of next.
            negative = [term for term in negative if self._exists(term)] or negative[:1]
        if negative:
            return f"{subject} needs {' or '.join(self._object(one, term) for term in negative)}"
        if kind == "dependency":
            return f"{subject} needs another version of itself"
        reason = f" ({one.cause.text})" if kind == "unavailable" else ""
        if subject.startswith("any version "):
            return f"no {subject.removeprefix('any ')} can be used{reason}"
        return f"{subject} cannot be used{reason}"

    def _exists(self, term: Term) -> bool:
        return any(one in term.versions for one in self._words.existing(term.package))

    def _subject(self, one: Incompatibility) -> str:
        """Those of whom it says something; the root only if it says something of nobody else."""
        return " together with ".join(self._subjects(one)) or self._root

    def _subjects(self, one: Incompatibility) -> list[str]:
        return [
            self._words.subject(term.package, term.versions)
            for term in one.terms
            if term.positive and term.package != ROOT
        ]

    def _object(self, one: Incompatibility, term: Term) -> str:
        if one.cause.kind == "dependency":
            return self._words.wanted(term.package, term.versions)
        return self._words.subject(term.package, term.versions)


def _needed_in(one: Incompatibility) -> Term:
    return next(term for term in one.terms if not term.positive)


def _is_wish(one: Incompatibility) -> bool:
    """Whether it is a need of the root itself."""
    positive = [term.package for term in one.terms if term.positive]
    return one.cause.kind == "dependency" and positive == [ROOT]


def _needed(one: Incompatibility) -> Term | None:
    """What a dependency asks for."""
    if one.cause.kind != "dependency":
        return None
    return next((term for term in one.terms if not term.positive), None)
