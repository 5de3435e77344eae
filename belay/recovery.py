# SPDX-License-Identifier: Apache-2.0
"""What a Device does when its link ends or its board is reset."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from belay import errors

if TYPE_CHECKING:
    from belay.device import Device
    from belay.session.session import Session

__all__ = ["Recovery"]

log = logging.getLogger("belay")

INTERVAL = 1.0
"""Seconds between two attempts."""

TRIES = 3
"""Times that something of several calls is begun because the board was lost, and is back."""

T = TypeVar("T")
Told = Callable[[Exception], object]
Back = Callable[[], object]


class Recovery:
    """Notices that a board is gone, tells, and brings it back where that is wanted.

    Bringing back is: connect once more (or only upload the agent again, where the link stands),
    run ``startup``, and repeat definitions, setups and statements. Calls of tasks are never
    repeated.

    Args:
        device: whose board.
        attempts: how often to try, :data:`INTERVAL` apart; 0 never, negative for ever.
    """

    def __init__(self, device: Device, attempts: int) -> None:
        self.attempts = attempts
        self.on_disconnect: list[Told] = []
        self.on_reconnect: list[Back] = []
        self._device = weakref.ref(device)
        self._lock = threading.RLock()
        self._busy = False
        self._told: Session | None = None  # the session whose end has been told
        self._closing = threading.Event()

    def stop(self) -> None:
        """The Device is being closed: bring nothing back any more."""
        self._closing.set()

    def after(self, session: Session, generation: int, lost: errors.ConnectionLost) -> None:
        """Deal with a call that found its board gone.

        Args:
            session: over which it was made.
            generation: what :attr:`Session.generation` was before it.
            lost: what it ended in.

        Returns:
            Where the call has never run and the board is back: it can be sent now.

        Raises:
            ConnectionLost: in all other cases; ``ran`` says what became of the call.
        """
        with self._lock:
            device = self._device()
            if device is None or self._busy or self._closing.is_set():
                raise lost
            if device._session is session and session.generation == generation:
                self._tell(session, lost)
                if not self.attempts:
                    raise lost
            # Another thread may have brought it back, or a callback that used the Device.
            if device._session is session and session.generation == generation:
                self._bring_back(device, session, lost, self.attempts)
        if lost.ran is False:
            return
        kind = type(lost)
        raise kind(
            f"{lost} It is connected again, and definitions and setups were repeated; the call "
            "was not.",
            ran=lost.ran,
        ) from lost

    def persist(self, work: Callable[[], T], *, twice: bool = True) -> T:
        """Do something, and begin again where the board was lost and is back.

        Args:
            work: what makes calls.
            twice: it may be done twice; otherwise it begins again only where nothing has run.

        Raises:
            ConnectionLost: as from :meth:`after`; or after :data:`TRIES` times.
        """
        for left in reversed(range(TRIES)):
            device = self._device()
            assert device is not None
            session, generation = device._session, device._session.generation
            try:
                return work()
            except errors.ConnectionLost as lost:
                if not left:
                    raise
                if twice:
                    lost = type(lost)(str(lost), ran=False)
                self.after(session, generation, lost)
        raise AssertionError("not reached")

    def noticed(self, session: Session, error: Exception) -> None:
        """Deal with a link that ended between two calls; in the thread that listened to it."""
        with self._lock:
            device = self._device()
            if device is None or self._closing.is_set() or device._session is not session:
                return
            self._tell(session, error)
            lost = errors.ConnectionLost(str(error), ran=False)
            if self.attempts:
                try:
                    self._bring_back(device, session, lost, self.attempts)
                    return
                except errors.BelayException as failed:
                    log.warning("%s", failed)
                    error = failed
            device._events.end(error)

    def again(self, attempts: int | None) -> None:
        """Connect once more because the user says so."""
        with self._lock:
            device = self._device()
            assert device is not None
            lost = errors.ConnectionLost("the connection was to be made anew", ran=False)
            if attempts is None:
                attempts = self.attempts or 1
            self._bring_back(device, device._session, lost, attempts)

    def _tell(self, session: Session, error: Exception) -> None:
        """Call ``on_disconnect``, once for each link that ends."""
        if self._told is session or isinstance(error, errors.BoardResetError):
            return
        self._told = session
        session.ended = True
        for callback in list(self.on_disconnect):
            _call(callback, error)

    def _bring_back(
        self, device: Device, session: Session, lost: errors.ConnectionLost, attempts: int
    ) -> None:
        """Try until it works.

        Raises:
            ConnectionLost: it did not.
        """
        tried = 0
        self._busy = True
        session.reserved = threading.get_ident()
        try:
            while True:
                tried += 1
                try:
                    self._try(device, session, lost, only_agent=tried == 1)
                    break
                except errors.PyboardException as error:
                    # It would fail again, however often it is tried.
                    raise errors.ConnectionLost(
                        f"{lost} The board is connected again, but what had been done on it "
                        "could not be repeated: see the exception above.",
                        ran=lost.ran,
                    ) from error
                except errors.ConnectionFailedError as error:
                    if tried == attempts:
                        raise errors.ConnectionLost(
                            f"{lost} {tried} attempt{'s'[: tried > 1]} to connect again did not "
                            f"help: {error}",
                            ran=lost.ran,
                        ) from error
                if self._closing.wait(INTERVAL):
                    raise lost
        finally:
            self._busy = False
            device._session.reserved = session.reserved = None
        for callback in list(self.on_reconnect):
            _call(callback)

    def _try(
        self, device: Device, session: Session, lost: errors.ConnectionLost, *, only_agent: bool
    ) -> None:
        if only_agent and isinstance(lost, errors.BoardResetError):
            device._restart()
        else:
            session.drop()
            new = device._connect(session.generation)
            new.reserved = threading.get_ident()
            device._adopt(new)
        device._history.replay(device)


def _call(callback: Callable[..., object], *args: object) -> None:
    """Call what the user has given; what it raises is told, and stops nothing."""
    try:
        callback(*args)
    except Exception:
        log.exception("the callback %r has raised", callback)
