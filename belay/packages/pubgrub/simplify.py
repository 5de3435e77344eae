# SPDX-License-Identifier: Apache-2.0
"""A shorter proof of the same: from fewer facts, and from simpler ones."""

from __future__ import annotations

from belay.packages.pubgrub.core import NoSolution, refute
from belay.packages.pubgrub.sets import VersionSet
from belay.packages.pubgrub.terms import Cause, Incompatibility, Term
from belay.packages.pubgrub.words import Words

__all__ = ["simplified"]

_MOST = 80
"""Of more facts, none is tried to be left out: each try solves all again."""


def simplified(error: NoSolution, facts: list[Incompatibility], words: Words) -> NoSolution:
    """The same conflict, with a shorter story.

    That versions 1 to 7 of a package need each another one, but all of them some version of a
    second package, is said in one sentence if that is enough for the conflict. What is not needed
    for it is left out.

    Args:
        error: what the solver raised.
        facts: that it follows from.
        words: knows which versions there are.
    """
    known = [fact for fact in facts if fact.cause.kind != "no versions"]
    found = refute(known, words.existing)
    if found is None or len(known) > _MOST:
        return error
    # What the root says last: it is what people can change, so it should stay as it is.
    for group in _groups(known):
        one = _weaker(group, words)
        if one is None:
            continue
        fewer = [fact for fact in known if fact not in group]
        place = known.index(group[0])
        tried = [*fewer[:place], one, *fewer[place:]]
        if shorter := refute(tried, words.existing):
            known, found = tried, shorter
    for fact in tuple(known):
        tried = [one for one in known if one is not fact]
        if shorter := refute(tried, words.existing):
            known, found = tried, shorter
    return found


def _groups(facts: list[Incompatibility]) -> list[list[Incompatibility]]:
    """Facts that say something alike: one package of another, or one reason of a package."""
    groups: dict[tuple[str, ...], list[Incompatibility]] = {}
    for fact in facts:
        names = [f"{term.positive}{term.package}" for term in fact.terms]
        groups.setdefault((fact.cause.kind, fact.cause.text, *names), []).append(fact)
    return [group for group in groups.values() if len(group) > 1]


def _weaker(group: list[Incompatibility], words: Words) -> Incompatibility | None:
    """One fact that follows from several that are alike."""
    terms = []
    for alike in zip(*(fact.terms for fact in group), strict=True):
        package, versions = alike[0].package, VersionSet.none()
        for term in alike:
            versions |= term.versions
        if not any(version in versions for version in words.existing(package)):
            return None
        terms.append(Term(package, versions, alike[0].positive))
    return Incompatibility(terms, Cause(group[0].cause.kind, group[0].cause.text))
