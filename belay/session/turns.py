# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is to talk to the board: calls of any number of threads queue."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from belay import errors

if TYPE_CHECKING:
    from belay.session.channel import Channel

__all__ = ["NotIdle", "Turn", "has_turn", "this_thread"]

IDLE_PATIENCE = 0.1
"""Seconds in which the listener, or a call that is just ending, gives way to one that is made only
where the board is idle."""


WAITING_STEP = 0.05
"""Seconds after which a call that can be cancelled looks whether it has been, while it waits."""


class NotIdle(Exception):
    """A call that was to be made only where the board is idle was not made."""


class _ThisThread(threading.local):
    """What is known of the calling thread.

    Attributes:
        given_up: tells whether nobody waits any more for what it is doing: its calls that have not
            begun are then not made.
        if_idle: its calls are made only where no other is under way, and nothing is to be mended.
        taped: such calls are recorded, beside those of the program.
        unrecorded: its calls are a person's, not the program's, and no recording has them.
    """

    given_up: Callable[[], bool] | None = None
    if_idle = False
    taped = False
    unrecorded = False


this_thread = _ThisThread()


class Turn:
    """The session's lock, with the questions that are asked before and under it."""

    def __init__(self, session: Channel) -> None:
        self._session = session

    def __enter__(self) -> None:
        session, me = self._session, threading.get_ident()
        if session._lock._is_owned():  # type: ignore[attr-defined]  # as threading.Condition asks
            if has_turn(session):
                raise RuntimeError(
                    "a callback of a call (output, event, line) called the same board"
                )
            self._give_back()  # Ctrl-C came when it was to be given back
        try:
            listener = session._listener
            if listener is None:
                self._wait()
            else:
                with listener.stepping_aside():
                    self._wait()
            refusal = self._refusal(me)
            if refusal is not None:
                raise refusal
            session._turn_frame = sys._getframe(1)
            session._owner = me
        except BaseException:  # Ctrl-C comes between any two steps
            if session._lock._is_owned():  # type: ignore[attr-defined]
                self._give_back()
            raise

    def _wait(self) -> None:
        lock = self._session._lock
        given_up = this_thread.given_up
        if this_thread.if_idle:
            if not lock.acquire(timeout=IDLE_PATIENCE):
                raise NotIdle
        elif lock.acquire(blocking=False):
            return
        else:
            waiting, me = self._session.waiting, threading.get_ident()
            waiting.add(me)
            try:
                self._wait_long(given_up)
            finally:
                waiting.discard(me)

    def _wait_long(self, given_up: Callable[[], bool] | None) -> None:
        lock = self._session._lock
        if given_up is None:
            lock.acquire()
            return
        while not lock.acquire(timeout=WAITING_STEP):
            if given_up():  # whoever cancelled it does not wait for a call of another thread
                raise _cancelled()

    def _refusal(self, me: int) -> BaseException | None:
        """Why this thread cannot have the link, now that it is its turn."""
        session = self._session
        if this_thread.given_up is not None and this_thread.given_up():
            return _cancelled()
        if session._closed and session._closer != me:
            if session._dropped:
                return errors.ConnectionLost(
                    f"the link to {session.transport.address} has ended", ran=False
                )
            return errors.DeviceClosedError("this Device is closed; make a new one")
        if this_thread.if_idle and (session._unsettled or session._lost_agent or session.reserved):
            return NotIdle()
        if session.reserved not in (None, me):
            return errors.ConnectionLost("the board is just being set up again", ran=False)
        return None

    def __exit__(self, *exc_info: object) -> None:
        self._give_back()

    def _give_back(self) -> None:
        session = self._session
        session._owner = session._turn_frame = None
        session._lock.release()


def _cancelled() -> KeyboardInterrupt:
    return KeyboardInterrupt("the call was cancelled before it began")


def has_turn(session: Channel) -> bool:
    """Whether this thread is inside a turn: whether the frame that took it is still at work."""
    if session._owner != threading.get_ident():
        return False
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame is not session._turn_frame:
        frame = frame.f_back
    return frame is not None
