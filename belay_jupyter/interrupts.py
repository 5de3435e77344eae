# SPDX-License-Identifier: Apache-2.0
"""When an interrupt may stop the cell that runs, and when it would hit the kernel itself."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from types import FrameType

__all__ = ["STOPPING_PATIENCE", "Interrupts"]

STOPPING_PATIENCE = 0.3
"""Seconds in which a second interrupt of a cell is taken for the first one; a board on a serial
line takes 0.1 s to stop."""


class Interrupts:
    """SIGINT for the thread that runs the cells, and for nobody else, while a cell runs.

    The process has children, virtual boards among them, to which an interrupt means nothing. A
    session lets the signal through where nothing can be lost: the first one stops the board, the
    second one gives up a board that does not react.
    """

    def __init__(self) -> None:
        self._open = False
        self._sent = 0.0
        self._waiting = False

    def open(self) -> None:
        """A cell runs from now on.

        Raises:
            KeyboardInterrupt: it was to be stopped before it had begun.
        """
        self._sent = 0.0
        self._open = True
        if self._waiting:
            self._waiting = False
            raise KeyboardInterrupt

    def close(self) -> None:
        """It has ended. What comes now is for nobody."""
        self._open = self._waiting = False

    def send(self) -> bool:
        """Interrupt the cell, from any thread.

        Returns:
            False when that was done a moment ago: people press a button twice, and the board is
            to have the time to stop.
        """
        now = time.monotonic()
        if now < self._sent + STOPPING_PATIENCE:
            return False
        if self._open:
            self._sent = now
        main = threading.main_thread().ident
        if hasattr(signal, "pthread_kill") and main is not None:
            signal.pthread_kill(main, signal.SIGINT)
        else:
            _thread.interrupt_main()  # Windows: it does not end a wait
        return True

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """What the signal does, in the thread that runs the cells."""
        if self._open:
            raise KeyboardInterrupt
        self._waiting = True
