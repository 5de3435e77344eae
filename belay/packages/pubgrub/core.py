# SPDX-License-Identifier: Apache-2.0
"""The solver."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from belay.packages.pubgrub.sets import VersionSet
from belay.packages.pubgrub.terms import Cause, Incompatibility, Relation, Term

__all__ = [
    "ROOT",
    "Dependencies",
    "NoSolution",
    "Unavailable",
    "Versions",
    "refute",
    "run",
    "solve",
]

ROOT = ""
"""The name of what everything is resolved for."""

_ROOT_VERSION = 0


Needs = Mapping[str, VersionSet] | Iterable[tuple[str, VersionSet]]
"""What something needs: names and sets of versions; a name may be there more than once."""


class Versions(NamedTuple):
    """A question: which versions of a package are there? The answer lists the best first.

    It is asked again whenever one is to be chosen. The answer may have grown by then, but only by
    versions that are in no set that the package was needed in before.
    """

    package: str


class Dependencies(NamedTuple):
    """A question, asked once: what does a version need? Or is it :class:`Unavailable`?"""

    package: str
    version: Any


class Unavailable(NamedTuple):
    """An answer: this version cannot be used."""

    reason: str


class NoSolution(Exception):
    """There is none.

    Attributes:
        incompatibility: what follows from the packages and is not possible, with its causes.
    """

    def __init__(self, incompatibility: Incompatibility) -> None:
        super().__init__("no versions fit together")
        self.incompatibility = incompatibility


Question = Versions | Dependencies
Solving = Generator[Question, Any, dict[str, Any]]


def solve(needs: Needs) -> Solving:
    """Find a version of every package that is needed, directly or by another one.

    Args:
        needs: what the root needs.

    Yields:
        Questions; each is answered with ``send``.

    Returns:
        The version of each package.

    Raises:
        NoSolution: there is none.
    """
    return _Solver(needs).solve()


def run(
    needs: Needs,
    versions: Callable[[str], Iterable[Any]],
    dependencies: Callable[[str, Any], Needs | Unavailable],
) -> dict[str, Any]:
    """The same, with functions that answer."""
    solving = solve(needs)
    answer: Any = None
    while True:
        try:
            question = solving.send(answer)
        except StopIteration as done:
            result: dict[str, Any] = done.value
            return result
        if isinstance(question, Versions):
            answer = list(versions(question.package))
        else:
            answer = dependencies(*question)


def refute(
    facts: Iterable[Incompatibility], versions: Callable[[str], Iterable[Any]]
) -> NoSolution | None:
    """Whether nothing fits these facts alone; versions need nothing but what these say."""
    solving = _Solver((), facts).solve()
    answer: Any = None
    try:
        while True:
            question = solving.send(answer)
            answer = list(versions(question.package)) if isinstance(question, Versions) else ()
    except StopIteration:
        return None
    except NoSolution as error:
        return error


@dataclass(frozen=True)
class _Assignment:
    """A term that is taken for true; without a cause it is a decision."""

    term: Term
    level: int
    cause: Incompatibility | None


class _Known(NamedTuple):
    """What is known of a package after an assignment, and the place of that one among all."""

    place: int
    assignment: _Assignment
    term: Term


class _Solution:
    """What is known so far, in the order in which it became known."""

    def __init__(self) -> None:
        self.decided: dict[str, Any] = {}
        self._assignments: list[_Assignment] = []
        self._known: dict[str, list[_Known]] = {}

    @property
    def level(self) -> int:
        """How many decisions there are."""
        return len(self.decided)

    def decide(self, package: str, version: Any) -> None:
        self.decided[package] = version
        self._add(_Assignment(Term(package, VersionSet.only(version)), self.level, None))

    def derive(self, term: Term, cause: Incompatibility) -> None:
        self._add(_Assignment(term, self.level, cause))

    def _add(self, assignment: _Assignment) -> None:
        term = assignment.term
        known = self._known.setdefault(term.package, [])
        together = known[-1].term & term if known else term
        known.append(_Known(len(self._assignments), assignment, together))
        self._assignments.append(assignment)

    def undecided(self) -> list[Term]:
        """The packages that are needed and have no version yet, first known first."""
        return [
            known[-1].term
            for package, known in self._known.items()
            if known[-1].term.positive and package not in self.decided
        ]

    def relation(self, term: Term) -> Relation:
        known = self._known.get(term.package)
        return known[-1].term.relation(term) if known else Relation.OPEN

    def backtrack(self, level: int) -> None:
        """Forget all above a level."""
        while self._assignments[-1].level > level:
            package = self._assignments.pop().term.package
            self._known[package].pop()
            if not self._known[package]:
                del self._known[package]
        while self.level > level:
            self.decided.popitem()

    def satisfier(self, term: Term) -> _Known:
        """The first assignment with which a term follows."""
        known = self._known[term.package]
        return next(one for one in known if one.term.relation(term) is Relation.SATISFIED)


class _Solver:
    def __init__(self, needs: Needs, facts: Iterable[Incompatibility] = ()) -> None:
        self._needs = needs
        self._solution = _Solution()
        self._of: dict[str, list[Incompatibility]] = {}
        self._dependencies: dict[tuple[str, str, VersionSet], Incompatibility] = {}
        self._asked: set[tuple[str, Any]] = set()
        for fact in facts:
            self._add(fact)

    def solve(self) -> Solving:
        root = Term(ROOT, VersionSet.only(_ROOT_VERSION))
        self._add(Incompatibility([~root], Cause("root")))
        changed: str | None = ROOT
        while changed is not None:
            self._propagate(changed)
            changed = yield from self._choose()
        return {name: v for name, v in self._solution.decided.items() if name != ROOT}

    def _add(self, incompatibility: Incompatibility) -> None:
        for term in incompatibility.terms:
            self._of.setdefault(term.package, []).append(incompatibility)

    # ---------------------------------------------------------------------------- propagation

    def _propagate(self, package: str) -> None:
        """Derive all that follows."""
        changed = [package]
        while changed:
            for incompatibility in reversed(self._of.get(changed.pop(), [])):
                derived = self._follow(incompatibility)
                if derived is None:
                    continue
                if derived.package is None:
                    learned = self._learn(incompatibility)
                    derived = self._follow(learned)
                    assert derived is not None
                    assert derived.package is not None
                    changed = [derived.package]
                    break
                if derived.package not in changed:
                    changed.append(derived.package)

    def _follow(self, incompatibility: Incompatibility) -> _Derived | None:
        """What follows from an incompatibility: nothing, a conflict, or a term of a package."""
        unsatisfied: Term | None = None
        for term in incompatibility.terms:
            relation = self._solution.relation(term)
            if relation is Relation.CONTRADICTED:
                return None
            if relation is Relation.OPEN:
                if unsatisfied is not None:
                    return None
                unsatisfied = term
        if unsatisfied is None:
            return _Derived(None)
        self._solution.derive(~unsatisfied, incompatibility)
        return _Derived(unsatisfied.package)

    def _learn(self, conflict: Incompatibility) -> Incompatibility:
        """From a conflict to its root cause; goes back to where that can be followed."""
        learned = conflict
        while learned.terms and not _is_final(learned):
            known = [(self._solution.satisfier(term), term) for term in learned.terms]
            (place, satisfier, _), term = max(known, key=lambda found: found[0].place)
            previous = max([1, *(k.assignment.level for k, _ in known if k.place != place)])
            rest: Term | None = None
            # The satisfier may do so together with earlier ones only; these then count as well.
            if satisfier.term.relation(term) is not Relation.SATISFIED:
                rest = satisfier.term & ~term
                previous = max(previous, self._solution.satisfier(~rest).assignment.level)
            if satisfier.cause is None or previous < satisfier.level:
                self._solution.backtrack(previous)
                if learned is not conflict:
                    self._add(learned)
                return learned
            terms = [one for one in learned.terms if one is not term]
            terms += [one for one in satisfier.cause.terms if one.package != term.package]
            if rest is not None:
                terms.append(~rest)
            cause = Cause("conflict", conflict=(learned, satisfier.cause))
            learned = Incompatibility(terms, cause)
        raise NoSolution(learned)

    # ---------------------------------------------------------------------------- decisions

    def _choose(self) -> Generator[Question, Any, str | None]:
        """Decide on a version, if one is still needed; returns the package."""
        if ROOT not in self._solution.decided:
            self._depend(ROOT, _ROOT_VERSION, self._needs)
            self._solution.decide(ROOT, _ROOT_VERSION)
            return ROOT
        best: tuple[Term, list[Any]] | None = None
        for term in self._solution.undecided():
            there: Iterable[Any] = yield Versions(term.package)
            fitting = [version for version in there if version in term.versions]
            # Where there is least choice, a conflict is found first.
            if best is None or len(fitting) < len(best[1]):
                best = term, fitting
        if best is None:
            return None
        term, fitting = best
        package = term.package
        if not fitting:
            self._add(Incompatibility([term], Cause("no versions")))
            return package
        version = fitting[0]
        if (package, version) not in self._asked:
            self._asked.add((package, version))
            needs = yield Dependencies(package, version)
            if isinstance(needs, Unavailable):
                only = Term(package, VersionSet.only(version))
                self._add(Incompatibility([only], Cause("unavailable", needs.reason)))
                return package
            if self._depend(package, version, needs):
                return package
        self._solution.decide(package, version)
        return package

    def _depend(self, package: str, version: Any, needs: Needs) -> bool:
        """Note what a version needs; returns whether that already is in conflict with what is."""
        conflict = False
        for name, versions in needs.items() if isinstance(needs, Mapping) else needs:
            chosen = VersionSet.only(version)
            if name == package:
                if version not in versions:
                    self._add(Incompatibility([Term(package, chosen)], Cause("dependency")))
                    conflict = True
                continue
            needed = Term(name, versions, False)
            # Versions that need the same are put together: a conflict then is one for all of them.
            same = self._dependencies.get((package, name, versions))
            if same is not None:
                chosen |= same.terms[0].versions
                self._of[package].remove(same)
                self._of[name].remove(same)
            joined = Incompatibility([Term(package, chosen), needed], Cause("dependency"))
            self._dependencies[package, name, versions] = joined
            self._add(joined)
            conflict |= self._solution.relation(needed) is Relation.SATISFIED
        return conflict


class _Derived(NamedTuple):
    """The package of a derived term; None for a conflict."""

    package: str | None


def _is_final(incompatibility: Incompatibility) -> bool:
    """Whether it says that the root itself is impossible."""
    if len(incompatibility.terms) != 1:
        return False
    (term,) = incompatibility.terms
    return term.package == ROOT and term.positive
