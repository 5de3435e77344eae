# SPDX-License-Identifier: Apache-2.0
"""``belay info``."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from belay.cli.boards import Board, each_board
from belay.cli.options import ANY_BOARD, BoardOptions, Json, Words

if TYPE_CHECKING:
    from belay.boardinfo import BoardInfo

__all__ = ["info"]

_TITLE = 10


def info(*words: Words, boards: BoardOptions = ANY_BOARD, json: Json = False) -> int:
    """Show what a board is: firmware, memory, files, modules.

    The board is not reset; a program that runs on it is interrupted. Memory is what is free after
    a garbage collection.

    Args:
        words: PORT.
        boards: which boards.
        json: print a JSON object, sizes in bytes, the frequency in Hz.

    Examples:
        belay info
        belay info /dev/ttyACM0
        belay info -t all --json
    """

    def work(board: Board) -> dict[str, Any]:
        from belay.boardinfo import board_info

        found = board_info(board.device)
        if not json:
            for line in _lines(found):
                board.print(line)
        return asdict(found)

    return each_board(boards.split(words, most=0), work, json=json, startup="")


def _lines(found: BoardInfo) -> list[str]:
    """The first line is Belay 0.30's: implementation, version, platform."""
    mpy = ", ".join(part for part in (found.mpy_version, found.arch, *found.emitters) if part)
    rows = {
        "board": found.machine,
        "build": found.build,
        "address": found.address,
        "clock": f"{found.frequency / 1e6:g} MHz" if found.frequency else "",
        "unique id": found.unique_id,
        ".mpy files": mpy or "none",
        "heap": _of(found.heap_free, (found.heap_free or 0) + (found.heap_used or 0)),
        "flash": _of(found.flash_free, found.flash_size or 0),
    }
    lines = [f"{found.implementation} v{found.version} - {found.platform}"]
    lines += [f"{title:<{_TITLE}}  {text}" for title, text in rows.items() if text]
    width = max(40, min(100, shutil.get_terminal_size().columns))
    modules = textwrap.wrap(
        " ".join(found.modules) or "not told",
        width,
        initial_indent=f"{'modules':<{_TITLE}}  ",
        subsequent_indent=" " * (_TITLE + 2),
        break_on_hyphens=False,
    )
    return lines + modules


def _of(free: int | None, size: int) -> str:
    if free is None or not size:
        return ""
    return f"{_amount(free)} of {_amount(size)} free"


def _amount(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    if count < 10 * 1024 * 1024:
        return f"{count / 1024:.0f} KiB"
    return f"{count / 1024 / 1024:.0f} MiB"
