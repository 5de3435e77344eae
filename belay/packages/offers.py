# SPDX-License-Identifier: Apache-2.0
"""What the solver chooses from: versions, each from a source, and how they are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from belay.packages.model import IndexSource, Source, short_version
from belay.packages.pubgrub import VersionSet, Words
from belay.packages.pubgrub.words import among, listed, literally
from belay.packages.versions import Version, best_first, odd_versions

__all__ = ["Offer", "OfferWords", "Shelf", "part_of_source"]


class Offer(NamedTuple):
    """A version that a source has; ordered by source, then by version.

    So the versions of one source are one range, and a set can say from which source it is.
    """

    source: str
    version: Version

    def __str__(self) -> str:
        return _short(self.version)


def part_of_source(source: Source, versions: VersionSet) -> VersionSet:
    """Those offers of a source whose versions are in a set.

    Of a source that has one version only, such as a repository, versions are compared if it says
    which one it is; a commit is as good as any version.
    """
    if not isinstance(source, IndexSource):
        versions |= odd_versions()
    text = source.text
    cuts = [(Offer(text, version), side) for version, side in versions.cuts]
    begin, end = ((text,), 0), ((f"{text}\0",), 0)  # below and above all offers of the source
    inside = len(cuts) % 2 ^ versions.lowest
    return VersionSet((*([begin] if versions.lowest else []), *cuts, *([end] if inside else [])))


class Shelf:
    """The offers of one package, by source; more may come.

    Args:
        name: of the package.
        prereleases: they are as good as releases.
        preferred: the version that is tried first, if there is one.
    """

    def __init__(self, name: str, *, prereleases: bool = False, preferred: str = "") -> None:
        self.name = name
        self.prereleases = prereleases
        self.missing: dict[str, str] = {}
        self.sources: dict[str, Source] = {}
        self._offers: dict[str, list[Offer]] = {}
        self._preferred = Version(preferred) if preferred else None
        self._declared: dict[VersionSet, tuple[Source, VersionSet]] = {}

    def put(self, source: Source, versions: Sequence[str], missing: str = "") -> None:
        """Add what a source has.

        Args:
            source: of the package.
            versions: that it has.
            missing: why it has none.
        """
        best = best_first(map(Version, versions), prereleases=self.prereleases)
        best.sort(key=lambda version: version != self._preferred)
        self.sources[source.text] = source
        self._offers[source.text] = [Offer(source.text, version) for version in best]
        if missing:
            self.missing[source.text] = missing

    def declare(self, source: Source, versions: VersionSet) -> VersionSet:
        """The offers that a requirement asks for; remembered, for when it has to be said."""
        asked = part_of_source(source, versions)
        self._declared[asked] = source, versions
        return asked

    def declared(self, versions: VersionSet) -> tuple[Source, VersionSet] | None:
        """What was asked for with a set of offers."""
        return self._declared.get(versions)

    def offers(self, source: str | None = None) -> list[Offer]:
        """The best first; of one source, or of all."""
        if source is not None:
            return self._offers[source]
        return [offer for offers in self._offers.values() for offer in offers]


class OfferWords(Words):
    """Names packages, their versions, and where these come from if that is not clear."""

    def __init__(self, shelves: dict[str, Shelf]) -> None:
        super().__init__()
        self._shelves = shelves

    def existing(self, package: str) -> Sequence[Offer]:
        """All offers, sorted."""
        return sorted(self._shelves[package].offers()) if package in self._shelves else ()

    def subject(self, package: str, versions: VersionSet) -> str:
        """The offers of a set, source by source."""
        shelf = self._shelves.get(package)
        if shelf is None:
            return package
        texts = []
        for source in shelf.sources.values():
            there = sorted(shelf.offers(source.text))
            inside = [offer for offer in there if offer in versions]
            if not inside:
                continue
            if len(inside) < len(there):
                text = f"{package} {among(there, versions)}"
            else:
                text = f"any version of {package}" if len(there) > 1 else _alone(package, there[0])
            texts.append(text + (_from(source) if len(shelf.sources) > 1 else ""))
        return " or ".join(texts) or self.wanted(package, versions)

    def wanted(self, package: str, versions: VersionSet) -> str:
        """What was asked for, and from where."""
        shelf = self._shelves.get(package)
        declared = shelf.declared(versions) if shelf else None
        if shelf is None:
            return package
        if declared is not None:
            source, asked = declared
            return f"{package} {literally(asked)}".rstrip() + self._origin(shelf, source)
        texts = []
        for source in shelf.sources.values():
            there = sorted(shelf.offers(source.text))
            inside = [offer for offer in there if offer in versions]
            if inside:
                text = "" if len(inside) == len(there) else f" {among(there, versions)}"
                texts.append(f"{package}{text}{self._origin(shelf, source)}")
        return " or ".join(texts) or f"another version of {package}"

    def _origin(self, shelf: Shelf, source: Source) -> str:
        plain = len(shelf.sources) == 1 and isinstance(source, IndexSource)
        return "" if plain else _from(source)

    def lacking(self, package: str, versions: VersionSet) -> str:
        """What there is instead."""
        shelf = self._shelves[package]
        declared = shelf.declared(versions)
        sources = [declared[0]] if declared else [*shelf.sources.values()]
        missing = [shelf.missing[s.text] for s in sources if s.text in shelf.missing]
        offers = sorted(offer for source in sources for offer in shelf.offers(source.text))
        if not offers:
            return missing[0] if missing else f"there is no version of {package}"
        where = _from(sources[0]) if len(shelf.sources) > 1 and len(sources) == 1 else ""
        texts = listed([str(offer) for offer in offers])
        return f"there {'is' if len(offers) == 1 else 'are'} only {package} {texts}{where}"


def _alone(package: str, offer: Offer) -> str:
    return f"{package} {offer}" if offer.version.is_proper else package


def _from(source: Source) -> str:
    return f" from {source.index if isinstance(source, IndexSource) else source.text}"


def _short(version: Version) -> str:
    return short_version(version.text)
