# SPDX-License-Identifier: Apache-2.0
"""What the package manager speaks of: requirements, sources, candidates, files and the lock.

Plain values, equal by what they hold. Nothing here reads, downloads or decides.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from belay.errors import UnsafePathError

__all__ = [
    "MAIN",
    "PROJECT",
    "SOURCE_TARGET",
    "BundleSource",
    "Candidate",
    "GitHostSource",
    "GitSource",
    "IndexSource",
    "Lock",
    "LockedFile",
    "LockedPackage",
    "PathSource",
    "RemoteFile",
    "Requirement",
    "Source",
    "Target",
    "UrlSource",
    "destination_key",
    "safe_destination",
    "short_version",
]

Target = str
"""For whom a file is: ``"py"`` for source, ``"mpy6"`` for the ABI 6 of ``.mpy`` files."""

SOURCE_TARGET: Target = "py"

MAIN = "main"
"""The group of ``[tool.belay.dependencies]``."""

PROJECT = "."
"""Who requires a package that the project itself requires; no package has this name."""


@dataclass(frozen=True, slots=True)
class IndexSource:
    """An index of packages, laid out as ``https://micropython.org/pi/v2`` is."""

    index: str

    @property
    def text(self) -> str:
        """Such as ``index+https://micropython.org/pi/v2``."""
        return f"index+{self.index}"


@dataclass(frozen=True, slots=True)
class GitHostSource:
    """A file, a folder or a package in a repository of a host that gives single files.

    Args:
        host: ``"github"``, ``"gitlab"`` or ``"codeberg"``.
        owner: of the repository; with subgroups on GitLab: ``"group/subgroup"``.
        repo: its name.
        path: in it; empty for its root.
        ref: tag, branch or commit; empty for the default branch.
    """

    host: str
    owner: str
    repo: str
    path: str = ""
    ref: str = ""

    @property
    def text(self) -> str:
        """Such as ``github:owner/repo/path@ref``."""
        mark = "/-" if "/" in self.owner else ""  # ends the repository, as GitLab's pages have it
        path = f"{mark}/{self.path}" if self.path else mark
        ref = f"@{self.ref}" if self.ref else ""
        return f"{self.host}:{self.owner}/{self.repo}{path}{ref}"


@dataclass(frozen=True, slots=True)
class GitSource:
    """Any git repository.

    Args:
        url: of the repository, without ``git+``.
        ref: tag, branch or commit; empty for the default branch.
        subdirectory: of the package in it; empty for its root.
    """

    url: str
    ref: str = ""
    subdirectory: str = ""

    @property
    def text(self) -> str:
        """Such as ``git+https://host/repo.git@ref#subdirectory=lib``."""
        ref = f"@{self.ref}" if self.ref else ""
        subdirectory = f"#subdirectory={self.subdirectory}" if self.subdirectory else ""
        return f"git+{self.url}{ref}{subdirectory}"


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file, a ``package.json``, or an archive (``.zip``, ``.tar.gz``) of the web."""

    url: str

    @property
    def text(self) -> str:
        """The URL."""
        return self.url


@dataclass(frozen=True, slots=True)
class PathSource:
    """A file or folder of this computer; a relative path is relative to the project."""

    path: str

    @property
    def text(self) -> str:
        """The path; one that is relative begins with a dot."""
        plain = self.path.startswith((".", "/", "~")) or re.match(r"[A-Za-z]:[\\/]", self.path)
        return self.path if plain else f"./{self.path}"


@dataclass(frozen=True, slots=True)
class BundleSource:
    """A package of a CircuitPython bundle.

    Args:
        url: of the bundle's JSON manifest, or what names its repository.
        name: of the package in it.
    """

    url: str
    name: str

    @property
    def text(self) -> str:
        """Such as ``bundle:adafruit/Adafruit_CircuitPython_Bundle@20261101#neopixel``."""
        return f"bundle:{self.url}#{self.name}"


Source = IndexSource | GitHostSource | GitSource | UrlSource | PathSource | BundleSource


