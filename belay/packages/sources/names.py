# SPDX-License-Identifier: Apache-2.0
"""Where the files of a package are: in what they come from, and on a board."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit

from belay.errors import UnsafePathError
from belay.packages.model import GitHostSource, GitSource, Source, UrlSource

__all__ = ["MODULES", "folder_of", "inside", "last_part"]

MODULES = (".py", ".mpy")
"""What a single file ends with that becomes ``__init__``."""


def folder_of(name: str) -> str:
    """The folder of a package on a board, by the name of the package."""
    return name.replace(".", "/").replace("-", "_")


def last_part(source: Source) -> str:
    """The last part of the path of a source."""
    if isinstance(source, GitHostSource):
        return posixpath.basename(source.path)
    if isinstance(source, GitSource):
        return posixpath.basename(source.subdirectory)
    url = source.url if isinstance(source, UrlSource) else ""
    return posixpath.basename(unquote(urlsplit(url).path))


def inside(folder: str, relative: str, where: str) -> str:
    """A path from the root of a repository or a folder, that stays in there.

    Args:
        folder: that the path is relative to.
        relative: as a package has it.
        where: it stands, for the message.

    Raises:
        UnsafePathError: it leaves the repository or the folder.
    """
    path = posixpath.normpath(posixpath.join(folder, relative))
    if path.startswith(("../", "/")) or path == ".." or "\\" in path:
        raise UnsafePathError(f"{where}: {relative!r} leaves the folder")
    return path
