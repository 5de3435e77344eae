# SPDX-License-Identifier: Apache-2.0
"""What a dashboard does with the files of a board. Every method waits for the board's turn."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from belay.sync.manifest import digest

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["LARGEST_TEXT", "Changed", "FileWork", "Opened", "There"]

LARGEST_TEXT = 200_000
"""Bytes of the largest file that is opened as text."""

_LONE = re.compile(r"\r(?!\n)")


class There(Exception):
    """A file of that name is there already; nothing was done."""


class Changed(Exception):
    """The file is not any more what it was when it was opened; nothing was written."""


class Opened(NamedTuple):
    """A file that was opened.

    Attributes:
        path: on the board.
        text: what is in it; None where it is no text to edit.
        why: why not; or what becomes of its line ends.
        size: bytes.
        stamp: tells what was in it; given back when it is saved.
    """

    path: str
    text: str | None
    why: str
    size: int
    stamp: str


class FileWork:
    """The files of one board.

    Args:
        device: the board.
    """

    def __init__(self, device: Device) -> None:
        self._device = device

    def listed(self) -> list[tuple[str, int]]:
        """All paths, sorted by folder; the size of files, -1 for folders. One message."""
        manifest = self._device.files.manifest("/")
        found = [(path, file.size) for path, file in manifest.files.items()]
        found += [(path, -1) for path in manifest.folders if path != "/"]
        return sorted(found, key=lambda one: one[0].split("/"))

    def open(self, path: str) -> Opened:
        """Read a file for an editor; one message for a small one."""
        size = self._device.files.stat(path).size
        if size > LARGEST_TEXT:
            text = f"{size:,} bytes are too many to edit here (at most {LARGEST_TEXT:,})"
            return Opened(path, None, text, size, "")
        data = self._device.files.read(path)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return Opened(path, None, "its bytes are no text (UTF-8)", len(data), "")
        if "\0" in text:
            return Opened(path, None, "it is binary: there are zero bytes in it", len(data), "")
        return Opened(path, text, _of_line_ends(text), len(data), _stamp(data))

    def save(self, path: str, text: str, stamp: str, *, force: bool = False) -> Opened:
        r"""Write what was edited; two messages, and one more for a second hash.

        Args:
            path: on the board.
            text: what will be in it. Where the line ends were ``\r\n``, they are again.
            stamp: of what was opened; empty for a new file.
            force: also if the file has changed since.

        Raises:
            Changed: it has changed, or it is gone.
        """
        files = self._device.files
        ends, _, _ = stamp.partition(":")
        data = (text.replace("\n", "\r\n") if ends == "crlf" else text).encode()
        if not force:
            try:
                kind, now = files.hash(path)
            except FileNotFoundError:
                if stamp:
                    raise Changed("it is not on the board any more") from None
            else:
                if not stamp:
                    raise Changed("a file of that name is on the board already")
                if f"{kind}={now.hex()}" not in stamp.split(":"):
                    raise Changed("it was changed on the board since it was opened")
        files.write(path, data)
        return Opened(path, text, "", len(data), _stamp(data))

    def upload(self, folder: str, name: str, data: bytes, *, replace: bool = False) -> str:
        """Put a file on the board; returns its path.

        Raises:
            There: there is one already, and it is not to be replaced.
            ValueError: that is no name for a file.
        """
        path = posixpath.join(folder, _checked(name))
        if not replace and self._device.files.exists(path):
            raise There(path)
        self._device.files.write(path, data)
        return path

    def make_folder(self, folder: str, name: str) -> str:
        """Make a folder in a folder; returns its path."""
        path = posixpath.join(folder, _checked(name))
        self._device.files.mkdir(path)
        return path

    def rename(self, path: str, name: str) -> str:
        """Give a file or folder another name, in the folder where it is; returns its path.

        Raises:
            FileExistsError: there is one of that name.
        """
        new = posixpath.join(posixpath.dirname(path), _checked(name))
        if new == path:
            return path
        if self._device.files.exists(new):
            raise FileExistsError(f"{new} is there already; nothing was renamed")
        self._device.files.rename(path, new)
        return new

    def delete(self, path: str) -> int:
        """Remove a file, or a folder with all that is in it; returns how many were removed."""
        return len(self._device.files.remove(path, recursive=True))

    def download(self, path: str) -> bytes:
        """What is in a file."""
        return self._device.files.read(path)


def _checked(name: Any) -> str:
    """A name that a file of a board can have, in a folder that is given.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(name, str) or name in ("", ".", "..") or re.search(r"[/\\\0\r\n]", name):
        raise ValueError(f"{name!r} is no name for a file or folder")
    return name


def _of_line_ends(text: str) -> str:
    """What an editor would do to the ends of lines."""
    windows = text.count("\r\n")
    if _LONE.search(text) or 0 < windows < text.count("\n"):
        return "it has line ends of several kinds: saving makes all of them \\n"
    return ""


def _stamp(data: bytes) -> str:
    """What tells later whether the file is still the same, for each hash that boards have."""
    text = data.decode("utf-8", "replace")
    windows = text.count("\r\n")
    ends = "crlf" if windows and windows == text.count("\n") and not _LONE.search(text) else "lf"
    hashes = [f"{kind}={digest(data, kind).hex()}" for kind in ("sha256", "crc32")]
    return ":".join([ends, *hashes])
