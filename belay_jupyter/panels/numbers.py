# SPDX-License-Identifier: Apache-2.0
"""What a dashboard knows of a board: its facts, its memory, and what it has said."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from belay_jupyter.boards import SPELLED

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["KEPT_LINES", "KEPT_SAMPLES", "MEMORY", "Log", "Sample", "facts_of", "sample_of"]

KEPT_SAMPLES = 600
"""Samples of memory that are kept: ten minutes, at one a second."""

KEPT_LINES = 500
"""Lines of the log that are kept, the newest."""

_LONGEST = 1000
"""Characters of a line of the log."""

MEMORY = (
    "(lambda g,o:(g.collect(),getattr(g,'mem_free',int)(),getattr(g,'mem_alloc',int)(),"
    "getattr(o,'statvfs',lambda p:())('/')[:4]))(__import__('gc'),__import__('os'))"
)
"""What a poll asks: the garbage is collected, so that what is free is what a program can have."""


class Sample(NamedTuple):
    """How full a board is.

    Attributes:
        time: of this computer, seconds since 1970.
        heap: bytes used, and bytes in all; zeros where the board does not tell.
        flash: the same of the file system at ``/``.
    """

    time: float
    heap: tuple[int, int]
    flash: tuple[int, int]


def sample_of(answer: Any) -> Sample:
    """What the board answers to :data:`MEMORY`.

    Raises:
        ValueError, TypeError: it is something else; a board may say anything.
    """
    _, free, used, files = answer
    return Sample(time.time(), (int(used), int(free) + int(used)), _space(files))


def _space(files: Sequence[int]) -> tuple[int, int]:
    """Bytes used and bytes in all, of the first four numbers of ``os.statvfs``."""
    if len(files) < 4:
        return 0, 0
    block, fragment, blocks, free = files[:4]
    size = int(fragment or block)
    return (int(blocks) - int(free)) * size, int(blocks) * size


def facts_of(device: Device, told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The firmware and the chip, as names and texts.

    Args:
        device: the board.
        told: what it answers to the question of belay/onboard/measuring.py; may be empty.
    """
    known = device.implementation
    version = ".".join(map(str, known.version))
    facts = [
        ("Firmware", f"{SPELLED.get(known.name, known.name)} {version}"),
        ("Port", known.platform),
        ("Machine", str(told.get("machine", "") or "")),
        ("Address", device.address),
    ]
    if known.arch:
        facts.append(("Architecture", known.arch))
    if known.emitters:
        facts.append(("Native code", ", ".join(known.emitters)))
    frequency = told.get("frequency")
    if isinstance(frequency, (tuple, list)):
        frequency = frequency[0] if frequency else None
    if isinstance(frequency, (int, float)):
        facts.append(("Frequency", f"{frequency / 1e6:g} MHz"))
    if isinstance(told.get("id"), bytes):
        facts.append(("Unique id", told["id"].hex()))
    return [(name, text) for name, text in facts if text]


class Log:
    """The newest lines of what a board has said outside of cells, and of what became of its link.

    One that is not ended grows. Lines are numbered, so that a reader knows what it has.
    """

    def __init__(self) -> None:
        self.lines: deque[tuple[int, float, str, str]] = deque(maxlen=KEPT_LINES)
        self._count = 0
        self._open = False

    def event(self, text: str) -> list[tuple[int, float, str, str]]:
        """Something happened to the link; returns the lines that are new or have changed."""
        self._open = False
        return [self._add("event", text)]

    def printed(self, text: str) -> list[tuple[int, float, str, str]]:
        """The board has printed; returns the lines that are new or have changed."""
        changed = []
        for part in text.splitlines(keepends=True):
            line = part.rstrip("\r\n")[:_LONGEST]
            if self._open:
                number, moment, kind, before = self.lines.pop()
                again = (number, moment, kind, (before + line)[:_LONGEST])
                self.lines.append(again)
                changed.append(again)
            else:
                changed.append(self._add("print", line))
            self._open = not part.endswith(("\n", "\r"))
        return changed

    def _add(self, kind: str, text: str) -> tuple[int, float, str, str]:
        self._count += 1
        line = (self._count, time.time(), kind, text)
        self.lines.append(line)
        return line
