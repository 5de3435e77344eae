# SPDX-License-Identifier: Apache-2.0
"""``belay exec``."""

from __future__ import annotations

import io
import textwrap
from typing import Any

from belay.cli.boards import Board, each_board
from belay.cli.options import ANY_BOARD, BoardOptions, Json, Seconds, Words

__all__ = ["execute"]


def execute(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    json: Json = False,
    timeout: Seconds = None,
) -> int:
    """Run a statement on a board, or show an expression's value.

    The board is not reset: the statement sees what is in its memory, and leaves there what it
    makes. What it prints is shown as it comes, and behind it the value of its last expression, as
    the board's own prompt shows it. An exception on the board is shown with its traceback, and
    the exit status is 1.

    Args:
        words: PORT and the statement.
        boards: which boards.
        json: print the value and what was printed as a JSON object.
        timeout: seconds after which it is interrupted.

    Examples:
        belay exec /dev/ttyACM0 'machine.freq()'
        belay exec virtual: 'import os; os.listdir()'
        belay exec -t left -t right 'Pin(25, Pin.OUT).on()'
        belay exec --json 'sys.implementation'
    """
    split = boards.split(words, least=1, most=1)
    statement = textwrap.dedent(split.words[0])

    def work(board: Board) -> dict[str, Any] | None:
        printed = io.StringIO()
        value = board.device.run_cell(
            statement,
            filename="<exec>",
            stream_out=printed if json else board.out,
            timeout=timeout,
            shown=not json,
        )
        if json:
            return {"value": value, "output": printed.getvalue()}
        if value is not None:
            board.print(value)
        return None

    return each_board(split, work, json=json)
