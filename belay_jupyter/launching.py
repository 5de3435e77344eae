# SPDX-License-Identifier: Apache-2.0
"""A cell with its options: on one board or several, waited for or in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from belay_jupyter import knowledge
from belay_jupyter.background import BackgroundCell, wait_for_turn
from belay_jupyter.output import CellDisplay, say
from belay_jupyter.parallel import run_on_all
from belay_jupyter.running import CellResult, CellWish, run_cell

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from belay.output import TextSink
    from belay_jupyter.boards import Board
    from belay_jupyter.cells import CellSource

__all__ = ["Launch", "launch"]


@dataclass(frozen=True)
class Launch:
    """A cell to run.

    Attributes:
        source: its text.
        wish: what is wanted of it.
        boards: where it runs.
        together: it was asked for on several boards, so there is a result for each, by name.
        background: the notebook does not wait for it.
    """

    source: CellSource
    wish: CellWish
    boards: Sequence[Board]
    together: bool = False
    background: bool = False


def launch(shell: InteractiveShell, what: Launch) -> Any:
    """Run a cell.

    Args:
        shell: the notebook; the values of ``outputs`` become variables of it.
        what: the cell.

    Returns:
        Its value; or values by the names of the boards; or a
        :class:`belay_jupyter.background.BackgroundCell`.
    """
    if not what.background:
        wait_for_turn(what.boards)
        return _run(shell.user_ns, what, None)
    for board in what.boards:
        knowledge.prepare(board.device)  # for Tab, as long as the board is idle
    cell = BackgroundCell(
        what.boards,
        what.source.label,
        lambda display: _run(shell.user_ns, what, display),
        CellDisplay(shell),
    )
    cell.start()
    return cell


def _run(namespace: dict[str, Any], what: Launch, display: CellDisplay | None) -> Any:
    from belay.output import STDOUT

    out: TextSink = STDOUT if display is None else display.out
    foreground = display is None

    def run(board: Board, sink: TextSink) -> CellResult:
        return run_cell(board, what.source, what.wish, stream_out=sink, foreground=foreground)

    if not what.together:
        done = run(what.boards[0], out)
        namespace.update(done.outputs)
        _tell_cost(done)
        return done.value
    results = run_on_all(what.boards, run, out)
    for name, result in results.items():
        _tell_cost(result, f"[{name}] ")
    namespace.update(_by_name(results, what.wish.outputs))
    values = {name: result.value for name, result in results.items()}
    return values if any(value is not None for value in values.values()) else None


def _tell_cost(result: CellResult, label: str = "") -> None:
    if result.cost is not None:
        from belay_jupyter.reports import cost_of

        say(label + cost_of(result.cost))


def _by_name(results: Mapping[str, CellResult], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """For each name of ``-o`` the values on all boards."""
    return {
        name: {board: result.outputs[name] for board, result in results.items()} for name in names
    }
