# SPDX-License-Identifier: Apache-2.0
"""The files that are moved: the same ones for every tool."""

from __future__ import annotations

import random
import tempfile
import typing
from pathlib import Path

SIZE = 1 << 16
SOURCE = Path(typing.__file__).read_bytes()
"""Python source as people write it; no two half kilobytes of it are alike."""


class Trees:
    """A folder of this computer in which things change.

    Attributes:
        folder: 50 files of 0.5 KB; a new name each time that all of it is to be new.
        dst: where it goes on the board: a folder of the same name.
        large: a file of 64 KiB.
        back: where a tool that only copies to files puts what it reads back.
    """

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="belay-bench-")
        self._count = 0
        self._random = random.Random(5)
        self.folder = self.large = self.back = Path(self._place.name, "nothing")

    def new_folder(self) -> None:
        """Fifty files that the board has never seen, in a folder that it has not got."""
        self._count += 1
        self.folder = Path(self._place.name, f"t{self._count}")
        self.folder.mkdir()
        for number in range(50):
            text = SOURCE[number * 500 : (number + 1) * 500]
            (self.folder / f"m{number}.py").write_bytes(text)

    @property
    def dst(self) -> str:
        return f"/{self.folder.name}"

    def change_one(self) -> None:
        """One file of 1.2 KB in place of one that was there."""
        self._count += 1
        (self.folder / "m7.py").write_bytes(self._fresh(SOURCE[30_000:], 1200))

    def new_source(self) -> None:
        """64 KiB of source."""
        self._large("source.py", self._fresh(SOURCE, SIZE))

    def new_noise(self) -> None:
        """64 KiB that nothing makes smaller."""
        self._large("noise.bin", self._random.randbytes(SIZE))

    def check(self, data: bytes) -> None:
        """What was read back."""
        if data != self.large.read_bytes():
            raise SystemExit("what was read back is not what was written")

    def _large(self, name: str, data: bytes) -> None:
        self.large = Path(self._place.name, name)
        self.back = Path(self._place.name, f"back-{name}")
        self.large.write_bytes(data)

    def _fresh(self, text: bytes, size: int) -> bytes:
        self._count += 1
        return (b"# %d\n" % self._count + text)[:size]
