# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C at a moment that loses nothing.

A KeyboardInterrupt may be raised between any two bytecodes: between taking bytes from the system
and keeping them, for example. While a session talks, SIGINT is therefore only let through where
the session waits for bytes and has taken none; elsewhere it is remembered until then.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT
from types import FrameType
from typing import Any

from belay.transports.base import Transport

__all__ = ["Shield"]

_SIGINT = int(SIGINT)
_signal = importlib.import_module("_signal")
"""What the signal module wraps in conversions to enums: 25 us a call, a tenth of the whole."""


LONGEST_WAIT = 0.2
"""Seconds after which a wait of the main thread ends without a result, and begins again."""


class Shield:
    """A context in which SIGINT raises only inside :meth:`wait`.

    In a thread other than the main one, where signals never arrive, it does nothing. The handler
    that was there is called in its place and put back afterwards, whatever it was: the default
    one, a notebook kernel's or a test's.
    """

    def __init__(self) -> None:
        self._previous: Any = None
        self._waiting = False
        self._pending = 0

    def __enter__(self) -> Shield:
        self._waiting = False
        self._pending = 0
        if threading.current_thread() is threading.main_thread():
            previous = _signal.getsignal(_SIGINT)
            if callable(previous):
                self._previous = previous
                _signal.signal(_SIGINT, self._handle)
        return self

    def __exit__(self, *exc_info: object) -> None:
        previous, self._previous = self._previous, None
        if previous is None:
            return
        _signal.signal(_SIGINT, previous)
        if self._pending and exc_info[0] is None:
            # It came after the last wait: the caller's code is where it belongs now.
            self._pending = 0
            previous(SIGINT, None)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._pending += 1
        # The second one gets through anywhere: a link that takes no bytes must not hold the user.
        if self._waiting or self._pending > 1:
            self._pending = 0
            if self._previous is None:  # it is just being taken down
                raise KeyboardInterrupt
            self._previous(number, frame)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """While code of the caller's own runs, such as ``input``: SIGINT raises there too."""
        previous = self._previous
        if previous is None:
            yield
            return
        _signal.signal(_SIGINT, previous)
        try:
            yield
        finally:
            _signal.signal(_SIGINT, self._handle)

    def wait(self, transport: Transport, timeout: float | None) -> bool:
        """Wait as the transport does; the one place where SIGINT raises."""
        self._waiting = True
        try:
            if self._pending:
                self._pending = 0
                self._previous(SIGINT, None)
            if self._previous is not None:
                # A signal that comes in the instant before the system begins to wait ends no wait;
                # Python runs its handler when the wait is over. So none is long.
                timeout = LONGEST_WAIT if timeout is None else min(timeout, LONGEST_WAIT)
            return transport.wait(timeout)
        finally:
            self._waiting = False
