# SPDX-License-Identifier: Apache-2.0
"""CircuitPython bundles: a JSON manifest that names all packages, and a zip that has their files.

Both are assets of a release, named by its tag: ``SLUG-TAG.json`` and ``SLUG-py-TAG.zip``.
"""

from __future__ import annotations

import re
from typing import Any

from belay.errors import PackageNotFoundError
from belay.packages.download import Downloader, public_url
from belay.packages.model import BundleSource, GitHostSource
from belay.packages.sources.githosts import GitHosts
from belay.packages.sources.once import Once
from belay.packages.sources.packagejson import PackageFormatError

__all__ = ["BundleEntry", "Bundles"]

_MANIFEST = re.compile(r"(?P<base>.+)-(?P<tag>[0-9]+)\.json")
_NAME = re.compile(r"\w[\w.-]*")


class BundleEntry:
    """What a manifest says of a package.

    Attributes:
        version: of it.
        path: in the zip, without its first folder and without ``.py``.
        dependencies: names of packages of the same bundle.
    """

    def __init__(self, entry: Any, where: str) -> None:
        try:
            self.version: str = entry.get("version") or ""
            self.path: str = entry["path"]
            self.dependencies: list[str] = list(entry.get("dependencies") or ())
            texts = [self.version, self.path, *self.dependencies]
            if not all(isinstance(text, str) for text in texts):
                raise TypeError("version, path and dependencies are text")
            if not all(map(_NAME.fullmatch, self.dependencies)):
                raise TypeError("dependencies are names")
        except (AttributeError, KeyError, TypeError) as error:
            raise PackageFormatError(f"{where}: {error!r}") from error

    def dest(self, member: str) -> str | None:
        """Where a file of the zip goes; None: it is not of this package."""
        path = self.path.removesuffix(".py").removesuffix(".mpy")
        mine = member.startswith(f"{path}/") or member in (f"{path}.py", self.path)
        return member.removeprefix("lib/") if mine else None


class Bundles:
    """All bundles; the manifest of each is asked for once.

    Args:
        downloader: that asks.
        hosts: for the newest tag of a repository.
        releases: where the assets of a release are, with ``{where}`` and ``{tag}``.
    """

    RELEASES = "https://github.com/{where}/releases/download/{tag}"

    def __init__(self, downloader: Downloader, hosts: GitHosts, releases: str = RELEASES) -> None:
        self._downloader = downloader
        self._hosts = hosts
        self._releases = releases
        self._manifests: Once[Any] = Once()

    def resolve(self, source: BundleSource) -> BundleSource:
        """The source with the newest tag, if it names none.

        Raises:
            PackageNotFoundError: the repository has no release.
        """
        where, _, tag = source.url.partition("@")
        if "://" in where or tag:
            return source
        owner, _, repo = where.partition("/")
        refs = self._hosts.refs(GitHostSource("github", owner, repo))
        tags = [ref[10:] for ref in refs if re.fullmatch(r"refs/tags/[0-9]+", ref)]
        if not tags:
            raise PackageNotFoundError(f"{where} has no release that is a bundle")
        return BundleSource(f"{where}@{max(tags, key=int)}", source.name)

    def entry(self, source: BundleSource) -> BundleEntry:
        """What the manifest says of a package.

        Args:
            source: resolved.

        Raises:
            PackageNotFoundError: it is not in there.
            PackageFormatError: the manifest is none.
        """
        url, _ = self._assets(source)
        manifest = self._manifests.get(url, lambda: self._downloader.get_json(url))
        where = public_url(url)
        if not isinstance(manifest, dict):
            raise PackageFormatError(f"{where}: is no table of packages")
        if source.name not in manifest:
            raise PackageNotFoundError(f"{where} has no {source.name!r}")
        return BundleEntry(manifest[source.name], f"{where}: {source.name}")

    def archive(self, source: BundleSource) -> str:
        """Where the zip with the files for ``py`` is."""
        return self._assets(source)[1]

    def _assets(self, source: BundleSource) -> tuple[str, str]:
        where, _, tag = source.url.partition("@")
        if "://" not in where:
            slug = where.partition("/")[2].lower().replace("_", "-")
            base = f"{self._releases.format(where=where, tag=tag)}/{slug}"
            return f"{base}-{tag}.json", f"{base}-py-{tag}.zip"
        match = _MANIFEST.fullmatch(source.url)
        if match is None:
            shown = public_url(source.url)
            raise PackageFormatError(f"{shown} is not named as manifests are: NAME-20261101.json")
        return source.url, f"{match['base']}-py-{match['tag']}.zip"
