# SPDX-License-Identifier: Apache-2.0
"""``belay circuitpython``: who may write to a board's files, the board or the computer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belay.cli.boards import Board, each_board
from belay.cli.options import ANY_BOARD, BoardOptions, Words
from belay.cli.usage import UsageError

if TYPE_CHECKING:
    from belay.circuitpython import Change

__all__ = ["disable_write", "enable_write"]


def enable_write(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    pin: str | None = None,
    drive: Path | None = None,
    take_drive: bool = False,
    no_reset: bool = False,
) -> int:
    """Let a CircuitPython board write its own files, which sync and cp need.

    A few lines in its boot.py do it; your own lines there stay. From then on computers can only
    read the drive CIRCUITPY, until `belay circuitpython disable-write`.

    Args:
        words: PORT.
        boards: which boards.
        pin: only if this pin is connected to GND when the board starts, such as GP14.
        drive: the folder where this computer shows the drive; it is looked for by default.
        take_drive: where there is no drive to write through, take it from the computer that has
            it. What that is just writing would be damaged.
        no_reset: do not start the board anew; the change counts from its next start on.

    Examples:
        belay circuitpython enable-write
        belay circuitpython enable-write /dev/ttyACM0 --pin GP14
    """
    from belay.circuitpython import enable_write as enable

    def change(device: Any) -> Change:
        return enable(device, pin, drive=drive, take_drive=take_drive, reset=not no_reset)

    return _changed(words, boards, change)


def disable_write(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    drive: Path | None = None,
    take_drive: bool = False,
    no_reset: bool = False,
) -> int:
    """Let computers write to the drive of a CircuitPython board again.

    It takes out of boot.py what `belay circuitpython enable-write` has put there.

    Args:
        words: PORT.
        boards: which boards.
        drive: the folder where this computer shows the drive; it is looked for by default.
        take_drive: where there is no drive to write through, take it from the computer that has
            it. What that is just writing would be damaged.
        no_reset: do not start the board anew; the change counts from its next start on.

    Examples:
        belay circuitpython disable-write
        belay circuitpython disable-write -t feather
    """
    from belay.circuitpython import disable_write as disable

    def change(device: Any) -> Change:
        return disable(device, drive=drive, take_drive=take_drive, reset=not no_reset)

    return _changed(words, boards, change)


def _changed(words: tuple[str, ...], boards: BoardOptions, change: Callable[[Any], Change]) -> int:
    split = boards.split(words, most=0)

    def work(board: Board) -> Change:
        try:
            return change(board.device)
        except ValueError as error:
            raise UsageError(str(error)) from None

    def show(board: Board, made: Change) -> None:
        board.print(made.text())

    return each_board(split, work, show, startup="")
