# SPDX-License-Identifier: Apache-2.0
"""``belay rtc``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from belay.cli.boards import Board, each_board
from belay.cli.options import ANY_BOARD, BoardOptions, Json, Words
from belay.cli.usage import UsageError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["rtc"]


def rtc(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    set_: Annotated[bool, Parameter(name="--set")] = False,
    to: str | None = None,
    json: Json = False,
) -> int:
    """Show or set the calendar of a board (RTC).

    Boards know no time zones: their calendar shows the local time of the computer that set it.
    It is shown with what it is ahead of the computer's clock.

    Args:
        words: PORT.
        boards: which boards.
        set_: set it to this computer's local time, to within some milliseconds.
        to: with --set: set it to this time instead, such as 2026-12-24T18:00:00.
        json: print a JSON object: the time, and by how many seconds it is ahead.

    Examples:
        belay rtc
        belay rtc --set
        belay rtc -t all --set
    """
    split = boards.split(words, most=0)
    when = _time(to) if to is not None else None
    if when is not None and not set_:
        raise UsageError(f"--to {to} needs --set")

    def work(board: Board) -> dict[str, Any]:
        from belay.rtc import read_rtc

        if set_:
            board.device.set_rtc(when)
        shown, ahead = read_rtc(board.device)
        return {"time": shown.isoformat(sep=" "), "ahead": round(ahead, 3)}

    def show(board: Board, found: dict[str, Any]) -> None:
        board.print(f"{found['time']}  ({_difference(found['ahead'])})")

    return each_board(split, work, show, json=json, startup="")


def _time(text: str) -> datetime:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--to {text}: {error}") from None


def _difference(seconds: float) -> str:
    if abs(seconds) < 1.0:
        return "in step with this computer"
    side = "ahead of" if seconds > 0 else "behind"
    size = abs(seconds)
    for unit, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if size >= 2 * unit:
            return f"{size / unit:.1f} {name} {side} this computer"
    return f"{size:.1f} s {side} this computer"
