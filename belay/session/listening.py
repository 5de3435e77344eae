# SPDX-License-Identifier: Apache-2.0
"""A thread that takes what a board sends while no call is under way."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from belay import errors
from belay.session.conversation import OutputHandler

if TYPE_CHECKING:
    from belay.session.channel import Channel

__all__ = ["Listener"]

log = logging.getLogger("belay")


class Listener:
    """Waits on the link in the pauses between calls.

    It holds the session's lock while it waits, and gives it back as soon as a call wants it: the
    caller wakes the transport. A call then costs two switches of threads more, some 50 us.

    Args:
        session: whose link.
        output: takes what is printed between calls.
        on_lost: called once, in this thread, when the link has ended.
    """

    def __init__(
        self, session: Channel, output: OutputHandler, on_lost: Callable[[Exception], None]
    ) -> None:
        self._session = session
        self._output = output
        self._on_lost = on_lost
        self._waiting: set[int] = set()
        # Closed while callers wait. No Event: Ctrl-C can leave the lock inside of one taken.
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="belay listener", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def step_aside(self) -> None:
        """Let go of the lock, and do not take it again before this thread's :meth:`return_to_it`.

        Where Ctrl-C has kept that from being called, that of the thread's next call does for both.
        """
        self._waiting.add(threading.get_ident())
        self._gate.acquire(blocking=False)
        self._session.transport.wake()

    def return_to_it(self) -> None:
        """Another one who has it, or wants it no more, has taken notice."""
        self._waiting.discard(threading.get_ident())
        if not self._waiting:
            self._open_gate()

    def _open_gate(self) -> None:
        with contextlib.suppress(RuntimeError):  # it was open
            self._gate.release()

    @contextmanager
    def stepping_aside(self) -> Iterator[None]:
        """While a caller takes the lock."""
        self.step_aside()
        try:
            yield
        finally:
            self.return_to_it()

    def _run(self) -> None:
        lost: Exception | None = None
        while lost is None and not self._session._closed:
            self._gate.acquire()
            self._open_gate()
            with self._session._lock:
                if not self._waiting and not self._session._closed:
                    lost = self._listen()
        if lost is not None and not self._session._closed:
            self._on_lost(lost)

    def _listen(self) -> Exception | None:
        """Wait once; the error by which the link has ended."""
        session = self._session
        session._owner, session._turn_frame = threading.get_ident(), sys._getframe()
        try:
            session.hear(self._output)
        except (errors.ConnectionLost, errors.DeviceClosedError) as error:
            return error
        except Exception:
            log.exception("what took the board's prints between calls has raised")
        finally:
            session._owner = session._turn_frame = None
        return None
