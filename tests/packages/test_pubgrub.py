# SPDX-License-Identifier: Apache-2.0
"""The solver beside one that tries everything, and what it says where there is no solution."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belay.packages.pubgrub import ROOT, NoSolution, VersionSet, facts, run, simplest, solve
from belay.packages.pubgrub.core import Dependencies, Versions
from belay.packages.pubgrub.terms import Relation, Term
from tests.packages.graphs import (
    World,
    any_solution,
    explained,
    fits,
    random_worlds,
    sets,
    solved,
)


def check(world: World) -> bool:
    """Never wrong, never a false conflict; returns whether there is a solution."""
    found = solved(world)
    if isinstance(found, NoSolution):
        assert any_solution(world) is None, f"a false conflict: {world}\n{found.incompatibility}"
        return False
    assert fits(world, found), f"no solution: {world}\n{found}"
    return True


@pytest.mark.parametrize("part", range(4))
def test_ten_thousand_random_graphs(part: int) -> None:
    solvable = sum(check(world) for world in random_worlds(part, 2500))
    assert 400 < solvable < 2100, "the graphs are all of a kind"


@pytest.mark.soak
@pytest.mark.parametrize("part", range(10))
def test_many_more_random_graphs(part: int) -> None:
    seed = random.SystemRandom().randrange(2**32) if "BELAY_SEED" not in os.environ else 0
    seed = int(os.environ.get("BELAY_SEED", seed)) + part
    print("BELAY_SEED:", seed)
    for world in random_worlds(seed, 50_000):
        check(world)


VERSIONS = st.frozensets(st.integers(0, 4), max_size=5)
NEEDS = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "d", "missing"]), VERSIONS), max_size=3)
WORLDS = st.builds(
    World,
    NEEDS,
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d"]), st.lists(st.none() | NEEDS, max_size=3), min_size=1
    ),
)


@settings(max_examples=150, deadline=None)
@given(WORLDS)
def test_any_graph(world: World) -> None:
    check(world)


@settings(max_examples=150, deadline=None)
@given(WORLDS)
def test_an_explanation_is_made_of_facts_that_leave_no_solution(world: World) -> None:
    found = solved(world)
    if not isinstance(found, NoSolution):
        return
    text = explained(world, found)
    assert text.endswith("the project cannot be resolved.")
    assert text.count("cannot be resolved") == 1
    # Only what the explanation names, and nothing else of the world, is a conflict already.
    named = facts(simplest(found, world.words()), world.words())
    said = World([], {name: [[] for _ in there] for name, there in world.packages.items()})
    for fact in named:
        subject = next(term for term in fact.terms if term.positive)
        needed = [
            (term.package, frozenset(v for v in range(5) if v in term.versions))
            for term in fact.terms
            if not term.positive
        ]
        if fact.cause.kind == "no versions":
            continue
        if subject.package == ROOT:
            said.needs += needed
            continue
        for version, needs in enumerate(said.packages[subject.package]):
            if version not in subject.versions:
                continue
            if not needed:  # it cannot be used, or needs another one of itself
                said.packages[subject.package][version] = None
            elif needs is not None:
                needs += needed
    assert any_solution(said) is None, f"{text}\n{world}"


# ---------------------------------------------------------------------------- sets and terms


SETS = st.builds(
    VersionSet,
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), unique=True, max_size=5).map(
        lambda cuts: tuple(sorted(cuts))
    ),
    st.booleans(),
)
PLACES = [-1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4]


@settings(max_examples=200, deadline=None)
@given(SETS, SETS)
def test_sets_are_sets(one: VersionSet, other: VersionSet) -> None:
    a, b = ({v for v in PLACES if v in s} for s in (one, other))
    assert {v for v in PLACES if v in one & other} == a & b
    assert {v for v in PLACES if v in one | other} == a | b
    assert {v for v in PLACES if v in one - other} == a - b
    assert {v for v in PLACES if v in ~one} == set(PLACES) - a
    # Every cut has a place on both sides, so these places tell any two sets apart.
    assert (one <= other) == (a <= b)
    assert bool(one) == bool(a)
    assert (one == other) == (a == b)
    assert one & other == other & one
    assert hash(one & other) == hash(other & one)


TERMS = st.builds(Term, st.just("x"), SETS, st.booleans())


@settings(max_examples=200, deadline=None)
@given(TERMS, TERMS)
def test_terms_relate_as_the_worlds_they_allow(one: Term, other: Term) -> None:
    def worlds(term: Term) -> set[float | None]:
        chosen: set[float | None] = {v for v in PLACES if v in term.versions}
        return chosen if term.positive else {*PLACES, None} - chosen

    a, b = worlds(one), worlds(other)
    assert worlds(one & other) == a & b
    assert worlds(~one) == {*PLACES, None} - a
    relation = one.relation(other)
    if a:  # of what cannot be, anything follows
        assert (relation is Relation.SATISFIED) == (a <= b)
        assert (relation is Relation.CONTRADICTED) == (not a & b and not a <= b)


# ---------------------------------------------------------------------------- questions


def test_questions_are_asked_and_dependencies_once() -> None:
    solving = solve({"a": VersionSet.all()})
    asked = [next(solving)]
    answers = {
        Versions("a"): [2, 1],
        Versions("b"): [5],
        Dependencies("a", 2): {"b": VersionSet.below(3)},
        Dependencies("a", 1): {"b": VersionSet.all()},
        Dependencies("b", 5): {},
    }
    result = None
    while result is None:
        try:
            asked.append(solving.send(answers[asked[-1]]))
        except StopIteration as done:
            result = done.value
    assert result == {"a": 1, "b": 5}
    dependencies = [question for question in asked if isinstance(question, Dependencies)]
    assert len(dependencies) == len(set(dependencies)) == 3


def test_versions_may_appear_while_it_solves() -> None:
    there = {"x": [1], "a": [1], "b": [1, 0]}

    def dependencies(name: str, version: int) -> list[tuple[str, VersionSet]]:
        if name == "a":
            return [("x", VersionSet.only(1))]
        if (name, version) == ("b", 1):
            there["x"] = [1, 7]  # 7 was in no set before
            return [("x", VersionSet.only(7))]
        return []

    chosen = run({"a": VersionSet.all(), "b": VersionSet.all()}, there.__getitem__, dependencies)
    assert chosen == {"a": 1, "b": 0, "x": 1}
    assert run({"b": VersionSet.all()}, there.__getitem__, dependencies) == {"b": 1, "x": 7}


def test_the_first_version_that_fits_is_taken() -> None:
    world = World([("a", frozenset({0, 1}))], {"a": [[], [], []]})
    assert solved(world) == {"a": 1}


def test_needs_may_name_a_package_more_than_once() -> None:
    needs = [("a", VersionSet.at_least(1)), ("a", VersionSet.at_most(1))]
    assert run(needs, lambda name: [2, 1, 0], lambda name, version: {}) == {"a": 1}


def test_a_deep_chain_needs_no_deep_stack() -> None:
    count = 120
    packages = {f"p{i}": [[(f"p{i + 1}", frozenset({0}))]] for i in range(count)}
    world = World([("p0", frozenset({0}))], {**packages, f"p{count}": [None]})
    found = solved(world)
    assert isinstance(found, NoSolution)
    assert explained(world, found).count("\n") >= count - 3
    assert sets(world.needs)
