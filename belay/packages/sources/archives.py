# SPDX-License-Identifier: Apache-2.0
"""Files of archives that nobody vouches for: zip, tar and tar.gz, read in memory and bounded.

Nothing is unpacked to disk. A link, a device, a name that leaves its folder, two names that are one
file, or more bytes than allowed: the whole archive is refused.
"""

from __future__ import annotations

import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, cast

from belay.errors import IntegrityError, UnsafePathError
from belay.packages.model import destination_key, safe_destination

__all__ = ["MOST_FILES", "MOST_UNPACKED", "unpack", "without_common_folder"]

MOST_UNPACKED = 128 << 20
"""Bytes of all files of an archive together."""

MOST_FILES = 20_000

_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError,
    OSError, NotImplementedError, RuntimeError, ValueError, IndexError, OverflowError, KeyError,
)  # fmt: skip
"""What the standard library raises for archives that are none."""


def unpack(
    data: bytes, name: str, *, below: str = "", most: int = MOST_UNPACKED
) -> dict[str, bytes]:
    """The files of an archive, by their names in it.

    Args:
        data: the archive; what kind it is its first bytes say.
        name: of it, for messages.
        below: the folder in it that is wanted; what else there is is not looked at. With
            ``*/`` in front, whatever the folder at the top is called.
        most: bytes of all files, the others included.

    Raises:
        IntegrityError: it is no archive, is damaged, or holds more.
        UnsafePathError: it holds a link, a device or a name that is refused.
    """
    files: dict[str, bytes] = {}
    seen: dict[str, str] = {}
    try:
        members = _zip(data, most) if data[:2] == b"PK" else _tar(data, most)
        for member, kind, content in members:
            inner = _below(member, below)
            if inner is None:
                continue
            if kind:
                raise UnsafePathError(f"{name}: {member!r} is {kind}")
            dest = safe_destination(inner)
            other = seen.setdefault(destination_key(dest), dest)
            if other != dest or dest in files:
                raise UnsafePathError(f"{name}: {other!r} and {dest!r} are one file")
            files[dest] = content
    except UnsafePathError as error:
        text = str(error)
        raise UnsafePathError(text if text.startswith(name) else f"{name}: {text}") from error
    except _TooMuchError as error:
        raise IntegrityError(f"{name} holds {error}") from error
    except _BROKEN as error:
        raise IntegrityError(f"{name} is no archive that can be read: {error}") from error
    return files


def without_common_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files without the one folder that all of them are in, if there is one."""
    tops = {name.partition("/")[0] for name in files}
    if len(tops) != 1 or any("/" not in name for name in files):
        return files
    return {name.partition("/")[2]: data for name, data in files.items()}


class _TooMuchError(Exception):
    """An archive is larger than allowed."""


Member = tuple[str, str, bytes]
"""Name, what is wrong with its kind ("" for a file), content."""


def _below(member: str, below: str) -> str | None:
    """The name seen from the folder that is wanted; None: it is not in there."""
    if not below:
        return member
    if below.startswith("*/"):
        member, below = member.partition("/")[2], below[2:]
    if not below:
        return member or None
    prefix = below.strip("/") + "/"
    return member[len(prefix) :] if member.startswith(prefix) else None


def _zip(data: bytes, most: int) -> Iterator[Member]:
    left = most
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_FILES:
            raise _TooMuchError(f"more than {MOST_FILES:,} files")
        for entry in entries:
            # orig_filename: zipfile cuts at NUL and, on Windows, turns backslashes.
            name = entry.orig_filename
            if name.endswith("/"):
                continue
            mode = entry.external_attr >> 16
            kind = stat.S_IFMT(mode) if entry.create_system == 3 else 0
            if kind not in (0, stat.S_IFREG):
                yield name, "a link" if kind == stat.S_IFLNK else "no plain file", b""
                continue
            if entry.flag_bits & 1:
                yield name, "encrypted", b""
                continue
            with archive.open(entry) as file:
                content = file.read(left + 1)
            left -= len(content)
            if left < 0:
                raise _TooMuchError(f"more than {most:,} bytes")
            yield name, "", content


def _tar(data: bytes, most: int) -> Iterator[Member]:
    plain: IO[bytes] = io.BytesIO(data)
    if data[:2] == b"\x1f\x8b":
        plain = cast("IO[bytes]", gzip.GzipFile(fileobj=plain))
    # Headers count as well: a tar can hold endless ones.
    bounded = _Bounded(plain, most + 1024 * MOST_FILES)
    with tarfile.open(fileobj=bounded, mode="r|") as archive:
        count, left = 0, most
        for entry in archive:
            count += 1
            left -= entry.size
            if left < 0:
                raise _TooMuchError(f"more than {most:,} bytes")
            if count > MOST_FILES:
                raise _TooMuchError(f"more than {MOST_FILES:,} files")
            if entry.isdir():
                continue
            if not entry.isreg() or entry.issparse():
                link = entry.issym() or entry.islnk()
                yield entry.name, "a link" if link else "no plain file", b""
                continue
            file = archive.extractfile(entry)
            content = b"" if file is None else file.read()
            if len(content) != entry.size:
                raise tarfile.ReadError("it ends too early")
            yield entry.name, "", content


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream = stream
        self._most = most
        self._left = most

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self._left:
            size = self._left + 1
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _TooMuchError(f"more than {self._most:,} bytes")
        return data
