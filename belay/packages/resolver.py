# SPDX-License-Identifier: Apache-2.0
"""From requirements to packages: one version of each, from one source, or a reason why not.

Who asks counts. What the project itself wants, it wants exactly so. What a package says in its
``package.json`` is a version that was current when it was written, for mip knows no ranges: it is
read as *that version or newer*, unless pins are to be strict. Where the project names the source of
a package, packages that need it by name get it from there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from belay.errors import PackageNotFoundError, ResolutionError
from belay.packages.model import Candidate, IndexSource, Requirement, Source
from belay.packages.offers import Offer, OfferWords, Shelf
from belay.packages.pubgrub import NoSolution, Unavailable, Versions, VersionSet, solve
from belay.packages.versions import Constraint, ConstraintError

__all__ = ["Pins", "Policy", "Provider", "Resolution", "Resolved", "Resolver", "resolve"]

Pins = Literal["minimum", "strict"]
"""How the exact versions that packages ask for are read."""

PROJECT = ""
"""The name of the project among those that need a package."""


class Provider(Protocol):
    """Where packages are; :func:`resolve` asks, and asks nothing twice."""

    def locate(self, name: str) -> IndexSource:
        """The first index that has a package.

        Raises:
            PackageNotFoundError: none has; the message says so to people.
        """

    def versions(self, name: str, source: Source) -> Sequence[str]:
        """The versions of a package that a source has, in any order.

        Of a repository, a URL or a path this is one: what it calls itself, or a commit or a digest.

        Raises:
            PackageNotFoundError: it has none.
        """

    def candidate(self, name: str, version: str, source: Source) -> Candidate:
        """A version of a package.

        Raises:
            PackageNotFoundError: it cannot be used after all; others are tried then.
        """

    def prefetch(self, wanted: Sequence[tuple[str, Source | None]]) -> None:
        """These will be asked for next: a place to begin several downloads at once."""


@dataclass(frozen=True)
class Policy:
    """What a project decides about resolution.

    Attributes:
        pins: whether the exact versions that packages ask for are a minimum.
        overrides: by name, the constraint that holds whatever anybody asks of a package. The
            project also decides on its source, if it needs that package itself.
        preferred: versions by name that are tried first, such as those of the lock.
    """

    pins: Pins = "minimum"
    overrides: Mapping[str, str] = field(default_factory=dict)
    preferred: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolved:
    """A package that was chosen.

    Attributes:
        name: of the package.
        candidate: its version.
        source: as the requirement names it, before a branch became a commit.
        requirements: all that were made of it.
        required_by: who made them, sorted: names of packages, ``""`` for the project.
        groups: of the project that need it, directly or not, sorted.
        requires: names of the packages that it needs, sorted.
    """

    name: str
    candidate: Candidate
    source: Source
    requirements: tuple[Requirement, ...]
    required_by: tuple[str, ...]
    groups: tuple[str, ...]
    requires: tuple[str, ...]


@dataclass(frozen=True)
class Resolution:
    """All packages that a project needs, sorted by name.

    A name is there twice only if the project puts one package together from several sources.
    """

    packages: tuple[Resolved, ...]

    def __getitem__(self, name: str) -> Resolved:
        for package in self.packages:
            if package.name == name:
                return package
        raise KeyError(name)

    def why(self, name: str) -> list[tuple[str, ...]]:
        """For each that needs a package: the shortest way from the project, which is ``""``, to it.

        Raises:
            KeyError: the package is not needed.
        """
        return sorted((*self._way(by), name) for by in self[name].required_by)

    def _way(self, name: str) -> tuple[str, ...]:
        """The shortest way from the project to a package."""
        ways: deque[tuple[str, ...]] = deque([(name,)])
        seen = {name}
        while ways:
            way = ways.popleft()
            if way[0] == PROJECT:
                return way
            for by in self[way[0]].required_by:
                if by not in seen:
                    seen.add(by)
                    ways.append((by, *way))
        raise AssertionError(f"nobody needs {name}")


def resolve(
    requirements: Sequence[Requirement], provider: Provider, policy: Policy | None = None
) -> Resolution:
    """Choose a version of every package that a project needs, directly or not.

    Args:
        requirements: of the project, all groups; they have to fit together. Several of one name in
            one group are the parts of one package.
        provider: where packages are.
        policy: what the project decides.

    Raises:
        ResolutionError: there is no choice that fits; the message explains it, with a way out.
        ConstraintError: a requirement of the project has none that can be read.
        PackageError: the provider could not answer.
    """
    from belay.packages.ways_out import explained

    resolver = Resolver(requirements, provider, policy or Policy())
    try:
        return resolver.resolve()
    except NoSolution as error:
        raise ResolutionError(explained(error, resolver)) from error


class Resolver:
    """One resolution: asks the provider what the solver wants to know.

    Args:
        requirements: of the project.
        provider: where packages are.
        policy: what the project decides.
    """

    def __init__(
        self, requirements: Sequence[Requirement], provider: Provider, policy: Policy
    ) -> None:
        self.requirements = tuple(requirements)
        self.provider = provider
        self.policy = policy
        self._shelves: dict[str, Shelf] = {}
        self._parts = _keys(self.requirements)
        self._ours = {one.name for one in self.requirements}
        self._sources = self._sources_of_project()
        said = [(one.name, one.constraint) for one in self.requirements]
        said += policy.overrides.items()
        self._prereleases = {name for name, text in said if Constraint.parse(text).prereleases}
        self._located: dict[str, Source] = {}
        self._candidates: dict[tuple[str, Offer], Candidate] = {}

    @property
    def words(self) -> OfferWords:
        """How packages are named; knows what was found so far."""
        return OfferWords(self._shelves)

    def name_of(self, key: str) -> str:
        """The name of a package by what the solver calls it."""
        return self._shelves[key].name

    def sources(self, name: str) -> list[Source]:
        """All sources that anybody named of a package."""
        return [*self._shelves[name].sources.values()] if name in self._shelves else []

    def resolve(self) -> Resolution:
        """Run.

        Raises:
            NoSolution: nothing fits.
        """
        self._announce(self.requirements, ours=True)
        solving = solve(self._needs(self._parts, ours=True))
        answer: object = None
        while True:
            try:
                question = solving.send(answer)
            except StopIteration as done:
                return self._resolution(done.value)
            if isinstance(question, Versions):
                answer = self._shelves[question.package].offers()
            else:
                answer = self._dependencies(question.package, question.version)

    # ---------------------------------------------------------------------------- answers

    def _dependencies(self, key: str, offer: Offer) -> list[tuple[str, VersionSet]] | Unavailable:
        shelf = self._shelves[key]
        source = shelf.sources[offer.source]
        try:
            candidate = self.provider.candidate(shelf.name, offer.version.text, source)
            self._candidates[key, offer] = candidate
            self._announce(candidate.requires)
            return self._needs([(one.name, one) for one in candidate.requires])
        except (PackageNotFoundError, ConstraintError) as error:
            return Unavailable(_first_line(error))

    def _needs(
        self, asked: Iterable[tuple[str, Requirement]], *, ours: bool = False
    ) -> list[tuple[str, VersionSet]]:
        """Requirements as the solver takes them: packages, and sets of offers."""
        return [(key, self._asked(key, requirement, ours=ours)) for key, requirement in asked]

    def _asked(self, key: str, requirement: Requirement, *, ours: bool) -> VersionSet:
        override = self.policy.overrides.get(requirement.name)
        exactly = ours or override is not None
        text = requirement.constraint if override is None else override
        constraint = Constraint.parse(text) if exactly else Constraint.pin(text)
        versions = constraint.versions
        if constraint.exact and not exactly and self.policy.pins == "minimum":
            versions = VersionSet.at_least(constraint.exact)
        shelf = self._shelf(key, requirement.name)
        return shelf.declare(self._source(requirement, shelf, ours=ours), versions)

    def _shelf(self, key: str, name: str) -> Shelf:
        if key not in self._shelves:
            self._shelves[key] = Shelf(
                name,
                prereleases=name in self._prereleases,
                preferred=self.policy.preferred.get(name, ""),
            )
        return self._shelves[key]

    def _source(self, requirement: Requirement, shelf: Shelf, *, ours: bool) -> Source:
        """Where a requirement is to be met; its versions are on the shelf then."""
        source, missing = self._named(requirement, ours=ours), ""
        if source is None:
            try:
                source = self._located[requirement.name] = self.provider.locate(requirement.name)
            except PackageNotFoundError as error:
                source, missing = IndexSource("the indices"), _first_line(error)
        if source.text not in shelf.sources:
            versions: Sequence[str] = ()
            if not missing:
                try:
                    versions = self.provider.versions(requirement.name, source)
                except PackageNotFoundError as error:
                    missing = _first_line(error)
            shelf.put(source, versions, missing)
        return source

    def _named(self, requirement: Requirement, *, ours: bool) -> Source | None:
        """The source that is named, by the requirement or by the project."""
        name = requirement.name
        overridden = name in self.policy.overrides and name in self._ours
        if requirement.source is not None and (ours or not overridden):
            return requirement.source
        return self._sources.get(name) or self._located.get(name)

    def _sources_of_project(self) -> dict[str, Source]:
        sources: dict[str, Source] = {}
        for requirement in self.requirements:
            if requirement.source is not None:
                sources.setdefault(requirement.name, requirement.source)
        return sources

    def _announce(self, requirements: Iterable[Requirement], *, ours: bool = False) -> None:
        wanted = [(one.name, self._named(one, ours=ours)) for one in requirements]
        if wanted:
            self.provider.prefetch(wanted)

    # ---------------------------------------------------------------------------- the result

    def _resolution(self, chosen: Mapping[str, Offer]) -> Resolution:
        made: dict[str, list[tuple[str, Requirement]]] = {key: [] for key in chosen}
        groups: dict[str, set[str]] = {key: set() for key in chosen}
        waiting: deque[tuple[str, str]] = deque()
        for key, requirement in self._parts:
            made[key].append((PROJECT, requirement))
            waiting.append((key, requirement.group))
        for key, offer in chosen.items():
            for requirement in self._candidates[key, offer].requires:
                made[requirement.name].append((self._shelves[key].name, requirement))
        while waiting:
            key, group = waiting.popleft()
            if group not in groups[key]:
                groups[key].add(group)
                requires = self._candidates[key, chosen[key]].requires
                waiting += [(requirement.name, group) for requirement in requires]
        packages = [
            Resolved(
                name=self._shelves[key].name,
                candidate=(candidate := self._candidates[key, offer]),
                source=self._shelves[key].sources[offer.source],
                requirements=tuple(requirement for _, requirement in made[key]),
                required_by=tuple(sorted({by for by, _ in made[key]})),
                groups=tuple(sorted(groups[key])),
                requires=tuple(sorted({one.name for one in candidate.requires})),
            )
            for key, offer in chosen.items()
        ]
        return Resolution(tuple(sorted(packages, key=lambda one: (one.name, one.source.text))))


def _keys(requirements: Iterable[Requirement]) -> list[tuple[str, Requirement]]:
    """What the solver calls each; the parts of one package are packages of their own to it."""
    keys: list[tuple[str, Requirement]] = []
    parts: dict[tuple[str, str], int] = {}
    for one in requirements:
        part = parts[one.name, one.group] = parts.get((one.name, one.group), 0) + 1
        keys.append((one.name if part == 1 else f"{one.name} (part {part})", one))
    return keys


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
