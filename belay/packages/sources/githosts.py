# SPDX-License-Identifier: Apache-2.0
"""GitHub, GitLab and Codeberg: refs become commits once, then single files or folders by commit.

Refs are asked for as git itself does (smart HTTP), which no limit of an API counts. A folder comes
with the archive of its commit, so that no list of files is needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote

from belay.errors import DownloadError, PackageNotFoundError
from belay.packages.download import Downloader, NothingThereError, public_url
from belay.packages.model import GitHostSource
from belay.packages.sources.archives import unpack
from belay.packages.sources.git import COMMIT
from belay.packages.sources.once import Once

__all__ = ["HOSTS", "GitHost", "GitHosts"]

_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}")


@dataclass(frozen=True, slots=True)
class GitHost:
    """Where a host has what; with ``{owner}``, ``{repo}``, ``{commit}``, ``{path}``, ``{ref}``.

    Args:
        refs: all refs, by the smart HTTP of git.
        raw: a file.
        archive: a tar.gz of everything, below one folder.
        page: of the repository, for people.
    """

    refs: str
    raw: str
    archive: str
    page: str


HOSTS = {
    "github": GitHost(
        "https://github.com/{owner}/{repo}.git/info/refs?service=git-upload-pack",
        "https://raw.githubusercontent.com/{owner}/{repo}/{commit}/{path}",
        "https://codeload.github.com/{owner}/{repo}/tar.gz/{commit}",
        "https://github.com/{owner}/{repo}",
    ),
    "gitlab": GitHost(
        "https://gitlab.com/{owner}/{repo}.git/info/refs?service=git-upload-pack",
        "https://gitlab.com/{owner}/{repo}/-/raw/{commit}/{path}",
        "https://gitlab.com/{owner}/{repo}/-/archive/{commit}/{repo}-{commit}.tar.gz",
        "https://gitlab.com/{owner}/{repo}",
    ),
    "codeberg": GitHost(
        "https://codeberg.org/{owner}/{repo}.git/info/refs?service=git-upload-pack",
        "https://codeberg.org/{owner}/{repo}/raw/commit/{commit}/{path}",
        "https://codeberg.org/{owner}/{repo}/archive/{commit}.tar.gz",
        "https://codeberg.org/{owner}/{repo}",
    ),
}


class GitHosts:
    """All hosts; the refs of a repository are asked for once.

    Args:
        downloader: that asks.
        hosts: by name.
    """

    def __init__(self, downloader: Downloader, hosts: dict[str, GitHost] | None = None) -> None:
        self._downloader = downloader
        self._hosts = HOSTS if hosts is None else hosts
        self._refs: Once[dict[str, str]] = Once()

    def resolve(self, source: GitHostSource) -> GitHostSource:
        """The source with a commit for its ref.

        Where the first part of a path belongs to the ref, as it may in the address of a page
        (``/tree/feature/x/lib``), it goes there.

        Raises:
            PackageNotFoundError: there is no such repository or ref.
        """
        if COMMIT.fullmatch(source.ref):
            return source
        refs = self.refs(source)
        parts = source.path.split("/") if source.path and source.ref else []
        for count in range(len(parts) + 1):
            ref = "/".join([source.ref, *parts[:count]])
            for name in (f"refs/tags/{ref}", f"refs/heads/{ref}") if ref else ("HEAD",):
                if name in refs:
                    path = "/".join(parts[count:]) if parts else source.path
                    return replace(source, ref=refs[name], path=path)
        page = self._hosts[source.host].page.format(owner=source.owner, repo=source.repo)
        if _SHORT_COMMIT.fullmatch(source.ref):
            hint = f"{page} has no tag or branch {source.ref!r}; of a commit give all 40 digits"
            raise PackageNotFoundError(hint)
        what = f"no tag or branch {source.ref!r}" if source.ref else "no commit yet"
        raise PackageNotFoundError(f"{page} has {what}")

    def address(self, source: GitHostSource, path: str | None = None) -> str:
        """Where a file is, by the commit of a source that is resolved.

        Args:
            source: resolved.
            path: of the file in the repository; the source's by default.
        """
        return self._hosts[source.host].raw.format(
            owner=quote(source.owner),
            repo=quote(source.repo),
            commit=source.ref,
            path=quote(source.path if path is None else path),
        )

    def file(self, source: GitHostSource, path: str | None = None) -> bytes | None:
        """A file of the repository; None: there is none."""
        try:
            return self._downloader.get(self.address(source, path))
        except NothingThereError:
            return None

    def folder(self, source: GitHostSource) -> dict[str, bytes]:
        """The files below the source's path, without what begins with a dot.

        Raises:
            PackageNotFoundError: there are none.
            UnsafePathError: one of them is a link, or has a name that is refused.
        """
        template = self._hosts[source.host].archive
        url = template.format(owner=source.owner, repo=source.repo, commit=source.ref)
        files = unpack(self._downloader.get(url), public_url(url), below=f"*/{source.path}")
        shown = {
            name: data
            for name, data in files.items()
            if not any(part.startswith(".") for part in name.split("/"))
        }
        if not shown:
            page = self._hosts[source.host].page.format(owner=source.owner, repo=source.repo)
            what = f"nothing at {source.path!r}" if source.path else "no files"
            raise PackageNotFoundError(f"{page} has {what} in {source.ref[:12]}")
        return shown

    def refs(self, source: GitHostSource) -> dict[str, str]:
        """All refs of a repository, as commits.

        Raises:
            PackageNotFoundError: there is no such repository.
        """
        key = (source.host, source.owner, source.repo)
        return self._refs.get(key, lambda: self._asked_refs(source))

    def _asked_refs(self, source: GitHostSource) -> dict[str, str]:
        host = self._hosts[source.host]
        url = host.refs.format(owner=quote(source.owner), repo=quote(source.repo))
        try:
            data = self._downloader.get(url, most=32 << 20)
        except NothingThereError as error:
            page = host.page.format(owner=source.owner, repo=source.repo)
            raise PackageNotFoundError(f"no repository is at {page}") from error
        return read_refs(data, public_url(url))


def read_refs(data: bytes, where: str) -> dict[str, str]:
    """The refs that a repository announces, as commits; a tag with a message is what it tags.

    The format: https://git-scm.com/docs/http-protocol (Smart Server Response).

    Raises:
        DownloadError: it is no such announcement.
    """
    refs: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            size = int(data[at : at + 4], 16)
            line = data[at + 4 : at + size].split(b"\0")[0].decode().rstrip("\n")
            if len(data) < at + max(size, 4) or size in (1, 2, 3):
                raise ValueError("it ends too early")
            at += max(size, 4)
            commit, _, name = line.partition(" ")
            if size > 4 and not line.startswith("#"):
                if not COMMIT.fullmatch(commit):
                    raise ValueError(f"{commit[:50]!r} is no commit")
                refs[name.removesuffix("^{}")] = commit  # what is tagged follows the tag
    except ValueError as error:
        raise DownloadError(f"{where} is no list of refs: {error}", url=where) from error
    refs.pop("capabilities", None)
    return refs
