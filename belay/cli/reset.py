# SPDX-License-Identifier: Apache-2.0
"""``belay reset`` and ``belay bootloader``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from belay.cli.boards import Board, each_board
from belay.cli.options import ANY_BOARD, BoardOptions, Words

__all__ = ["bootloader", "reset"]


def reset(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    hard: bool = False,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"))] = False,
) -> int:
    """Start a board anew, as its reset button or Ctrl-D does.

    Its memory is cleared, then boot.py and main.py run; they are left running. The soft reset,
    which is the default, keeps the USB link; a hard one resets the chip, and a board on USB goes
    and comes back.

    Args:
        words: PORT.
        boards: which boards.
        hard: reset the chip.
        follow: show what the board prints from then on, until Ctrl-C. It runs on after that.

    Examples:
        belay reset
        belay reset /dev/ttyACM0 --hard
        belay reset -f
    """

    def work(board: Board) -> None:
        from belay.resetting import restart

        if follow:
            board.stop = board.device._session.drop
        restart(board.device, hard=hard, follow=board.out if follow else None)

    return each_board(boards.split(words, most=0), work, startup="")


def bootloader(*words: Words, boards: BoardOptions = ANY_BOARD) -> int:
    """Start a board's bootloader, which takes new firmware.

    What comes then is the board's business: many appear as a drive to copy a file to. Until it
    has new firmware, or its power is cut, there is no Python on it.

    Args:
        words: PORT.
        boards: which boards.

    Examples:
        belay bootloader /dev/ttyACM0
    """

    def work(board: Board) -> None:
        from belay.resetting import start_bootloader

        start_bootloader(board.device)

    return each_board(boards.split(words, most=0), work, startup="")
