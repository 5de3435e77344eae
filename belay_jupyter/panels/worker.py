# SPDX-License-Identifier: Apache-2.0
"""Does what was clicked, one thing after another, each when it is the board's turn."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

__all__ = ["Action", "Worker"]


class Action:
    """Something to do with a board.

    Args:
        label: what it is, for the page.
        work: does it; what it returns is told.

    Attributes:
        cancelled: nobody wants it any more; what has not begun is not done.
    """

    def __init__(self, label: str, work: Callable[[], str]) -> None:
        self.label = label
        self.work = work
        self.cancelled = False


class Worker:
    """A thread that does actions, made with the first one.

    Args:
        begin: called before each action.
        end: called behind each, with what it returned or raised.
    """

    def __init__(
        self,
        begin: Callable[[Action], object],
        end: Callable[[Action, str | BaseException], object],
    ) -> None:
        self._begin, self._end = begin, end
        self._actions: queue.SimpleQueue[Action | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._open: list[Action] = []

    def do(self, label: str, work: Callable[[], str]) -> Action:
        """Have something done."""
        action = Action(label, work)
        with self._lock:
            self._open.append(action)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="belay panel", daemon=True)
                self._thread.start()
        self._actions.put(action)
        return action

    def cancel(self) -> None:
        """Do nothing of all that has not begun."""
        with self._lock:
            for action in self._open:
                action.cancelled = True

    def stop(self) -> None:
        """Do nothing any more."""
        self.cancel()
        self._actions.put(None)

    def _run(self) -> None:
        from belay.session.turns import this_thread

        while (action := self._actions.get()) is not None:
            this_thread.given_up = lambda: action.cancelled
            this_thread.unrecorded = True
            done: str | BaseException
            try:
                if action.cancelled:
                    raise KeyboardInterrupt("cancelled")
                self._begin(action)
                done = action.work()
            except BaseException as error:
                done = error
            finally:
                this_thread.given_up = None
                with self._lock:
                    self._open.remove(action)
            self._end(action, done)
