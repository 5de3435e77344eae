# SPDX-License-Identifier: Apache-2.0
"""Small worlds of packages, and a solver that tries everything."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from belay.packages.pubgrub import NoSolution, Unavailable, VersionSet, Words, explain, run

Needs = list[tuple[str, frozenset[int]]]


@dataclass
class World:
    """Packages with versions 0 … n-1; each needs others in one of some versions, or is broken."""

    needs: Needs
    packages: dict[str, list[Needs | None]] = field(default_factory=dict)

    def versions(self, name: str) -> list[int]:
        return list(range(len(self.packages.get(name, []))))[::-1]

    def words(self) -> Words:
        return Words({name: self.versions(name) for name in self.packages})


def as_set(versions: frozenset[int]) -> VersionSet:
    """With the ends open where that makes no difference, as real constraints are."""
    chosen = VersionSet.of(versions)
    if versions and max(versions) >= 3:
        chosen |= VersionSet.at_least(max(versions))
    if versions and min(versions) == 0:
        chosen |= VersionSet.at_most(0)
    return chosen


def sets(needs: Needs) -> list[tuple[str, VersionSet]]:
    return [(name, as_set(versions)) for name, versions in needs]


def solved(world: World) -> dict[str, int] | NoSolution:
    def dependencies(name: str, version: int) -> list[tuple[str, VersionSet]] | Unavailable:
        needs = world.packages[name][version]
        return Unavailable("broken") if needs is None else sets(needs)

    try:
        return run(sets(world.needs), world.versions, dependencies)
    except NoSolution as error:
        return error


def fits(world: World, chosen: Mapping[str, int]) -> bool:
    """Whether a choice has all that is needed, and nothing else."""
    reached: set[str] = set()
    waiting: Needs = list(world.needs)
    while waiting:
        name, versions = waiting.pop()
        if name not in chosen or chosen[name] not in versions:
            return False
        if name in reached:
            continue
        reached.add(name)
        needs = world.packages[name][chosen[name]]
        if needs is None:
            return False
        waiting += needs
    return reached == set(chosen)


def any_solution(world: World) -> dict[str, int] | None:
    """What trying every choice finds, without any cleverness."""

    def tried(chosen: dict[str, int], waiting: Needs) -> dict[str, int] | None:
        if not waiting:
            return chosen
        (name, versions), *rest = waiting
        if name in chosen:
            return tried(chosen, rest) if chosen[name] in versions else None
        for version in world.versions(name):
            needs = world.packages[name][version] if version in versions else None
            if needs is not None:
                found = tried({**chosen, name: version}, [*rest, *needs])
                if found is not None:
                    return found
        return None

    return tried({}, list(world.needs))


def random_worlds(seed: int, count: int) -> Iterator[World]:
    chance = random.Random(seed)
    for _ in range(count):
        yield random_world(chance)


def random_world(chance: random.Random) -> World:
    names = [f"p{i}" for i in range(chance.randint(1, 6))]
    dense, tight = chance.random(), chance.choice((0.4, 0.6, 0.8, 0.95))

    def needs(most: int, dense: float) -> Needs:
        # ``missing`` is in no world; a package may need itself, or another one twice.
        asked = chance.choices([*names * 4, "missing"], k=most)
        return [(n, versions(tight)) for n in asked if chance.random() < dense]

    def versions(tight: float) -> frozenset[int]:
        return frozenset(v for v in range(5) if chance.random() < tight)

    return World(
        needs(2, 0.9),
        {
            name: [
                None if chance.random() < 0.05 else needs(2, dense)
                for _ in range(chance.randint(0, 4))
            ]
            for name in names
        },
    )


def explained(world: World, error: NoSolution) -> str:
    return explain(error, words=world.words())
