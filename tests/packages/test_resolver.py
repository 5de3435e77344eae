# SPDX-License-Identifier: Apache-2.0
"""What a project gets for what it asks, and what it is told where it cannot have that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belay.errors import DownloadError, PackageNotFoundError, ResolutionError
from belay.packages.model import (
    Candidate,
    GitHostSource,
    IndexSource,
    PathSource,
    Requirement,
    Source,
    UrlSource,
)
from belay.packages.resolver import Policy, Resolution, resolve
from belay.packages.versions import Constraint, ConstraintError, Version

INDEX = IndexSource("https://micropython.org/pi/v2")
OTHER = IndexSource("https://example.org/index")
FORK = GitHostSource("github", "me", "ssl")
COMMIT = "3f" * 20

Needs = Mapping[str, str | Source]


class Shop:
    """Packages by source, with versions, and what each version needs."""

    def __init__(self, packages: Mapping[Source, Mapping[str, Mapping[str, Needs | str]]]) -> None:
        self._packages = packages
        self.asked: list[tuple[str, ...]] = []
        self.prefetched: list[list[str]] = []

    def _ask(self, *question: str) -> None:
        assert question not in self.asked, "asked twice"
        self.asked.append(question)

    def locate(self, name: str) -> IndexSource:
        self._ask("locate", name)
        for source, packages in self._packages.items():
            if isinstance(source, IndexSource) and name in packages:
                return source
        raise PackageNotFoundError(f"no index has a package {name}\nlong story")

    def versions(self, name: str, source: Source) -> Sequence[str]:
        self._ask("versions", name, source.text)
        found = self._packages.get(source, {}).get(name)
        if found is None:
            raise PackageNotFoundError(f"{source.text} has no package {name}")
        return list(found)

    def candidate(self, name: str, version: str, source: Source) -> Candidate:
        self._ask("candidate", name, version, source.text)
        needs = self._packages[source][name][version]
        if isinstance(needs, str):
            raise PackageNotFoundError(needs)
        origin = f"{name} {version}"
        requires = tuple(
            Requirement(other, None, want, origin=origin)
            if isinstance(want, str)
            else Requirement(other, want, origin=origin)
            for other, want in needs.items()
        )
        return Candidate(name, version, source, (), requires)

    def prefetch(self, wanted: Sequence[tuple[str, Source | None]]) -> None:
        self.prefetched.append([name for name, _ in wanted])


class Lasting(Shop):
    """One that may be asked again: for ways out, every one of which is a resolution."""

    def _ask(self, *question: str) -> None:
        self.asked.append(question)


def want(**constraints: str | Source) -> list[Requirement]:
    return [
        Requirement(name, None, value) if isinstance(value, str) else Requirement(name, value)
        for name, value in constraints.items()
    ]


def versions(resolution: Resolution) -> dict[str, str]:
    return {one.name: one.candidate.version for one in resolution.packages}


LIB = {
    INDEX: {
        "aiohttp": {"0.0.5": {"ssl": "0.1"}, "0.0.6": {"ssl": "0.2"}},
        "ssl": {"0.1": {}, "0.2": {}, "0.3": {}, "1.0rc1": {}},
        "requests": {"0.9": {"ssl": "0.1"}, "0.10.0": {"ssl": "==0.1"}},
        "mqtt": {"1.0": {"ssl": "latest"}},
    }
}


# ---------------------------------------------------------------------------- what fits


def test_the_newest_that_fits_and_what_it_needs() -> None:
    found = resolve(want(aiohttp="*"), Shop(LIB))
    assert versions(found) == {"aiohttp": "0.0.6", "ssl": "0.3"}
    assert found["ssl"].required_by == ("aiohttp",)
    assert found["aiohttp"].required_by == ("",)
    assert found["aiohttp"].requires == ("ssl",)
    assert [r.origin for r in found["ssl"].requirements] == ["aiohttp 0.0.6"]
    assert found["ssl"].source == INDEX


def test_the_versions_that_packages_ask_for_are_a_minimum_or_strict() -> None:
    assert versions(resolve(want(aiohttp="0.0.5"), Shop(LIB)))["ssl"] == "0.3"
    strict = resolve(want(aiohttp="0.0.5"), Shop(LIB), Policy(pins="strict"))
    assert versions(strict) == {"aiohttp": "0.0.5", "ssl": "0.1"}


def test_what_the_project_asks_for_is_meant() -> None:
    assert versions(resolve(want(ssl="0.1"), Shop(LIB))) == {"ssl": "0.1"}


def test_an_older_version_is_taken_where_the_newest_does_not_fit() -> None:
    found = resolve(want(requests="*", ssl=">=0.2"), Shop(LIB))
    assert versions(found) == {"requests": "0.9", "ssl": "0.3"}


def test_prereleases_are_taken_where_they_are_named_or_nothing_else_fits() -> None:
    assert versions(resolve(want(ssl=">=1.0rc1"), Shop(LIB))) == {"ssl": "1.0rc1"}
    assert versions(resolve(want(ssl=">0.3"), Shop(LIB))) == {"ssl": "1.0rc1"}
    assert versions(resolve(want(ssl="<1"), Shop(LIB))) == {"ssl": "0.3"}


def test_the_lock_is_preferred_while_it_fits() -> None:
    locked = Policy(preferred={"ssl": "0.2", "aiohttp": "0.0.1"})
    assert versions(resolve(want(aiohttp="*"), Shop(LIB), locked))["ssl"] == "0.2"
    assert versions(resolve(want(ssl=">=0.3"), Shop(LIB), locked))["ssl"] == "0.3"


def test_an_override_holds_whatever_anybody_asks() -> None:
    policy = Policy(overrides={"ssl": "0.1"})
    found = resolve(want(aiohttp="*", ssl=">=0.2"), Shop(LIB), policy)
    assert versions(found) == {"aiohttp": "0.0.6", "ssl": "0.1"}


def test_a_version_that_cannot_be_had_is_passed_over() -> None:
    shop = Shop({INDEX: {"x": {"1": {}, "2": "x 2 has no files for mpy6"}}})
    assert versions(resolve(want(x="*"), shop)) == {"x": "1"}


def test_an_error_of_the_network_is_no_conflict() -> None:
    class Dead(Shop):
        def candidate(self, name: str, version: str, source: Source) -> Candidate:
            raise DownloadError("the cable is out")

    with pytest.raises(DownloadError):
        resolve(want(aiohttp="*"), Dead(LIB))


def test_packages_may_need_each_other() -> None:
    shop = Shop({INDEX: {"a": {"1": {"b": "*"}}, "b": {"1": {"a": "*"}}}})
    found = resolve(want(a="*"), shop)
    assert found["a"].required_by == ("", "b")
    assert found.why("a") == [("", "a"), ("", "a", "b", "a")]


def test_nothing_is_asked_twice_and_what_comes_next_is_announced() -> None:
    shop = Shop(LIB)
    resolve(want(aiohttp="*", mqtt="*"), shop)
    assert shop.prefetched == [["aiohttp", "mqtt"], ["ssl"], ["ssl"]]


def test_groups_and_who_needs_what() -> None:
    wanted = [
        Requirement("aiohttp"),
        Requirement("mqtt", group="dev"),
        Requirement("ssl", None, ">=0.2", group="dev"),
    ]
    found = resolve(wanted, Shop(LIB))
    assert {one.name: one.groups for one in found.packages} == {
        "aiohttp": ("main",),
        "mqtt": ("dev",),
        "ssl": ("dev", "main"),
    }
    assert found["ssl"].required_by == ("", "aiohttp", "mqtt")
    assert found.why("ssl") == [("", "aiohttp", "ssl"), ("", "mqtt", "ssl"), ("", "ssl")]
    with pytest.raises(KeyError):
        found.why("unknown")


def test_a_project_without_packages() -> None:
    assert resolve([], Shop({})).packages == ()


# ---------------------------------------------------------------------------- sources


def test_the_project_names_the_source_and_others_get_it_from_there() -> None:
    shop = Shop({**LIB, FORK: {"ssl": {COMMIT: {}}}})
    found = resolve(want(aiohttp="*", ssl=FORK), shop)
    assert versions(found) == {"aiohttp": "0.0.6", "ssl": COMMIT}
    assert found["ssl"].source == FORK


def test_a_repository_that_says_its_version_has_to_fit() -> None:
    shop = {**LIB, FORK: {"ssl": {"0.1": {}}}}
    found = resolve(want(aiohttp="*", ssl=FORK), Shop(shop))
    assert versions(found) == {"aiohttp": "0.0.5", "ssl": "0.1"}


def test_a_source_that_one_group_names_is_that_of_all() -> None:
    shop = Shop({**LIB, FORK: {"ssl": {COMMIT: {}}}})
    wanted = [Requirement("ssl", FORK), Requirement("ssl", None, ">=0.2", group="dev")]
    assert versions(resolve(wanted, shop)) == {"ssl": COMMIT}


def test_packages_may_name_sources() -> None:
    tools = GitHostSource("github", "me", "tools", ref="main")
    shop = Shop({**LIB, tools: {"tools": {"1.0": {"ssl": FORK}}}, FORK: {"ssl": {COMMIT: {}}}})
    found = resolve(want(tools=tools), shop)
    assert versions(found) == {"tools": "1.0", "ssl": COMMIT}
    assert found["ssl"].candidate.source == FORK


def test_a_source_that_turns_up_late_is_no_false_conflict() -> None:
    # b 2 brings in another source of x after x was looked up; b 1 does not need it.
    shop = {
        INDEX: {"a": {"1": {"x": "1"}}, "b": {"2": {"x": FORK}, "1": {}}, "x": {"1": {}}},
        FORK: {"x": {COMMIT: {}}},
    }
    assert versions(resolve(want(a="*", b="*"), Shop(shop))) == {"a": "1", "b": "1", "x": "1"}


def test_indices_are_asked_in_order() -> None:
    shop = Shop({OTHER: {"ssl": {"9": {}}}, **LIB})
    found = resolve(want(aiohttp="*"), shop)
    assert versions(found) == {"aiohttp": "0.0.6", "ssl": "9"}
    assert found["ssl"].source == OTHER


def test_one_package_of_several_parts() -> None:
    parts = [UrlSource("https://host/one.py"), PathSource("lib/two.py")]
    shop = Shop({**{part: {"kit": {"": {}}} for part in parts}, INDEX: {"x": {"1": {"kit": "*"}}}})
    wanted = [*(Requirement("kit", part, rename_to_init=False) for part in parts), *want(x="*")]
    found = resolve(wanted, shop)
    assert [one.name for one in found.packages] == ["kit", "kit", "x"]
    assert {one.source for one in found.packages if one.name == "kit"} == set(parts)


# ---------------------------------------------------------------------------- conflicts


def told(
    packages: Mapping[Source, Mapping[str, Mapping[str, Needs | str]]],
    wanted: Sequence[Requirement],
    policy: Policy | None = None,
) -> str:
    with pytest.raises(ResolutionError) as caught:
        resolve(wanted, Lasting(packages), policy)
    return str(caught.value)


CONFLICTS = {
    "no such package": (
        LIB,
        want(ssll="*"),
        None,
    ),
    "no such version": (
        LIB,
        want(ssl=">=2"),
        None,
    ),
    "an exact version that another package does not take": (
        LIB,
        want(requests="0.10.0", ssl=">=0.2"),
        None,
    ),
    "strict pins": (
        LIB,
        want(aiohttp="0.0.6", requests="*"),
        Policy(pins="strict"),
    ),
    "two sources of one package": (
        {**LIB, INDEX: {**LIB[INDEX], "tls": {"1.0": {"ssl": FORK}}}, FORK: {"ssl": {COMMIT: {}}}},
        want(tls="*", aiohttp="*"),
        None,
    ),
    "sources that the project names itself": (
        {FORK: {"ssl": {"0.1": {}}}, PathSource("lib/ssl"): {"ssl": {"": {}}}},
        [Requirement("ssl", FORK), Requirement("ssl", PathSource("lib/ssl"), group="dev")],
        None,
    ),
    "no version can be used": (
        {INDEX: {"x": {"1": "no files for mpy6", "2": "no files for mpy6"}}},
        want(x="*"),
        None,
    ),
    "a long chain": (
        {
            INDEX: {
                "app": {str(n): {"net": f">={n}"} for n in range(1, 8)},
                "net": {str(n): {"tls": ">=2,<3"} for n in range(1, 8)},
                "tls": {"1.0": {}, "2.0": {"clock": "<5"}, "2.1": {"clock": "<5"}},
                "clock": {str(n): {} for n in range(1, 9)},
            }
        },
        want(app="*", clock=">=6"),
        None,
    ),
}


GOLDEN = {
    name: text.strip()
    for name, text in re.findall(
        r"^== (.+?)\n(.+?)(?=^==|\Z)",
        Path(__file__).with_name("conflicts.txt").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_conflict_is_explained_with_a_way_out(name: str) -> None:
    assert told(*CONFLICTS[name]) == GOLDEN[name]


def test_a_wrong_constraint_of_the_project_is_said_at_once() -> None:
    with pytest.raises(ConstraintError):
        resolve(want(ssl=">>1"), Shop(LIB))


def test_a_wrong_constraint_of_a_package_rules_it_out() -> None:
    shop = Shop({INDEX: {"x": {"1": {}, "2": {"y": ">>1"}}, "y": {"1": {}}}})
    assert versions(resolve(want(x="*"), shop)) == {"x": "1"}


def test_the_ways_out_work() -> None:
    wanted = want(requests="0.10.0", ssl=">=0.2")
    loose = [replace(one, constraint="0.9") if one.name == "requests" else one for one in wanted]
    assert versions(resolve(loose, Shop(LIB))) == {"requests": "0.9", "ssl": "0.3"}
    assert resolve(wanted, Shop(LIB), Policy(overrides={"ssl": "0.3"}))["requests"]


# ---------------------------------------------------------------------------- any index


NAMES = ["a", "b", "c", "d"]
PINS = st.sampled_from(["*", "latest", "1", "2", "3", "==1", ">=2", "<2", "^1", "9"])


Index = Mapping[str, Mapping[str, Mapping[str, str | Source]]]


def possible(index: Index, wanted: Mapping[str, str], pins: str) -> bool:
    """Whether trying every choice finds one that fits; any package can be had from FORK too."""

    def fits(want: str | Source, offer: tuple[Source, str], *, ours: bool) -> bool:
        source, version = offer
        if not isinstance(want, str):
            return source == want
        constraint = Constraint.parse(want)
        if source != INDEX:
            return False
        if constraint.exact and not ours and pins == "minimum":
            return Version(version) >= constraint.exact
        return Version(version) in constraint

    def tried(
        chosen: dict[str, tuple[Source, str]], waiting: list[tuple[str, str | Source, bool]]
    ) -> bool:
        if not waiting:
            return True
        (name, want, ours), *rest = waiting
        offers = [(INDEX, version) for version in index.get(name, {})]
        if name in NAMES:
            offers.append((FORK, COMMIT))
        for offer in [chosen[name]] if name in chosen else offers:
            if fits(want, offer, ours=ours):
                needs = {} if name in chosen or offer[0] == FORK else index[name][offer[1]]
                more = [(other, each, False) for other, each in needs.items()]
                if tried({**chosen, name: offer}, [*rest, *more]):
                    return True
        return False

    return tried({}, [(name, want, True) for name, want in wanted.items()])


@settings(max_examples=120, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.dictionaries(
            st.sampled_from(["1", "2", "3"]),
            st.dictionaries(st.sampled_from([*NAMES, "none"]), PINS | st.just(FORK), max_size=2),
            min_size=1,
        ),
        min_size=1,
    ),
    st.dictionaries(st.sampled_from(NAMES), PINS, max_size=2),
    st.sampled_from(["minimum", "strict"]),
)
def test_any_index_is_resolved_or_explained(
    index: dict[str, dict[str, dict[str, str | Source]]], wanted: dict[str, str], pins: str
) -> None:
    shop = Lasting({INDEX: index, FORK: {name: {COMMIT: {}} for name in NAMES}})
    try:
        found = resolve(want(**wanted), shop, Policy(pins=pins))  # type: ignore[arg-type]
    except ResolutionError as error:
        text = str(error)
        found = None
    assert (found is not None) == possible(index, wanted, pins)
    if found is None:
        assert "the project cannot be resolved." in text
        assert "\0" not in text
        return
    for one in found.packages:
        assert one.required_by
        assert one.groups == ("main",)
        assert set(one.requires) <= {each.name for each in found.packages}
        for way in found.why(one.name):
            assert way[0] == ""
            assert way[-1] == one.name


def test_the_words_of_a_conflict_name_what_a_board_package_may_be_called() -> None:
    shop = {INDEX: {"umqtt.simple": {"1.0": {}}, "{evil}": {"1": {"umqtt.simple": "2"}}}}
    text = told(shop, [Requirement("{evil}"), Requirement("umqtt.simple", None, "<2")])
    assert '[tool.belay.overrides] "umqtt.simple" = "1.0", whatever packages ask for' in text
    assert "{evil} 1 needs umqtt.simple 2 or newer" in text


def test_what_a_commit_is_called() -> None:
    shop = {FORK: {"ssl": {COMMIT: {"x": "1"}}}, INDEX: {"x": {"0": {}}}}
    assert "ssl needs x 1 or newer and there is only x 0" in told(shop, want(ssl=FORK))


def test_an_override_lets_the_project_decide_on_the_source() -> None:
    shop = {
        INDEX: {**LIB[INDEX], "tls": {"1.0": {"ssl": FORK}}},
        FORK: {"ssl": {COMMIT: {}}},
    }
    by_index = resolve(want(tls="*", ssl="*"), Shop(shop), Policy(overrides={"ssl": "0.2"}))
    assert versions(by_index) == {"tls": "1.0", "ssl": "0.2"}
    forked = resolve(
        want(tls="*", aiohttp="*", ssl=FORK), Shop(shop), Policy(overrides={"ssl": "*"})
    )
    assert versions(forked) == {"tls": "1.0", "aiohttp": "0.0.6", "ssl": COMMIT}


def test_a_large_conflict_is_explained_in_a_few_lines() -> None:
    index: dict[str, dict[str, Needs | str]] = {
        f"p{i}": {str(n): {f"p{i + 1}": f">={n}", "base": f">={n}"} for n in range(1, 13)}
        for i in range(6)
    }
    index["p6"] = {str(n): {} for n in range(1, 13)}
    index["base"] = {str(n): {} for n in range(13)}
    text = told({INDEX: index}, want(p0="*", base="<1"))
    assert len(text.splitlines()) <= 6


def test_a_way_out_never_names_a_commit_as_a_version() -> None:
    shop = {INDEX: {"a": {"1": {"ssl": FORK}}, **LIB[INDEX]}, FORK: {"ssl": {COMMIT: {}}}}
    text = told(shop, want(a="*", aiohttp="*"))
    assert "Try: " in text
    assert COMMIT not in text


def test_without_a_network_a_conflict_is_said_without_ways_out() -> None:
    class Offline(Lasting):
        def candidate(self, name: str, version: str, source: Source) -> Candidate:
            if version == "0.9":
                raise DownloadError("the cable is out")
            return super().candidate(name, version, source)

    with pytest.raises(ResolutionError) as caught:
        resolve(want(requests="0.10.0", ssl=">=0.2"), Offline(LIB))
    assert "cannot be resolved" in str(caught.value)
    assert 'requests = "0.9"' not in str(caught.value)
