# SPDX-License-Identifier: Apache-2.0
"""What to change where packages conflict: each way is tried before it is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from belay.errors import DownloadError, PackageError
from belay.packages.model import IndexSource, Requirement
from belay.packages.pubgrub import ROOT, NoSolution, explain, facts, simplest
from belay.packages.resolver import Resolution, Resolver
from belay.packages.versions import Version

__all__ = ["explained"]

_TRIES = 12
"""So many ways are tried at most; each is a resolution of its own."""

_NAMED = 3
"""So many are named."""

_VERSION = "\0"
"""Where a sentence has the version that is found."""


def explained(error: NoSolution, resolver: Resolver) -> str:
    """Why there is no resolution, and what to change; one sentence a line."""
    error = simplest(error, resolver.words)
    lines = ["No versions fit together.", explain(error, words=resolver.words)]
    lines += [f"Try: {way}" for way in _ways(error, resolver)]
    return "\n".join(lines)


def _ways(error: NoSolution, resolver: Resolver) -> list[str]:
    ways: list[str] = []
    for tries, (changed, text) in enumerate(_changes(error, resolver)):
        if tries == _TRIES or len(ways) == _NAMED:
            break
        try:
            found = changed.resolve()
        except DownloadError:
            break  # without a network, the next one would wait as long in vain
        except (NoSolution, PackageError):
            continue
        ways.append(text(found) if callable(text) else text)
    return ways


class _Say:
    """A sentence that names the version of a package that a change leads to."""

    def __init__(self, sentence: str, name: str) -> None:
        self._sentence, self._name = sentence, name

    def __call__(self, found: Resolution) -> str:
        versions = {one.name: one.candidate.version for one in found.packages}
        version = versions.get(self._name, "")
        return self._sentence.replace(_VERSION, version if Version(version).is_proper else "*")


def _changes(error: NoSolution, resolver: Resolver) -> Iterator[tuple[Resolver, _Say | str]]:
    """What could be changed, what is least first."""
    wanted, others = _involved(error, resolver)
    policy, ours = resolver.policy, resolver.requirements
    if policy.pins == "strict":
        text = 'pins = "minimum" in [tool.belay]: packages may be newer than others ask for'
        yield Resolver(ours, resolver.provider, replace(policy, pins="minimum")), text
    for name in wanted:
        groups = [one.group for one in ours if one.name == name]
        named = dict.fromkeys(one.source for one in ours if one.name == name and one.source)
        for source in named if len(named) > 1 and len(set(groups)) == len(groups) else ():
            same = [replace(one, source=source) if one.name == name else one for one in ours]
            text = f'{_key(name)} = "{source.text}" in all groups of pyproject.toml'
            yield Resolver(same, resolver.provider, policy), text
        asked = [one.constraint for one in ours if one.name == name]
        if any(constraint not in ("", "*", "latest") for constraint in asked):
            loose = [replace(one, constraint="*") if one.name == name else one for one in ours]
            said = " and ".join(f'"{constraint}"' for constraint in asked)
            sentence = f'{_key(name)} = "{_VERSION}" in pyproject.toml, not {said}'
            yield Resolver(loose, resolver.provider, policy), _Say(sentence, name)
    for name in (*wanted, *others):
        asked = [one.constraint for one in ours if one.name == name]
        overrides = {**policy.overrides, name: asked[0] if asked else "*"}
        sentence = f'[tool.belay.overrides] {_key(name)} = "{_VERSION}", whatever packages ask for'
        overridden = replace(policy, overrides=overrides)
        yield Resolver(ours, resolver.provider, overridden), _Say(sentence, name)
        for source in resolver.sources(name) if not asked else ():
            if not isinstance(source, IndexSource):
                more = (*ours, Requirement(name, source))
                text = f'{_key(name)} = "{source.text}" in pyproject.toml, and {sentence}'
                yield Resolver(more, resolver.provider, overridden), text.replace(_VERSION, "*")


def _key(name: str) -> str:
    """A name as a key of TOML."""
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else f'"{name}"'


def _involved(error: NoSolution, resolver: Resolver) -> tuple[list[str], list[str]]:
    """The packages of a conflict: those that the project wants itself, and others."""
    wanted: dict[str, None] = {}
    others: dict[str, None] = {}
    for fact in facts(error, resolver.words):
        root = any(term.package == ROOT for term in fact.terms)
        for term in fact.terms:
            if term.package != ROOT:
                (wanted if root else others)[resolver.name_of(term.package)] = None
    return list(wanted), [name for name in others if name not in wanted]
