# SPDX-License-Identifier: Apache-2.0
"""Cassettes as files: a new one appears whole, and one that says the same stays as it is."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from belay.cassettes.besides import Beside, Said
from belay.cassettes.document import (
    Block,
    Cassette,
    block_text,
    header_text,
    read_cassette,
    written,
)
from belay.errors import CassetteError

__all__ = ["CassetteFile", "load"]

_open: set[Path] = set()
_open_lock = threading.Lock()


def load(path: str | os.PathLike[str]) -> Cassette:
    """Read a cassette.

    Raises:
        CassetteError: there is none, it is damaged, or it is of another format.
    """
    place = Path(os.path.expanduser(path))
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CassetteError(
            f"{place}: there is no such cassette. To record one: "
            f"belay.Device(ADDRESS, record={str(place)!r})"
        ) from None
    except UnicodeDecodeError:
        raise CassetteError(f"{place}: this is no cassette: it is no text") from None
    except OSError as error:
        raise CassetteError(f"{place}: the cassette cannot be read: {error.strerror}") from None
    return read_cassette(text, str(place))


class CassetteFile:
    """A cassette that is being recorded.

    What has been said so far stands in ``NAME.part`` beside it, whatever happens to the program.

    Args:
        path: of the cassette.

    Raises:
        CassetteError: the file cannot be written, or another Device of this process writes it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.expanduser(path))
        self.cassette = Cassette(name=str(self.path))
        self._besides: dict[tuple[str, ...], Beside] = {}
        self._besides_lock = threading.Lock()
        self._part = self.path.with_name(f"{self.path.name}.part")
        self._key = self.path.absolute()
        with _open_lock:
            if self._key in _open:
                raise CassetteError(
                    f"{self.path}: another Device is being recorded there; each needs its own file"
                )
            try:
                self._stream = self._part.open("w", encoding="utf-8", newline="\n")
            except OSError as error:
                raise CassetteError(
                    f"{self.path}: the cassette cannot be written: {error.strerror}"
                ) from None
            _open.add(self._key)

    def begin(self, header: dict[str, object]) -> None:
        """Write the header."""
        self.cassette.header = header
        self._stream.write(header_text(header))
        self._stream.flush()

    def add(self, block: Block) -> None:
        """Write a block."""
        if self._stream.closed:
            return
        self.cassette.blocks.append(block)
        self._stream.write(block_text(len(self.cassette.blocks), block))
        self._stream.flush()

    def add_beside(self, title: str, asked: list[str], said: Said) -> None:
        """Add an answer beside the blocks; it is written at the end. From any thread."""
        key = (title, *asked)
        with self._besides_lock:
            beside = self._besides.get(key)
            if beside is None:
                beside = self._besides[key] = Beside(title, asked)
                self.cassette.besides.append(beside)
            beside.answers.append(said)

    def finish(self) -> None:
        """Put the cassette in its place; where the old one says the same, leave that alone."""
        if self._stream.closed:
            return
        try:
            self._stream.close()
            if self.cassette.header and not self._says_the_same():
                self._part.write_text(written(self.cassette), encoding="utf-8", newline="\n")
                os.replace(self._part, self.path)
        finally:
            with contextlib.suppress(OSError):
                self._part.unlink()
            with _open_lock:
                _open.discard(self._key)

    def _says_the_same(self) -> bool:
        try:
            old = load(self.path)
        except CassetteError:
            return False
        return written(old, times=False) == written(self.cassette, times=False)
