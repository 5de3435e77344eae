# SPDX-License-Identifier: Apache-2.0
"""One cell on several boards at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from belay.errors import BelayException
from belay_jupyter.output import Labelled

if TYPE_CHECKING:
    from belay.output import TextSink
    from belay_jupyter.boards import Board
    from belay_jupyter.running import CellResult

__all__ = ["BoardErrors", "run_on_all"]

_TICK = 0.1
"""Seconds of output that are collected, so that lines of one board stand together."""


class BoardErrors(BelayException):
    """A cell failed on some of the boards on which it ran.

    Has what an ``ExceptionGroup`` has. It is none: Python 3.10 lacks them, and IPython shows them
    in Python's way, with frames of ours and without the cells.

    Attributes:
        message: how many failed.
        exceptions: what they failed with.
        errors: the same by the names of the boards.
        results: what the cell gave on the others.
    """

    def __init__(
        self, message: str, errors: Mapping[str, Exception], results: Mapping[str, Any]
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errors = dict(errors)
        self.results = dict(results)

    @property
    def exceptions(self) -> tuple[Exception, ...]:
        """What the boards failed with, in their order."""
        return tuple(self.errors.values())


def run_on_all(
    boards: Sequence[Board], run: Callable[[Board, TextSink], CellResult], out: TextSink
) -> dict[str, CellResult]:
    """Run a cell on several boards at once.

    Args:
        boards: where.
        run: runs it on one of them; called in a thread of its own.
        out: takes what they print, line by line and labelled.

    Returns:
        What it gave, by the names of the boards.

    Raises:
        BoardErrors: it failed on some of them. It ran to its end on the others.
        KeyboardInterrupt: the user has stopped it; it was stopped on all of them.
    """
    width = max(len(board.name) for board in boards)
    workers = [_Worker(board, run, Labelled(board.name, width)) for board in boards]
    stopped = _see_through(workers, out)
    failed = {w.board.name: w.error for w in workers if w.error is not None}
    renderer = boards[0].boards.renderer
    stops = [error for error in failed.values() if isinstance(error, KeyboardInterrupt)]
    if stopped or stops:
        error = KeyboardInterrupt("the boards were stopped")
        renderer.as_several(error, failed)
        raise error
    results = {w.board.name: w.result for w in workers if w.result is not None}
    if failed:
        errors = {name: error for name, error in failed.items() if isinstance(error, Exception)}
        text = f"the cell failed on {len(errors)} of {len(workers)} boards"
        raised = BoardErrors(text, errors, {n: r.value for n, r in results.items()})
        renderer.as_several(raised, failed)
        raise raised
    return results


def _see_through(workers: list[_Worker], out: TextSink) -> bool:
    """Show what the boards print until all are done; returns whether the user has stopped them."""
    stopped = False
    for worker in workers:
        worker.thread.start()
    while True:
        try:
            running = [worker for worker in workers if not worker.over.is_set()]
            for worker in running:
                if stopped or any(isinstance(w.error, KeyboardInterrupt) for w in workers):
                    worker.board.device.interrupt()
            end = time.monotonic() + _TICK
            for worker in running:
                worker.over.wait(max(0.0, end - time.monotonic()))
            over = all(worker.over.is_set() for worker in workers)
            for worker in workers:
                text = worker.out.taken(rest=over)
                if text:
                    out.write(text)
        except KeyboardInterrupt:
            if stopped:
                return True  # a board does not react: leave it alone
            stopped = True
            continue
        if over:
            return stopped


class _Worker:
    """Runs the cell on one board.

    Attributes:
        over: set when it has run. (To join the thread would not do: a join that Ctrl-C interrupts
            takes a thread for ended that is not, before Python 3.13.)
    """

    def __init__(
        self, board: Board, run: Callable[[Board, TextSink], CellResult], out: Labelled
    ) -> None:
        self.board = board
        self.out = out
        self.result: CellResult | None = None
        self.error: BaseException | None = None
        self.over = threading.Event()
        self._run = run
        self.thread = threading.Thread(target=self._work, name=f"belay {board.name}", daemon=True)

    def _work(self) -> None:
        try:
            self.result = self._run(self.board, self.out)
        except BaseException as error:
            self.error = error
        finally:
            self.over.set()
