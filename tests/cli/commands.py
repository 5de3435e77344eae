# SPDX-License-Identifier: Apache-2.0
"""Commands that the tests add to the table."""

from __future__ import annotations

import belay
from belay.cli.boards import Board, each_board
from belay.cli.options import ANY_BOARD, BoardOptions, Json, Words


def fail() -> None:
    """Fail as a port that is not there does."""
    raise belay.PortNotFoundError("There is no port /dev/nowhere.")


def interrupt() -> None:
    """Be stopped."""
    raise KeyboardInterrupt


def double(number: int) -> None:
    """Double a number.

    And tell it, in a sentence
    of two lines.

    Args:
        number: which.

    Examples:
        belay double 21
    """
    print(2 * number)


def status() -> int:
    """Return a status."""
    return 7


def missing() -> None:
    """Open a file that is not there."""
    with open("no-such-file", encoding="utf-8"):
        pass


def spell(*words: Words, boards: BoardOptions = ANY_BOARD, json: Json = False) -> int:
    """Ask each board for the sum of words."""
    split = boards.split(words, least=1)

    def work(board: Board) -> str:
        return str(board.device(f"{' '.join(split.words)!r}.upper()"))

    return each_board(split, work, lambda board, found: board.print(found), json=json)
