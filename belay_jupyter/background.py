# SPDX-License-Identifier: Apache-2.0
"""Cells that run on a board while the notebook goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from belay.errors import BoardBusyError, DeviceClosedError
from belay_jupyter.output import CellDisplay, say

if TYPE_CHECKING:
    from belay_jupyter.boards import Board

__all__ = ["BackgroundCell", "wait_for_turn"]

_POLL = 0.1
"""Seconds after which a wait looks for an interrupt: on Windows none ends a wait."""


class BackgroundCell:
    """A cell that runs on a board while the notebook goes on; what it prints stays below it.

    Args:
        boards: where it runs.
        label: of the cell, such as ``Cell In[3]``.
        run: runs it; called in a thread of its own.
        display: shows what it gives.

    Attributes:
        label: of the cell.
        error: what it failed with; None while it runs, or where it did not fail.
    """

    def __init__(
        self,
        boards: Sequence[Board],
        label: str,
        run: Callable[[CellDisplay], Any],
        display: CellDisplay,
    ) -> None:
        self.label = label
        self.error: BaseException | None = None
        self._boards = list(boards)
        self._before = [board.background for board in boards]
        self._run = run
        self._display = display
        self._value: Any = None
        self._stopped = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"belay {label}", daemon=True)

    def start(self) -> None:
        """Begin, behind what runs on its boards in the background already."""
        for board in self._boards:
            board.background = self
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self._over.is_set()

    def result(self, timeout: float | None = None) -> Any:
        """The value of its last expression; waits until it is over.

        Args:
            timeout: most seconds to wait; None waits as long as it takes.

        Raises:
            TimeoutError: it is not over by then. It runs on.
            BaseException: what it failed with.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"{self.label} still runs on {self._where}")
        if self.error is not None:
            raise self.error
        return self._value

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over; returns whether it is."""
        if timeout is not None:
            return self._over.wait(timeout)
        while not self._over.wait(_POLL):
            pass
        return True

    def stop(self, timeout: float | None = None) -> bool:
        """Interrupt the board. Does nothing to a cell that is over.

        Args:
            timeout: most seconds to wait for its end; None waits as long as it takes.

        Returns:
            Whether it is over.
        """
        self._stopped = True
        end = None if timeout is None else time.monotonic() + timeout
        while not self.done:
            if all(one is None or one.done for one in self._before):
                for board in self._boards:
                    board.device.interrupt()
            if end is not None and time.monotonic() > end:
                return False
            self._over.wait(_POLL)  # and once more: it may be just about to begin
        return True

    def _work(self) -> None:
        try:
            for one in self._before:
                while one is not None and not one.wait(_POLL) and not self._stopped:
                    pass
            self._before = []
            if self._stopped:
                raise KeyboardInterrupt("stopped before it began")
            self._value = self._run(self._display)
        except BaseException as error:
            self.error = error
        finally:
            self._over.set()
        self._tell()

    def _tell(self) -> None:
        error = self.error
        if error is None:
            self._display.value(self._value)
        elif isinstance(error, DeviceClosedError):
            pass  # the user has disconnected it
        else:
            rendered = getattr(error, "_render_traceback_", None)
            lines = rendered() if rendered else [f"{type(error).__name__}: {error}"]
            self._display.err.write("\n".join(lines) + "\n")

    @property
    def _where(self) -> str:
        return ", ".join(board.name for board in self._boards)

    def __repr__(self) -> str:
        if not self.done:
            state = "runs"
        elif self.error is None:
            state = "has run"
        else:
            state = f"failed ({type(self.error).__name__})"
        return f"<{self.label} {state} on {self._where}: .result(), .done, .stop()>"


def wait_for_turn(boards: Sequence[Board]) -> None:
    """Wait until nothing runs on boards in the background any more, and say so.

    Raises:
        BoardBusyError: somebody has begun a block in the board's console. Nobody can end it while a
            cell waits.
    """
    for board in boards:
        if board.console is not None:
            _wait_for_console(board)
        running = board.background
        if running is None or running.done:
            continue
        say(f"Waiting: {running.label} still runs on {board.name} in the background.")
        try:
            running.wait()
        except KeyboardInterrupt as error:
            board.boards.renderer.as_message(
                error, f"{running.label} goes on in the background; its .stop() stops it."
            )
            raise


def _wait_for_console(board: Board) -> None:
    """What was typed in the board's console may run on it."""
    console = board.console
    error: BaseException
    if console.has_open_block:
        error = BoardBusyError(
            f"the console of {board.name} has an open block: end it there, or type Ctrl-C there; "
            "then run the cell again"
        )
        board.boards.renderer.as_message(error)
        raise error
    if not console.runs:
        return
    say(f"Waiting: what was typed in the console of {board.name} still runs.")
    try:
        while not console.wait(_POLL):
            pass
    except KeyboardInterrupt as error:
        board.boards.renderer.as_message(error, "It goes on; Ctrl-C in the console stops it.")
        raise
