# SPDX-License-Identifier: Apache-2.0
"""All sources together: what the resolver asks for versions and candidates, and the lock for bytes.

Where a file of a lock was (:attr:`LockedFile.url`) is one of

=====================================  ======================================================
``https://host/path``                  a file
``https://host/lib.zip#member``        in an archive (without its one folder at the top)
``git+https://host/r.git@COMMIT#path`` in a repository
``file:lib/a.py``, ``file:///lib/a``   of this computer; relative to the project
=====================================  ======================================================
"""

from __future__ import annotations

import hashlib
import posixpath
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit

from belay.errors import IntegrityError, PackageError, PackageNotFoundError, UnsafePathError
from belay.packages.download import Downloader, Memory, public_url
from belay.packages.model import (
    SOURCE_TARGET,
    BundleSource,
    Candidate,
    GitHostSource,
    GitSource,
    IndexSource,
    PathSource,
    RemoteFile,
    Requirement,
    Source,
    Target,
    UrlSource,
    safe_destination,
)
from belay.packages.parallel import in_parallel
from belay.packages.sources.archives import unpack, without_common_folder
from belay.packages.sources.bundle import Bundles
from belay.packages.sources.git import Git
from belay.packages.sources.githosts import GitHosts
from belay.packages.sources.index import Indices
from belay.packages.sources.local import local_files, local_path
from belay.packages.sources.names import MODULES, folder_of, inside, last_part
from belay.packages.sources.once import Once
from belay.packages.sources.packagejson import (
    PackageFormatError,
    read_package,
    remote_files,
    requirements,
)
from belay.packages.sources.spec import is_archive, parse_source

__all__ = ["Sources"]

Address = Callable[[str], str]

S = TypeVar("S", GitHostSource, GitSource, BundleSource)


