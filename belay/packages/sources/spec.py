# SPDX-License-Identifier: Apache-2.0
"""Text that names a source, as ``pyproject.toml`` and ``package.json`` have it.

======================================================  ========================================
Text                                                    Source
======================================================  ========================================
``github:owner/repo/path@ref`` (``gitlab:``,            a file, a folder or a package of a host
``codeberg:``), and the addresses of their web pages
``git+https://host/repo.git@ref#subdirectory=lib``      any git repository (``git+ssh``,
                                                        ``git+file``, ``git@host:repo.git``)
``https://host/lib.zip`` (``.tar.gz``, ``.py`` …)       a file, an archive or a ``package.json``
``bundle:owner/repo@tag#name``                          a package of a CircuitPython bundle
``index+https://host/pi/v2``                            an index
``lib/sensors``, ``./a.py``, ``/a``, ``~/a``,           a file or folder of this computer
``file:///a``
======================================================  ========================================

Without ``@ref`` the default branch is meant. A ref may have slashes and any number of ``@``.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from belay.errors import ProjectError
from belay.packages.model import (
    BundleSource,
    GitHostSource,
    GitSource,
    IndexSource,
    PathSource,
    Source,
    UrlSource,
)

__all__ = ["HOSTS", "SourceTextError", "check_ref", "inferred_name", "is_archive", "parse_source"]

HOSTS = ("github", "gitlab", "codeberg")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two letters at least: C: is a drive
_SCP = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^/:].*\.git)(?P<rest>[@#].*)?")
_PART = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.~-]*")
_GIT_SCHEMES = ("https", "http", "ssh", "git", "file")
_PAGES = {
    "github.com": ("github", ("blob", "tree", "raw"), 1),
    "gitlab.com": ("gitlab", ("blob", "tree", "raw"), 1),
    "codeberg.org": ("codeberg", ("src", "raw"), 2),  # src/branch/main, src/tag/v1
}
"""By the host of a page: which host, the views that show files, where a ref follows them."""

_ARCHIVE = re.compile(r"\.(?:zip|tar\.gz|tgz|tar)$", re.IGNORECASE)
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\.lock(?:/|$)|[/.]$|^/")


class SourceTextError(ProjectError):
    """Text that names no source; the message says what is wrong with it.

    Attributes:
        text: all of it.
        problem: what is wrong.
    """

    def __init__(self, text: str, problem: str, *, path: str = "", line: int = 0) -> None:
        super().__init__(f"no source: {_shown(text)!r} {problem}", path=path, line=line)
        self.text = text
        self.problem = problem


def parse_source(text: str, *, path: str = "", line: int = 0) -> Source:
    """The source that text names; its ``.text`` names the same again.

    Args:
        text: as people write it. The name of a package in an index is none: ``mip:name`` is
            refused here.
        path: of the file that it stands in, for the message.
        line: in it.

    Raises:
        SourceTextError: it names none.
    """
    try:
        return _parse(text.strip())
    except ProjectError as error:
        if isinstance(error, SourceTextError):
            raise SourceTextError(text, error.problem, path=path, line=line) from error
        raise
    except ValueError as error:  # of urlsplit
        raise SourceTextError(text, f"is no URL: {error}", path=path, line=line) from error


def check_ref(ref: str) -> str:
    """A tag, branch or commit that no program takes for an option or for more than one.

    Raises:
        SourceTextError: it is none.
    """
    if ref.startswith("-"):
        raise SourceTextError(ref, "is no ref: it begins with '-'")
    if not ref or _BAD_REF.search(ref):
        raise SourceTextError(ref, "is no ref of git")
    return ref


def inferred_name(source: Source) -> str:
    """What a package is called whose source is named without a name for it.

    The last part of its path, else the repository, without ``.py`` and the like; a name that can
    be imported. Empty: there is no such name.
    """
    if isinstance(source, BundleSource):
        text = source.name
    elif isinstance(source, GitHostSource):
        text = source.path or source.repo
    elif isinstance(source, GitSource):
        text = source.subdirectory or urlsplit(source.url).path
    elif isinstance(source, UrlSource):
        text = unquote(urlsplit(source.url).path)
    else:
        text = source.path if isinstance(source, PathSource) else ""
    parts = [part for part in re.split(r"[/\\]", text) if part not in ("", ".", "..", "~")]
    if parts and parts[-1] == "package.json":
        parts.pop()
        if not parts and isinstance(source, GitHostSource):
            parts = [source.repo]
    last = re.sub(r"\.(?:mpy|py|json|git|zip|tar\.gz|tgz|tar)$", "", parts[-1] if parts else "")
    name = re.sub(r"[-. ]", "_", last)
    return name if name.isidentifier() else ""


def is_archive(name: str) -> bool:
    """Whether a file of this name is an archive that can be read."""
    return bool(_ARCHIVE.search(name))


def _parse(text: str) -> Source:
    if not text or any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise SourceTextError(text, "is empty" if not text else "has a control character")
    if text.startswith("-"):
        raise SourceTextError(text, "begins with '-'")
    if "::" in text.split("/", 1)[0]:
        raise SourceTextError(text, "names a program of git, which is not run")
    if scp := _SCP.fullmatch(text.removeprefix("git+")):
        url = f"ssh://{scp['user']}@{scp['host']}/{scp['path']}"
        return _git(f"{url}{scp['rest'] or ''}", text)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return PathSource(_plain_path(text))
    return _of_scheme(scheme[1].lower(), text[scheme.end() :], text)


def _of_scheme(kind: str, rest: str, text: str) -> Source:
    if kind in HOSTS:
        return _short(kind, rest, text)
    if kind.startswith("git+"):
        return _git(f"{kind[4:]}:{rest}", text)
    if kind in ("ssh", "git"):
        return _git(text, text)
    if kind.startswith("index+"):
        return IndexSource(_web(f"{kind[6:]}:{rest}", text).rstrip("/"))
    if kind == "bundle":
        return _bundle(rest, text)
    if kind == "file":
        return PathSource(_of_file_url(text))
    if kind in ("http", "https"):
        return _of_page(_web(text, text)) or UrlSource(text)
    reason = "is a package of an index" if kind == "mip" else f"begins with {kind}:, not known"
    raise SourceTextError(text, reason)


def _web(url: str, text: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceTextError(text, "is no address that begins with http:// or https://")
    _ = parts.port  # ValueError: it is none
    if any(c.isspace() for c in url):
        raise SourceTextError(text, "has a space")
    return url


def _short(host: str, rest: str, text: str) -> GitHostSource:
    where, at, ref = rest.partition("@")
    if at and not ref:
        raise SourceTextError(text, "has nothing after '@'")
    parts = where.removesuffix("/").split("/")
    count = 2
    if host == "gitlab" and "-" in parts:  # group/subgroup/repo/-/path
        count = parts.index("-")
        parts.pop(count)
    if len(parts) < count or count < 2:
        raise SourceTextError(text, f"is not {host}:owner/repo")
    return _host_source(host, parts[:count], parts[count:], ref, text)


def _host_source(
    host: str, names: list[str], path: list[str], ref: str, text: str
) -> GitHostSource:
    names = [*names[:-1], names[-1].removesuffix(".git")]
    for name in names:
        if not _PART.fullmatch(name) or set(name) == {"."}:
            raise SourceTextError(text, f"has {name!r} for an owner or a repository")
    inner = _inner_path("/".join(path), text)
    if ref:
        check_ref(ref)
    return GitHostSource(host, "/".join(names[:-1]), names[-1], inner, ref)


def _inner_path(path: str, text: str) -> str:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\\" in path or path.startswith("-"):
        raise SourceTextError(text, "has a path that leaves the repository")
    return "/".join(parts)


def _of_page(url: str) -> GitHostSource | None:
    """What a page of a host shows, if it shows a file, a folder or a repository."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    path = [unquote(part) for part in parts.path.split("/") if part]
    if host == "raw.githubusercontent.com":
        host, path = "github.com", [*path[:2], "raw", *path[2:]]
    if host not in _PAGES or len(path) < 2 or parts.query:
        return None
    name, views, ref_at = _PAGES[host]
    names, view = path[:2], path[2:]
    if name == "gitlab":
        cut = path.index("-") if "-" in path else len(path)
        names, view = path[:cut], path[cut + 1 :]
    if not view:
        return _host_source(name, names, [], "", url)
    if view[0] not in views or len(view) <= ref_at:
        return None
    rest = view[ref_at:]
    if rest[0] == "refs" and rest[1:2] in (["heads"], ["tags"]) and len(rest) > 2:
        rest = rest[2:]
    return _host_source(name, names, rest[1:], rest[0], url)


