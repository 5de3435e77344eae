# SPDX-License-Identifier: Apache-2.0
"""The board's prompt for somebody who types, beside cells that run on the same board.

The session keeps the board. When something is typed, and it is the board's turn, the session steps
aside and the board shows its friendly prompt; an empty prompt gives the board back. A line that is
half typed is taken off the board when a cell wants its turn, and typed again with the next key.
Knows no widget.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from belay import errors
from belay.session.visiting import Visit, visit
from belay.terminal.prompt import CONTINUED, FRESH, PASTING
from belay.terminal.strokes import PASTE_ON, Asked, Strokes
from belay.terminal.typist import Typist
from belay_jupyter.polling import is_busy

if TYPE_CHECKING:
    from belay.device import Device
    from belay.terminal.history import LineHistory

__all__ = ["BoardPrompt"]

_INTERRUPT = b"\x03"

_QUIET = 0.25
"""Seconds of silence at an empty prompt after which the board is given back."""

_TICK = 0.05
"""Seconds between two looks whether a cell wants the board."""

_ESCAPE = 0.1
"""Seconds after which an Escape is a key by itself."""

_ARRIVAL = 3.0
"""Seconds in which a board shows its prompt; then whatever it shows is shown."""

_ECHO = 2.0

_FRAME = 0.03
"""Seconds between two messages for the screen."""


class BoardPrompt:
    """The prompt of one board.

    Args:
        device: gives the Device; asked each time, for it may be another one by then.
        show: takes bytes for the screen, from any thread.
        tell: takes the state when it changes: ``idle`` (cells have the board), ``waiting`` (keys
            wait for a cell), ``here`` (the prompt has it), ``lost``, ``closed``; and a reason.
        history: older lines for the arrow keys; None leaves the arrows to the board.
    """

    def __init__(
        self,
        device: Callable[[], Device],
        show: Callable[[bytes], object],
        tell: Callable[[str, str], object],
        history: LineHistory | None = None,
    ) -> None:
        self._device = device
        self._show = show
        self._tell = tell
        self._keys: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._strokes = Strokes(b"")
        self._typist = Typist(self._write, history)
        self._changed = threading.Condition()
        self._visit: Visit | None = None
        self._coming: object | None = None
        self._failed = self._typing = self._muted = self._given_up = False
        self._waiting_keys = 0
        self._heard = 0.0
        self._aside = ""
        self._state = "idle"
        self._thread: threading.Thread | None = None
        self._closed = False

    # ---------------------------------------------------------------------------- from outside

    @property
    def state(self) -> str:
        """See the class's ``tell``."""
        return self._state

    @property
    def runs(self) -> bool:
        """Whether the board runs something that was typed."""
        return self._visit is not None and not self._muted and not self._typist.line.prompt

    @property
    def has_open_block(self) -> bool:
        """Whether a block was begun there, or the paste mode, and not ended."""
        return self._visit is not None and self._typist.line.prompt in (CONTINUED, PASTING)

    def type(self, data: bytes) -> None:
        """Take keys; returns at once. Ctrl-C acts at once, whatever waits."""
        if self._closed or not data:
            return
        if _INTERRUPT in data:
            self._interrupt()
            data = data[data.rfind(_INTERRUPT) + 1 :]
            if not data:
                return
        with self._changed:
            self._waiting_keys += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="belay keys", daemon=True)
                self._thread.start()
        self._keys.put(data)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs there any more that was typed; returns whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.runs, timeout)

    def close(self) -> None:
        """Give the board back, and take no more keys."""
        self._closed = self._given_up = True
        self._keys.put(None)
        with contextlib.suppress(errors.BelayException):
            self._device()._session.transport.wake()
        with self._changed:
            self._changed.wait_for(lambda: not (self._visit or self._coming), _ECHO)
        self._become("closed", "")

    def _interrupt(self) -> None:
        """Stop what runs on the board, whoever runs it, and forget the keys that wait."""
        with self._changed:
            while True:
                try:
                    if self._keys.get_nowait() is None:
                        self._keys.put(None)
                        break
                    self._waiting_keys -= 1
                except queue.Empty:
                    break
            here = self._visit
            self._given_up = self._coming is not None
        with contextlib.suppress(errors.BelayException):
            if here is not None:
                here.write(_INTERRUPT)
                return
            self._aside = ""
            self._device().interrupt()
        self._show(b"^C\r\n" + FRESH.encode())

    def _become(self, state: str, why: str) -> None:
        if state != self._state:
            self._state = state
            self._tell(state, why)

    # ---------------------------------------------------------------------------- keys

    def _work(self) -> None:
        while True:
            try:
                data = self._keys.get(timeout=_ESCAPE if self._strokes.waiting else None)
            except queue.Empty:
                self._do(b"")
                continue
            if data is None:
                return
            self._do(data)
            with self._changed:
                self._waiting_keys -= 1

    def _do(self, data: bytes) -> None:
        """Carry keys to the board, when it is there for them. No bytes: an Escape was a key."""
        strokes = self._strokes.feed(data) if data else self._strokes.flush()
        if not strokes or not self._arrive():
            return
        try:
            for stroke in strokes:
                if not isinstance(stroke, Asked):
                    self._typist.do(stroke)
        except errors.BelayException:
            pass  # the thread that reads finds it, too, and tells
        finally:
            with self._changed:
                self._typing = False
                self._heard = time.monotonic()

    def _write(self, data: bytes) -> None:
        here = self._visit
        if here is not None:
            here.write(data)

    def _arrive(self) -> bool:
        """Have the board show its prompt, when it is its turn; False where that cannot be."""
        with self._changed:
            self._typing = True
            if self._visit is None:
                self._failed = self._given_up = False
                coming = self._coming = object()
                stay = threading.Thread(target=self._stay, args=(coming,), daemon=True)
                stay.name = "belay console"
                stay.start()
                self._changed.wait_for(lambda: self._visit is not None or self._failed)
                if self._failed:
                    self._typing = False
                    return False
        line = self._typist.line
        if self._muted:
            line.wait_for(FRESH, _ARRIVAL)
            aside, self._aside = self._aside, ""
            if aside and line.prompt == FRESH and not line.text:
                self._write(aside.encode())
                line.wait_for(FRESH + aside, _ECHO)
                self._show(b"\r" + (FRESH + aside).encode() + b"\x1b[K")
            self._muted = False
        return True

    # ---------------------------------------------------------------------------- the board

    def _stay(self, coming: object) -> None:
        """Be at the board's prompt until it is empty, or somebody wants the board."""
        from belay.session.turns import this_thread

        state, why = "idle", ""
        this_thread.given_up = lambda: self._given_up
        try:
            device = self._device()
            session = device._session
            if is_busy(device):
                self._become("waiting", "")
            kept = visit(session, lambda here: self._converse(here, coming))
            if not kept:
                self._repeat_definitions(device)
        except KeyboardInterrupt:
            pass  # given up while it waited
        except errors.DeviceClosedError:
            state = "closed"
        except errors.ConnectionLost as lost:
            state, why = "lost", str(lost)
            device._recovery.noticed(session, lost)
        except errors.BelayException as error:
            state, why = "idle", str(error)
            self._show(f"\r\n{error}\r\n".encode())
        finally:
            this_thread.given_up = None
            with self._changed:
                if self._coming is coming:
                    self._coming, self._failed = None, True
                others = self._coming is not None or self._visit is not None
                self._changed.notify_all()
        if not others:
            self._become(state, why)

    def _repeat_definitions(self, device: Device) -> None:
        """After a soft reset that was typed: tasks and mounted folders are to be there again."""
        device._restart()
        device._history.replay(device, "define", "startup", "mount")

    def _converse(self, here: Visit, coming: object) -> None:
        """Show what the board sends, until it can be given back."""
        with self._changed:
            self._typist.line.feed(b"\r\n")  # what stood there before is not there any more
            self._muted = True
            self._visit, self._coming = here, None
            self._heard = time.monotonic()
            self._changed.notify_all()
        self._become("here", "")
        shown, pending = 0.0, b""
        try:
            while not self._may_leave(here):
                if here.interrupted() and not here.over:
                    here.write(_INTERRUPT)
                wait = max(0.0, shown + _FRAME - time.monotonic()) if pending else _TICK
                data = here.read(wait)
                now = time.monotonic()
                if data:
                    self._heard = now
                    self._typist.line.feed(data)
                    pending += b"" if self._muted else data
                    with self._changed:
                        self._changed.notify_all()
                if pending and now - shown >= _FRAME:
                    self._show(pending)
                    shown, pending = now, b""
        finally:
            if pending:
                self._show(pending)
            with self._changed:
                if self._visit is here:
                    self._visit = None
                self._changed.notify_all()

    def _may_leave(self, here: Visit) -> bool:
        line = self._typist.line
        with self._changed:
            if here.over or self._closed:
                return True
            if self._typing or self._waiting_keys or line.prompt != FRESH:
                return False
            quiet = time.monotonic() - self._heard >= _QUIET
            if line.text:
                # Half typed: it makes room for a cell, and is there again with the next key.
                if not (quiet and here.wanted):
                    return False
                self._aside = line.text
            elif not quiet and not here.wanted:
                return False
            self._visit = None  # keys that come from now on wait for the next time
            return True


def greeting(description: str) -> bytes:
    """What the screen shows before anything was typed."""
    return PASTE_ON + f"{description}\r\n{FRESH}".encode()
