# SPDX-License-Identifier: Apache-2.0
"""Indices of packages, laid out as https://micropython.org/pi/v2 is.

``index.json`` names all packages with their versions, ``package/TARGET/NAME/VERSION.json`` is a
package, ``file/HH/HASH`` a file by the beginning of its SHA-256. An index without ``index.json``
works as well: of each package it has its newest version then.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urljoin

from belay.errors import PackageNotFoundError
from belay.packages.download import Downloader, NothingThereError, public_url
from belay.packages.model import SOURCE_TARGET, Candidate, IndexSource, RemoteFile, Target
from belay.packages.sources.packagejson import (
    PackageFormatError,
    PackageJson,
    read_package,
    remote_files,
    requirements,
)

__all__ = ["Index", "IndexedPackage", "Indices"]

_MOST_JSON = 16 << 20
_SAFE = re.compile(r"[\w.+!~^-]+")


@dataclass(frozen=True, slots=True)
class IndexedPackage:
    """What an index says of a package.

    Args:
        name: of it.
        version: the newest.
        versions: by target, as the index orders them.
        description: in a sentence.
        author: who made it.
        license: as SPDX names it.
    """

    name: str
    version: str
    versions: Mapping[Target, tuple[str, ...]]
    description: str = ""
    author: str = ""
    license: str = ""


class Index:
    """One index; what it lists is asked for once.

    Args:
        url: of it.
        downloader: that asks.
    """

    def __init__(self, url: str, downloader: Downloader) -> None:
        self.source = IndexSource(url.rstrip("/"))
        self._downloader = downloader
        self._turn = threading.Lock()
        self._listing: dict[str, IndexedPackage] | None = None

    def listing(self) -> dict[str, IndexedPackage] | None:
        """All packages by name; None: the index has no ``index.json``.

        Raises:
            DownloadError: it cannot be had.
            PackageFormatError: it is not what an index says.
        """
        with self._turn:
            if self._listing is None:
                url = f"{self.source.index}/index.json"
                try:
                    value = self._downloader.get_json(url, most=_MOST_JSON)
                except NothingThereError:
                    return None
                self._listing = _read_listing(value, public_url(url))
            return self._listing

    def versions(self, name: str, targets: Sequence[Target]) -> tuple[str, ...]:
        """The versions of a package that any of these targets can use; none: it is not here."""
        listing = self.listing()
        if listing is None:
            package, _ = self._newest(name, targets)
            return (package.version,) if package else ()
        entry = listing.get(name)
        if entry is None:
            return ()
        known = (version for target in targets for version in entry.versions.get(target, ()))
        return tuple(dict.fromkeys(known))

    def candidate(self, name: str, version: str, targets: Sequence[Target]) -> Candidate:
        """A version of a package with its files for each target that has it.

        Raises:
            PackageNotFoundError: no target has it.
        """
        files: list[RemoteFile] = []
        needs: dict[tuple[str, str], None] = {}
        found = False
        for target in targets:
            package = self._package(name, version, target)
            if package is None:
                continue
            found = True
            base = self._url(name, version, target)
            files += remote_files(package, target, partial(_absolute, base), self._file)
            needs.update(dict.fromkeys(package.deps))
        if not found:
            where = public_url(self.source.index)
            raise PackageNotFoundError(
                f"{where} has no {name} {version} for {' or '.join(targets)}"
            )
        whole = PackageJson(public_url(self.source.index), version, deps=tuple(needs))
        return Candidate(
            name, version, self.source, tuple(files), requirements(whole, f"{name} {version}")
        )

    def _newest(self, name: str, targets: Sequence[Target]) -> tuple[PackageJson | None, Target]:
        for target in targets:
            package = self._package(name, "latest", target)
            if package is not None and package.version:
                return package, target
        return None, ""

    def _package(self, name: str, version: str, target: Target) -> PackageJson | None:
        if not _SAFE.fullmatch(name) or not _SAFE.fullmatch(version):
            return None
        url = self._url(name, version, target)
        try:
            return read_package(self._downloader.get(url, most=_MOST_JSON), public_url(url))
        except NothingThereError:
            return None

    def _url(self, name: str, version: str, target: Target) -> str:
        part = target.removeprefix("mpy") if target != SOURCE_TARGET else SOURCE_TARGET
        return f"{self.source.index}/package/{part}/{quote(name)}/{quote(version)}.json"

    def _file(self, digest: str) -> str:
        return f"{self.source.index}/file/{digest[:2]}/{digest}"


class Indices:
    """Several indices; a package is that of the first one that has it.

    An index that cannot be reached is an error and not passed over: else whoever disturbs it could
    choose where a package comes from.

    Args:
        urls: of the indices, in order.
        downloader: that asks.
        targets: for whom packages are wanted.
    """

    def __init__(
        self, urls: Sequence[str], downloader: Downloader, targets: Sequence[Target]
    ) -> None:
        self.targets = tuple(targets)
        self._all = {url.rstrip("/"): Index(url, downloader) for url in urls}
        self._downloader = downloader

    def locate(self, name: str) -> IndexSource:
        """The first index that has a package.

        Raises:
            PackageNotFoundError: none has.
        """
        for index in self._all.values():
            if index.versions(name, self.targets):
                return index.source
        where = ", ".join(map(public_url, self._all)) or "no index is configured"
        raise PackageNotFoundError(f"no index has {name!r}{self._similar(name)} (asked: {where})")

    def versions(self, name: str, source: IndexSource) -> tuple[str, ...]:
        """The versions of a package in one index.

        Raises:
            PackageNotFoundError: it has none.
        """
        versions = self.of(source).versions(name, self.targets)
        if not versions:
            raise PackageNotFoundError(f"{public_url(source.index)} has no {name!r}")
        return versions

    def candidate(self, name: str, version: str, source: IndexSource) -> Candidate:
        """A version of a package in one index.

        Raises:
            PackageNotFoundError: it is not there.
        """
        return self.of(source).candidate(name, version, self.targets)

    def of(self, source: IndexSource) -> Index:
        """The index of a source; one that is not configured works as well."""
        key = source.index.rstrip("/")
        return self._all.setdefault(key, Index(key, self._downloader))

    def search(self, text: str) -> list[tuple[IndexSource, IndexedPackage]]:
        """Packages whose name or description has all words of a text, by name."""
        words = text.casefold().split()
        found: dict[str, tuple[IndexSource, IndexedPackage]] = {}
        for index in self._all.values():
            for name, entry in (index.listing() or {}).items():
                if all(word in f"{name} {entry.description}".casefold() for word in words):
                    found.setdefault(name, (index.source, entry))
        return [found[name] for name in sorted(found)]

    def _similar(self, name: str) -> str:
        import difflib

        names = [known for index in self._all.values() for known in index.listing() or ()]
        close = difflib.get_close_matches(name, names, 3)
        return f"; did you mean {' or '.join(close)}?" if close else ""


def _absolute(base: str, url: str) -> str:
    there = urljoin(base, url)
    if not there.startswith(("https://", "http://", "github:", "gitlab:", "codeberg:")):
        raise PackageFormatError(f"{public_url(base)}: urls: {url!r} is not of the web")
    return there


def _read_listing(value: Any, where: str) -> dict[str, IndexedPackage]:
    packages = value.get("packages") if isinstance(value, dict) else None
    if not isinstance(packages, list):
        raise PackageFormatError(f"{where}: has no list of packages")
    if value.get("v", 2) not in (1, 2):
        raise PackageFormatError(f"{where}: is of format {value['v']!r}, which is not known")
    listing = {}
    for number, entry in enumerate(packages):
        try:
            package = _read_entry(entry)
        except (KeyError, TypeError, AttributeError) as error:
            raise PackageFormatError(f"{where}: packages[{number}]: {error!r}") from error
        listing[package.name] = package
    return listing


def _read_entry(entry: Any) -> IndexedPackage:
    name, newest = entry["name"], entry.get("version") or ""
    versions: dict[Target, tuple[str, ...]] = {}
    for target, known in (entry.get("versions") or {SOURCE_TARGET: [newest]}).items():
        if not isinstance(known, list) or not all(isinstance(text, str) for text in known):
            raise TypeError("versions")
        key = target if target == SOURCE_TARGET else f"mpy{target}"
        versions[key] = tuple(text for text in known if _SAFE.fullmatch(text))
    texts = [entry.get(key) or "" for key in ("description", "author", "license")]
    if not all(isinstance(text, str) for text in [name, newest, *texts]):
        raise TypeError("name, version, description, author and license are text")
    return IndexedPackage(name, newest, versions, *texts)