def _git(url: str, text: str) -> GitSource:
    url, _, fragment = url.partition("#")
    parts = urlsplit(url)
    if parts.scheme not in _GIT_SCHEMES:
        raise SourceTextError(text, f"is not of {', '.join(_GIT_SCHEMES)}")
    if (parts.scheme == "file") == bool(parts.netloc):
        problem = "is not file:///path" if parts.netloc else "has no host"
        raise SourceTextError(text, problem)
    if (parts.hostname or "").startswith("-") or parts.netloc.startswith("-"):
        raise SourceTextError(text, "has a host that begins with '-'")
    path, at, ref = parts.path.partition("@")
    if not path.strip("/") or path.startswith("/-"):
        raise SourceTextError(text, "names no repository")
    if at:
        check_ref(ref)
    subdirectory = ""
    if fragment:
        name, _, value = fragment.partition("=")
        if name != "subdirectory" or not value:
            raise SourceTextError(text, "has something else than subdirectory= after '#'")
        subdirectory = _inner_path(value, text)
    plain = f"{parts.scheme}://{parts.netloc}{path}"
    return GitSource(plain, ref, subdirectory)


def _bundle(rest: str, text: str) -> BundleSource:
    url, _, name = rest.partition("#")
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise SourceTextError(text, "has no #name of a package after it")
    if _SCHEME.match(url):
        _web(url, text)
    else:
        where, at, ref = url.partition("@")
        if not re.fullmatch(rf"{_PART.pattern}/{_PART.pattern}", where):
            raise SourceTextError(text, "is not bundle:owner/repo@tag#name")
        if at:
            check_ref(ref)
    return BundleSource(url, name)


def _of_file_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise SourceTextError(text, "is not file:///path")
    path = unquote(parts.path)
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path


def _plain_path(text: str) -> str:
    return text.removeprefix("./") or "."


def _shown(text: str) -> str:
    """It without what may be a password, and no longer than a line."""
    text = re.sub(r"(//)[^/@]*@", r"\1", text)
    return text if len(text) <= 120 else text[:119] + "…"
