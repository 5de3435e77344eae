# SPDX-License-Identifier: Apache-2.0
"""Versions in their order, and constraints on them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from belay.errors import PackageError
from belay.packages.pubgrub.words import literally
from belay.packages.versions import (
    ANY,
    Constraint,
    ConstraintError,
    Version,
    best_first,
    is_constraint,
    odd_versions,
)

ASCENDING = [
    "",
    "HEAD",
    "main",
    "r9",
    "r10",
    "0",
    "0.0.1",
    "0.0.10",
    "0.1.dev1",
    "0.1-alpha",
    "0.1b2",
    "0.1-rc.1",
    "v0.1",
    "0.1+board.7",
    "0.1.post1",
    "0.1.1",
    "1.0-beta.2",
    "1",
    "1.2.9",
    "1.10",
    "2026.11.23",
    "1!0.1",
]


def test_versions_have_an_order_whatever_they_are_called() -> None:
    shuffled = [Version(text) for text in ASCENDING]
    random.Random(1).shuffle(shuffled)
    assert [str(version) for version in sorted(shuffled)] == ASCENDING


@pytest.mark.parametrize(("one", "other"), [("1", "1.0.0"), ("v1.2", "1.2"), ("1.0-rc1", "1.0rc1")])
def test_one_version_written_in_two_ways(one: str, other: str) -> None:
    assert Version(one) == Version(other)
    assert hash(Version(one)) == hash(Version(other))
    assert str(Version(one)) == one


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("", "0.1 3 2rc1", ""),
        ("*", "0.1 3 2rc1 main", ""),
        ("latest", "0.1 3", ""),
        ("1.2", "1.2 1.2.0 v1.2", "1.2.1 1.2rc1 1.2.post1 main"),
        ("v1.2", "1.2", "1.3"),
        ("==1.2", "1.2", "1.2.1"),
        ("= 1.2", "1.2", "1.2.1"),
        ("==1.2.*", "1.2 1.2.9 1.2rc1", "1.3 1.3rc1 1.1"),
        ("1.*", "1.0 1.9", "2.0 2.0b1 0.9"),
        ("!=1.2", "1.1 1.2.1 main", "1.2"),
        ("!=1.2.*", "1.1 1.3", "1.2 1.2.5"),
        (">=1.2", "1.2 9", "1.1 main 1.2rc1"),
        (">1.2", "1.2.1 9", "1.2 1.1"),
        ("<=1.2", "1.2 0 1.2rc1", "1.2.1"),
        ("<2", "1.9 0", "2 2.0rc1 2.0.dev1"),
        ("<2rc2", "1.9 2rc1", "2 2rc2"),
        ("<1.0.post1", "1.0 0.9", "1.0.post1"),
        ("~=1.2", "1.2 1.9", "2 2rc1 1.1"),
        ("~=1.2.3", "1.2.3 1.2.9", "1.3 1.2.2"),
        ("^1.2.3", "1.2.3 1.9", "2 2b1 1.2.2"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3 0.2.2"),
        ("^0.0.3", "0.0.3", "0.0.4 0.0.2"),
        ("^0.0", "0.0.9 0", "0.1"),
        ("^0", "0.9", "1"),
        ("^2.0rc1", "2.0rc1 2.9", "3 2.0b1"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3"),
        ("~1.2", "1.2.9", "1.3"),
        ("~1", "1.9", "2"),
        (">=1.2,<2", "1.2 1.9", "2 1.1"),
        (" >= 1.2 , < 2 ", "1.2 1.9", "2 1.1"),
        (">=1.2 <2", "1.2 1.9", "2 1.1"),
        (">=1.2,", "1.2 1.9", "1.1"),
        (">=1,!=1.5,<2", "1.4 1.6", "1.5 2"),
        ("^1 || ^3", "1.2 3.4", "2 4"),
        ("1.0 || 1.1", "1.0 1.1", "1.2"),
        ("==main", "main", "mail 1.0"),
    ],
)
def test_what_a_constraint_means(text: str, inside: str, outside: str) -> None:
    constraint = Constraint.parse(text)
    assert [v for v in inside.split() if Version(v) not in constraint] == []
    assert [v for v in outside.split() if Version(v) in constraint] == []


@pytest.mark.parametrize(
    ("text", "problem", "mark"),
    [
        (">=1.2,<<2", "'<<' is no operator", "<<"),
        (",>=1.2", "',' is not expected here", ","),
        ("||1", "there is nothing here", None),
        (">=", "a version has to follow '>='", ">="),
        ("^x", "'x' is no version", "x"),
        ("main", "'main' is no version", "main"),
        (">=1.2.*", "'.*' does not go with '>='", ">=1.2.*"),
        ("^*", "'*' stands alone", "^*"),
        ("~=1", "needs two numbers", "~=1"),
        (">2,<1", "no version can be all of this", ">2,<1"),
        ("1.2 - 1.4", "'-' is no version", "-"),
        ("==1.2b1.*", "'1.2b1.*' is no version", "1.2b1.*"),
        (">=1.2;python", "'1.2;python' is no version", "1.2;python"),
    ],
)
def test_a_wrong_constraint_shows_where_it_is_wrong(
    text: str, problem: str, mark: str | None
) -> None:
    with pytest.raises(ConstraintError) as caught:
        Constraint.parse(text)
    assert isinstance(caught.value, PackageError)
    assert problem in str(caught.value)
    if mark is not None:
        assert text[caught.value.start : caught.value.end] == mark
    _, shown, marks = str(caught.value).splitlines()
    assert shown == f"  {text}"
    assert marks.index("^") == 2 + caught.value.start


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[(text, True) for text in ("*", "latest", "1", "1.2.3", "v1.2", "1.*", "1.2rc1")],
        *[(text, True) for text in (">=1.2,<2", "^1.0", "~1.0", "!=1", "<2", "=1", " ^1 ")],
        *[(text, True) for text in ("^wrong", "1.0 || 1.1", "1.0,<2 || 3")],
        *[(text, False) for text in ("github:a/b", "mip:x", "./lib", "lib.py", "2048.py", "x")],
        *[(text, False) for text in ("~/lib", "3d/engine", "https://host/x.py", "", "1.0/x")],
    ],
)
def test_which_text_is_a_constraint_and_which_a_source(text: str, expected: bool) -> None:
    assert is_constraint(text) is expected


def test_pins_of_packages_may_be_odd() -> None:
    assert Constraint.pin("0.1.0").exact == Version("0.1.0")
    assert Version("build-7") in Constraint.pin("build-7")
    assert Version("1") not in Constraint.pin("build-7")
    assert Constraint.pin("latest") == Constraint.parse("latest")
    assert Constraint.pin("").versions == ANY.versions
    assert Constraint.pin("==1.0").exact is None
    with pytest.raises(ConstraintError):
        Constraint.pin(">=x")


def test_odd_versions_are_those_that_pep_440_does_not_know() -> None:
    odd = odd_versions()
    assert [text for text in ASCENDING if Version(text) in odd] == ASCENDING[:5]


def test_the_newest_is_best_and_prereleases_come_last() -> None:
    versions = [Version(text) for text in ("1.0", "2.0rc1", "main", "1.10", "1.9", "1.10.0")]
    assert [str(v) for v in best_first(versions)] == ["1.10", "1.9", "1.0", "main", "2.0rc1"]
    assert str(best_first(versions, prereleases=True)[0]) == "2.0rc1"
    assert Constraint.parse(">=2.0rc1").prereleases
    assert not Constraint.parse("<2").prereleases


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("*", ""),
        ("1.2", "1.2"),
        (">=1.2", "1.2 or newer"),
        (">1.2", "newer than 1.2"),
        ("<2", "older than 2"),
        ("<=2", "2 or older"),
        ("^1.2", ">=1.2,<2"),
        ("!=1.2", "other than 1.2"),
        ("!=1.2,!=1.3", "other than 1.2 or 1.3"),
        ("1.0 || >=3", "1.0 or 3 or newer"),
    ],
)
def test_constraints_in_words(text: str, words: str) -> None:
    assert literally(Constraint.parse(text).versions) == words


NUMBERS = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(lambda n: ".".join(map(str, n)))
SUFFIX = st.sampled_from(["", "", "", "b1", "rc1"])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([">=", "<=", "==", "!="]), NUMBERS), min_size=1, max_size=3),
    NUMBERS,
    SUFFIX,
)
def test_operators_of_pip_mean_what_they_mean_there(
    parts: list[tuple[str, str]], number: str, suffix: str
) -> None:
    text = ",".join(map("".join, parts))
    expected = SpecifierSet(text).contains(number + suffix, prereleases=True)
    try:
        assert (Version(number + suffix) in Constraint.parse(text)) is expected
    except ConstraintError:
        assert not expected


@settings(max_examples=200, deadline=None)
@given(st.text("0123.*^~<>=!,| vabrc-+", max_size=12))
def test_any_text_is_a_constraint_or_says_where_not(text: str) -> None:
    wrong: ConstraintError | None = None
    try:
        Constraint.parse(text)
    except ConstraintError as error:
        wrong = error
    if wrong is not None:
        assert 0 <= wrong.start < wrong.end
        assert text in str(wrong)
    try:
        Constraint.pin(text)
    except ConstraintError:
        assert wrong is not None
        assert is_constraint(text)


def test_a_constraint_of_several_lines_is_shown_in_one() -> None:
    with pytest.raises(ConstraintError) as caught:
        Constraint.parse(">=1,\n<<2")
    assert str(caught.value).splitlines()[1:] == ["  >=1, <<2", "       ^^"]