class Sources:
    """What there is, wherever it is. For several threads.

    Args:
        downloader: for the web.
        indices: URLs, in order.
        targets: for whom files are wanted.
        project: its folder, for paths.
        git_folder: of the cache, for repositories.
        keeps_name: name and source text of single files that do not become ``__init__``.
        pins: by its text, what a source was resolved to before, such as a commit for a branch.
        known: by name and text of the source, what is not to be asked for again.
        hosts: of repositories; a test's seam.
        bundles: a test's seam.
        memory: keeps what git has answered, for when there is no network.
        offline: git asks nobody; the downloader has its own such switch.
    """

    def __init__(
        self,
        downloader: Downloader,
        *,
        indices: Sequence[str],
        targets: Sequence[Target],
        project: Path,
        git_folder: Path,
        keeps_name: Collection[tuple[str, str]] = (),
        pins: Mapping[str, Source] | None = None,
        known: Mapping[tuple[str, str], Candidate] | None = None,
        hosts: GitHosts | None = None,
        bundles: Bundles | None = None,
        memory: Memory | None = None,
        offline: bool = False,
    ) -> None:
        self.indices = Indices(indices, downloader, targets)
        self._index_urls = [url.rstrip("/") for url in indices]
        self._downloader = downloader
        self._project = project
        self._keeps_name = keeps_name
        self._pins = pins or {}
        self._known = known or {}
        self._git = Git(git_folder, offline=offline, memory=memory)
        self._hosts = hosts or GitHosts(downloader)
        self._bundles = bundles or Bundles(downloader, self._hosts)
        self._turn = threading.Lock()
        self._found: Once[Candidate] = Once()
        self._contents: dict[str, bytes] = {}
        self._archives: Once[dict[str, bytes]] = Once()

    # ------------------------------------------------------------------ for the resolver

    def locate(self, name: str) -> IndexSource:
        """The first index that has a package.

        Raises:
            PackageNotFoundError: none has; the message says so to people.
        """
        return self.indices.locate(name)

    def versions(self, name: str, source: Source) -> Sequence[str]:
        """The versions of a package that a source has; of all but an index this is one.

        Raises:
            PackageNotFoundError: it has none.
        """
        if isinstance(source, IndexSource):
            return self.indices.versions(name, source)
        return (self._candidate(name, "", source).version,)

    def candidate(self, name: str, version: str, source: Source) -> Candidate:
        """A version of a package; its source is resolved.

        Raises:
            PackageNotFoundError: it is not there.
        """
        return self._candidate(name, version if isinstance(source, IndexSource) else "", source)

    def prefetch(self, wanted: Sequence[tuple[str, Source | None]]) -> None:
        """These will be asked for next; what fails now fails again then, and is said then."""
        if len(wanted) < 2:
            return
        in_parallel(self._prefetch, wanted, give_up=self.give_up)

    def give_up(self) -> None:
        """End what is under way in other threads: nothing more can be had."""
        self._downloader.close()
        self._git.give_up()

    def _prefetch(self, wanted: tuple[str, Source | None]) -> None:
        name, source = wanted
        try:
            found = source or self.locate(name)
            if isinstance(found, IndexSource):
                self._candidate(name, self.versions(name, found)[-1], found)
            else:
                self._candidate(name, "", found)
        except PackageError:
            return

    def _candidate(self, name: str, version: str, source: Source) -> Candidate:
        key = (name, version, source.text)
        return self._found.get(key, lambda: self._settled(self._find(name, version, source)))

    def _find(self, name: str, version: str, source: Source) -> Candidate:
        if isinstance(source, IndexSource):
            return self.indices.candidate(name, version, source)
        known = self._known.get((name, source.text))
        if known is not None and self._is_named_so(name, source, known):
            return known
        if isinstance(source, GitHostSource):
            return self._of_host(name, source)
        if isinstance(source, GitSource):
            return self._of_git(name, source)
        if isinstance(source, UrlSource):
            return self._of_url(name, source)
        if isinstance(source, BundleSource):
            return self._of_bundle(name, source)
        return self._of_path(name, source)

    def _settled(self, candidate: Candidate) -> Candidate:
        """It with the addresses of files that ``github:`` and the like name in full."""
        files = tuple(
            replace(file, url=self._settled_url(file.url, candidate.source))
            for file in candidate.files
        )
        return replace(candidate, files=files)

    def _settled_url(self, url: str, owner: Source) -> str:
        if not url.startswith(("github:", "gitlab:", "codeberg:")):
            return url
        source = parse_source(url)
        assert isinstance(source, GitHostSource)
        if isinstance(owner, GitHostSource) and not source.ref:
            ours = (owner.host, owner.owner.lower(), owner.repo.lower())
            if ours == (source.host, source.owner.lower(), source.repo.lower()):
                source = replace(source, ref=owner.ref)
        return self._hosts.address(self._hosts.resolve(source))

    def _is_named_so(self, name: str, source: Source, known: Candidate) -> bool:
        """Whether a single file has the name that it is to have: the lock does not say which."""
        last = last_part(source)
        if len(known.files) != 1 or posixpath.splitext(last)[1] not in MODULES:
            return True
        return posixpath.basename(known.files[0].dest) == self._inner_name(name, source, last)

    def _pinned(self, source: S) -> S:
        """What a source was resolved to before, if it is to stay that."""
        pin = self._pins.get(source.text)
        return pin if isinstance(pin, type(source)) else source

    # ------------------------------------------------------------------ each kind of source

    def _of_host(self, name: str, source: GitHostSource) -> Candidate:
        there = self._hosts.resolve(self._pinned(source))
        last = posixpath.basename(there.path)
        if last.endswith(".json"):
            data = self._hosts.file(there)
            if data is None:
                raise PackageNotFoundError(f"nothing is at {there.text}")
            return self._of_host_package(name, there, there.path, data)
        if posixpath.splitext(last)[1]:
            data = self._hosts.file(there)
            if data is not None:
                return self._alone(name, source, there, last, self._hosts.address(there), data)
        else:
            path = posixpath.join(there.path, "package.json")
            data = self._hosts.file(there, path)
            if data is not None:
                return self._of_host_package(name, there, path, data)
        files = self._hosts.folder(there)
        urls = {
            inner: self._hosts.address(there, posixpath.join(there.path, inner)) for inner in files
        }
        return self._whole(name, there, there.ref, files, urls)

    def _of_host_package(
        self, name: str, there: GitHostSource, path: str, data: bytes
    ) -> Candidate:
        folder = posixpath.dirname(path)

        def address(relative: str) -> str:
            return self._hosts.address(there, inside(folder, relative, there.text))

        where = replace(there, path=path).text
        return self._package(name, there, there.ref, data, where, address)

    def _of_git(self, name: str, source: GitSource) -> Candidate:
        commit = self._git.commit(self._pinned(source))
        there = replace(source, ref=commit)
        files = self._git.files(there, commit)
        prefix = f"git+{_without_password(source.url)}@{commit}#"
        urls = {
            inner: prefix + quote(posixpath.join(source.subdirectory, inner)) for inner in files
        }
        if posixpath.basename(source.subdirectory) in files and len(files) == 1:
            last = posixpath.basename(source.subdirectory)
            return self._alone(name, source, there, last, prefix + source.subdirectory, files[last])
        if "package.json" in files:
            return self._packed(name, there, commit, files, urls)
        return self._whole(name, there, commit, files, urls)

    def _of_url(self, name: str, source: UrlSource) -> Candidate:
        url, _, fragment = source.url.partition("#")
        path = unquote(urlsplit(url).path)
        if is_archive(path):
            below = fragment.removeprefix("subdirectory=").strip("/") if fragment else ""
            return self._of_archive(name, source, url, below)
        data = self._downloader.get(url)
        digest = hashlib.sha256(data).hexdigest()
        if not path.endswith(".json"):
            last = posixpath.basename(path)
            return self._alone(name, source, source, last, public_url(url), data, digest)

        def address(relative: str) -> str:
            return urljoin(url, relative)

        return self._package(name, source, digest, data, public_url(url), address)

    def _of_path(self, name: str, source: PathSource) -> Candidate:
        path = local_path(source, self._project)
        absolute = Path(source.path).expanduser().is_absolute()
        base = path.as_uri() if absolute else "file:" + quote(Path(source.path).as_posix())
        if path.is_file() and is_archive(path.name):
            return self._of_archive(name, source, base, "")
        found = {inner: file.read_bytes() for inner, file in local_files(path).items()}
        if path.is_dir():
            urls = {inner: f"{base}/{quote(inner)}" for inner in found}
            return self._whole(name, source, "", found, urls)
        data = found[path.name]
        if path.suffix != ".json":
            return self._alone(name, source, source, path.name, base, data, _digest([data]))

        def address(relative: str) -> str:
            inner = inside("", relative, source.text)
            self._inside_folder(path.parent, inner)
            return posixpath.join(posixpath.dirname(base), quote(inner))

        return self._package(name, source, _digest([data]), data, source.text, address)

    def _of_archive(self, name: str, source: Source, url: str, below: str) -> Candidate:
        members = self._archive(url)
        prefix = f"{below}/" if below else ""
        files = {
            inner[len(prefix) :]: d for inner, d in members.items() if inner.startswith(prefix)
        }
        if not files:
            raise PackageNotFoundError(f"{public_url(url)} has nothing at {below!r}")
        urls = {inner: f"{public_url(url)}#{quote(prefix + inner)}" for inner in files}
        if "package.json" in files:
            return self._packed(name, source, "", files, urls)
        return self._whole(name, source, "", files, urls)

    def _of_bundle(self, name: str, source: BundleSource) -> Candidate:
        there = self._bundles.resolve(self._pinned(source))
        entry = self._bundles.entry(there)
        url = self._bundles.archive(there)
        files = tuple(
            self._kept(dest, f"{public_url(url)}#{quote(member)}", data)
            for member, data in sorted(self._archive(url).items())
            if (dest := entry.dest(member)) is not None
        )
        if not files:
            raise PackageNotFoundError(f"{public_url(url)} has no files of {source.name}")
        origin = f"{name} {entry.version}".rstrip()
        needs = tuple(
            Requirement(other, BundleSource(there.url, other), origin=origin)
            for other in entry.dependencies
        )
        return Candidate(name, entry.version, there, files, needs)

    # ------------------------------------------------------------------ shapes of packages

    def _package(
        self, name: str, there: Source, version: str, data: bytes, where: str, address: Address
    ) -> Candidate:
        """That of a ``package.json``."""
        package = read_package(data, where)

        def anywhere(url: str) -> str:
            scheme = urlsplit(url).scheme if "://" in url else url.partition(":")[0]
            if scheme in ("http", "https", "github", "gitlab", "codeberg"):
                return url
            if ":" in url:
                raise PackageFormatError(f"{where}: urls: {url!r} is not of the web")
            return address(url)

        def stored(digest: str) -> str:
            if not self._index_urls:
                raise PackageFormatError(f"{where}: hashes: there is no index that has them")
            return f"{self._index_urls[0]}/file/{digest[:2]}/{digest}"

        files = remote_files(package, SOURCE_TARGET, anywhere, stored)
        version = package.version or version
        return Candidate(name, version, there, files, requirements(package, f"{name} {version}"))

    def _packed(
        self,
        name: str,
        there: Source,
        version: str,
        files: Mapping[str, bytes],
        urls: Mapping[str, str],
    ) -> Candidate:
        """A ``package.json`` among the files that it names."""

        def address(relative: str) -> str:
            inner = inside("", relative, there.text)
            if inner not in files:
                raise PackageNotFoundError(f"{there.text} has no {inner!r}, which it names")
            self._kept(inner, urls[inner], files[inner])
            return urls[inner]

        data = files["package.json"]
        where = f"{there.text}: package.json"
        return self._package(name, there, version or _digest([data]), data, where, address)

    def _alone(
        self,
        name: str,
        asked: Source,
        there: Source,
        last: str,
        url: str,
        data: bytes,
        version: str = "",
    ) -> Candidate:
        """A single file: the ``__init__`` of a package, unless it is to keep its name."""
        inner = self._inner_name(name, asked, last)
        version = version or getattr(there, "ref", "")
        return Candidate(
            name, version, there, (self._kept(f"{folder_of(name)}/{inner}", url, data),)
        )

    def _inner_name(self, name: str, asked: Source, last: str) -> str:
        suffix = posixpath.splitext(last)[1]
        renamed = suffix in MODULES and (name, asked.text) not in self._keeps_name
        return f"__init__{suffix}" if renamed else last

    def _whole(
        self,
        name: str,
        there: Source,
        version: str,
        files: Mapping[str, bytes],
        urls: Mapping[str, str],
    ) -> Candidate:
        """A folder: all that is in it, below the name of the package."""
        kept = tuple(
            self._kept(f"{folder_of(name)}/{inner}", urls[inner], data)
            for inner, data in sorted(files.items())
        )
        parts = [part for f in kept for part in (f.dest.encode(), f.sha256.encode())]
        return Candidate(name, version or _digest(parts), there, kept)

    def _kept(self, dest: str, url: str, data: bytes) -> RemoteFile:
        with self._turn:
            self._contents[url] = data
        return RemoteFile(safe_destination(dest), url, hashlib.sha256(data).hexdigest(), len(data))

    # ------------------------------------------------------------------ bytes

    def read(self, file: RemoteFile) -> bytes:
        """The bytes of a file, checked against what is known of them.

        Raises:
            IntegrityError: they are others.
            DownloadError: they cannot be had.
        """
        with self._turn:
            data = self._contents.get(file.url)
        if data is None:
            data = self._read(file.url)
        digest = hashlib.sha256(data).hexdigest()
        if not digest.startswith(file.sha256) or file.size not in (-1, len(data)):
            raise IntegrityError(
                f"{public_url(file.url)} is not what it was: SHA-256 {digest[:16]}… "
                f"and {len(data):,} bytes, not {file.sha256[:16]}…"
            )
        return data

    def _read(self, url: str) -> bytes:
        place, _, member = url.partition("#")
        inner = unquote(member)
        if url.startswith("git+"):
            repository, _, commit = place.removeprefix("git+").rpartition("@")
            files = self._git.files(GitSource(repository, commit, inner), commit)
            return files[posixpath.basename(inner)]
        if member:
            members = self._archive(place)
            if inner not in members:
                raise PackageNotFoundError(f"{public_url(place)} has no {inner!r}")
            return members[inner]
        return self._local(url) if url.startswith("file:") else self._downloader.get(url)

    def _archive(self, url: str) -> dict[str, bytes]:
        def unpacked() -> dict[str, bytes]:
            data = self._local(url) if url.startswith("file:") else self._downloader.get(url)
            return without_common_folder(unpack(data, public_url(url)))

        return self._archives.get(url, unpacked)

    def _local(self, url: str) -> bytes:
        path = self._project / unquote(url.removeprefix("file://").removeprefix("file:"))
        try:
            return path.read_bytes()
        except OSError as error:
            raise PackageNotFoundError(f"{path} cannot be read: {error.strerror}") from error

    def _inside_folder(self, folder: Path, inner: str) -> None:
        if not (folder / inner).resolve().is_relative_to(folder.resolve()):
            raise UnsafePathError(f"{folder / inner} is a link that leaves its folder")


def _without_password(url: str) -> str:
    """It as a lock may have it: the user of ssh is no secret, and is needed."""
    parts = urlsplit(url)
    if parts.scheme == "ssh" and parts.username and parts.password is None:
        return url
    return public_url(url)


def _digest(parts: Sequence[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()
