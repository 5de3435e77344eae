# SPDX-License-Identifier: Apache-2.0
"""Recordings of tests: each has its own cassettes, so that any choice of tests can be played."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from belay.testing.slots import Slot
from belay.transports.boardtables import NO_TABLE

__all__ = ["Tapes"]

_UNSAFE = re.compile(r"[^\w\[\],=+-]+")
_LONGEST = 100


class Tapes:
    """A folder with what was said to the boards of tests.

    The boards of ``tests/test_x.py::test_y`` are in ``tests/test_x.py/test_y.1.NAME.cassette``, and
    so on by number; ``test_y.skipped`` tells why a test had none.

    Args:
        folder: which.
        slots: the boards of this run, for their wiring.
    """

    def __init__(self, folder: Path, slots: list[Slot]) -> None:
        self._folder = folder
        self._slots = slots

    def to_record(self, test: str, number: int, board: str) -> Path:
        """Where a board of a test is recorded; earlier recordings with another board are removed.

        Args:
            test: its id.
            number: of the board, counted from 1.
            board: its name.
        """
        path = self._path(test, f"{number}.{_safe(board)}.cassette")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path(test, "skipped").unlink(missing_ok=True)
        for place, _, old in self._recorded(test):
            if old != path and place >= number:
                old.unlink(missing_ok=True)
        return path

    def was_skipped(self, test: str, reason: str) -> None:
        """A test got no board."""
        path = self._path(test, "skipped")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{reason}\n", encoding="utf-8")

    def skipped(self, test: str) -> str:
        """Why a test got no board when it was recorded; empty where it did."""
        path = self._path(test, "skipped")
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""

    def played(self, test: str, number: int) -> Slot | None:
        """The recording of a board of a test, in its place; None where there is none."""
        for place, board, path in self._recorded(test):
            if place == number:
                same = (slot for slot in self._slots if _safe(slot.name) == board)
                known = next(same, None)
                name = known.name if known is not None else board
                table = known.table if known is not None else NO_TABLE
                return Slot(name, f"replay:{path}", table._replace(reset=None, power=None))
        return None

    def __str__(self) -> str:
        return str(self._folder)

    def _place(self, test: str) -> tuple[Path, str]:
        """The folder of a test's recordings, and what their names begin with."""
        file, _, name = test.partition("::")
        parts = [part for part in Path(file).parts if part not in ("..", "/", "\\")]
        return self._folder.joinpath(*parts), ".".join(map(_safe, name.split("::")))

    def _path(self, test: str, ending: str) -> Path:
        folder, name = self._place(test)
        return folder / f"{name}.{ending}"

    def _recorded(self, test: str) -> list[tuple[int, str, Path]]:
        """Number, board and path of each recording of a test."""
        folder, name = self._place(test)
        pattern = re.compile(re.escape(name) + r"\.(\d+)\.([^.]+)\.cassette")
        found = [(pattern.fullmatch(path.name), path) for path in folder.glob("*.cassette")]
        return [(int(match[1]), match[2], path) for match, path in found if match is not None]


def _safe(text: str) -> str:
    """A text as a part of a file's name, another one for every text."""
    safe = _UNSAFE.sub("-", text)
    if safe == text and len(safe) <= _LONGEST:
        return safe
    return f"{safe[:_LONGEST]}~{hashlib.sha256(text.encode()).hexdigest()[:8]}"