@dataclass(frozen=True, slots=True)
class Requirement:
    """That a package is wanted, by the project or by another package.

    Args:
        name: as in ``pyproject.toml``, or as the other package says it.
        source: where it is; None: in the indices.
        constraint: which versions will do, such as ``">=1.2"``.
        develop: a local package that is taken afresh whenever it is installed.
        rename_to_init: a single file becomes the ``__init__`` of a package of this name.
        group: of the project's dependencies.
        origin: who asks, such as ``"aiohttp 0.0.6"``.
    """

    name: str
    source: Source | None = None
    constraint: str = "*"
    develop: bool = False
    rename_to_init: bool = True
    group: str = MAIN
    origin: str = ""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a package where it can be had.

    Args:
        dest: on the board, below ``/lib``: ``"aiohttp/__init__.py"``.
        url: where it is.
        sha256: of its bytes, as hex; empty while it is not known.
        size: in bytes; -1 while it is not known.
        target: for whom it is.
    """

    dest: str
    url: str
    sha256: str = ""
    size: int = -1
    target: Target = SOURCE_TARGET


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version of a package: what a source offers.

    Args:
        name: of the package.
        version: as the source writes it; a commit or a digest where there are no versions.
        source: resolved: a git source names its commit.
        files: for all targets.
        requires: other packages that it needs.
    """

    name: str
    version: str
    source: Source
    files: tuple[RemoteFile, ...] = ()
    requires: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file of the lock: which bytes, where they go, and where they came from.

    Args:
        dest: on the board, below ``/lib``.
        target: for whom it is.
        sha256: of its bytes: 64 hex digits.
        size: in bytes.
        url: where it was.
    """

    dest: str
    target: Target
    sha256: str
    size: int
    url: str


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A package of the lock.

    Args:
        name: of the package.
        version: that was chosen.
        source_text: as the requirement has it (:attr:`Source.text`).
        commit: of a git source; empty for others.
        requires: names of the packages that it needs.
        required_by: who needs it: names of packages, and ``PROJECT`` for the project itself.
        groups: of the project that need it, directly or not.
        files: for all targets.
        resolved: the source where it differs from ``source_text``: with a commit for a branch,
            with a tag for the newest release of a bundle.
    """

    name: str
    version: str
    source_text: str
    commit: str = ""
    requires: tuple[str, ...] = ()
    required_by: tuple[str, ...] = ()
    groups: tuple[str, ...] = (MAIN,)
    files: tuple[LockedFile, ...] = ()
    resolved: str = ""

    @property
    def title(self) -> str:
        """Name and version, as people read them; of a commit or a digest the beginning."""
        return f"{self.name} {short_version(self.version)}".rstrip()


@dataclass(frozen=True, slots=True)
class Lock:
    """All packages of a project, and the digest of the requirements that they fulfil."""

    requirements_hash: str
    packages: tuple[LockedPackage, ...] = field(default=())


def short_version(text: str) -> str:
    """A version for people: of a commit or a digest the beginning."""
    return text[:8] if re.fullmatch(r"[0-9a-f]{40,64}", text) else text


_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\.|$)", re.IGNORECASE
)
"""Names that are devices on Windows, whatever follows the dot."""

_LONGEST = 1024
"""Characters of a destination."""


def safe_destination(text: str) -> str:
    """A destination that stays inside its folder on every computer and board.

    It is refused if it is absolute, contains ``..``, an empty part, a backslash, a character that
    is not to be seen or that means something on Windows (so no drive letters either), a name that
    is a device there, or a part that ends with a dot or a space, which Windows drops.

    Args:
        text: as a package has it: POSIX, relative.

    Returns:
        It without parts that are ``.``.

    Raises:
        UnsafePathError: it is refused; the message says why.
    """
    if len(text) > _LONGEST:
        raise UnsafePathError(f"destination {text[:60]!r}… is longer than {_LONGEST} characters")
    if text.startswith("/"):
        raise UnsafePathError(f"destination {text!r} is absolute")
    parts = [part for part in text.split("/") if part != "."]
    if not parts:
        raise UnsafePathError(f"destination {text!r} names no file")
    for part in parts:
        if reason := _why_unsafe(part):
            raise UnsafePathError(f"destination {text!r} {reason}")
    return "/".join(parts)


def _why_unsafe(part: str) -> str:
    if not part:
        return "has an empty part"
    if part == "..":
        return "contains '..'"
    if "\\" in part:
        return "contains a backslash"
    hidden = next((c for c in part if unicodedata.category(c) in _UNSEEN), None)
    if hidden is not None:
        return f"contains the character U+{ord(hidden):04X}, which is not to be seen"
    if re.match(r"[A-Za-z]:", part):
        return "contains a drive letter"
    if special := next((c for c in part if c in '<>:"|?*'), None):
        return f"contains {special!r}, which names no file on Windows"
    if part.endswith((".", " ")):
        return f"has a part that ends with {part[-1]!r}, which Windows drops"
    if _RESERVED.match(part):
        return f"contains {part!r}, which is a device on Windows"
    return "has a part of more than 255 bytes" if len(part.encode()) > 255 else ""


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def destination_key(dest: str) -> str:
    """What two destinations share that are one file where case or accents do not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", dest).casefold())
