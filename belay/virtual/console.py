# SPDX-License-Identifier: Apache-2.0
"""What stands between the line and the interpreter: input queue, output, interrupts, waiting.

Two threads share the line, one at a time. The board's own (main) thread holds it whenever it
does not compute: at the prompt, in ``sleep``, while a program waits for input. So the usual
command costs no change of thread: read, run, write. Only when a command computes for longer than
a tick or two does the *watcher* take the line over: it passes output on and sees Ctrl-C.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .lines import Line, LineEnded

if TYPE_CHECKING:
    from .clock import Clock
    from .peripherals import Bench
    from .vm import Interpreter

__all__ = ["Console", "WatchdogBite"]

_TICK = 0.002
"""Seconds after which the watcher looks whether a command is still running."""

_COALESCE = 0.001
"""Seconds that output may wait for more of it while the interpreter computes."""

_PARK_AFTER = 100
"""Ticks without a command after which the watcher sleeps until the next one."""

_PIECE = 1 << 16


class WatchdogBite(Exception):
    """The program has not fed the watchdog in time: the chip is reset."""


class Console:
    """The board's end of the line; also everything the interpreter can wait for.

    Args:
        line: the link to the outside.
        bench: pins and timers, whose callbacks run while the board waits.
        clock: what the interpreter's clocks show; its watchdog bites here.
        on_end: called, from either thread, when the line has ended; must not return.

    Attributes:
        forgetful: Ctrl-C discards what stands behind it too, as CircuitPython's does.
        deaf: Ctrl-C interrupts nothing.
    """

    def __init__(
        self, line: Line, bench: Bench, clock: Clock, on_end: Callable[[LineEnded], None]
    ) -> None:
        self._line, self._bench, self._clock, self._on_end = line, bench, clock, on_end
        self.ticks_ms, self.time_ms = clock.ticks_ms, clock.time_ms
        self._vm: Interpreter | None = None
        self._queue = bytearray()
        self._out = bytearray()
        self._skip = 0
        self._diverted: bytearray | None = None
        self.forgetful = self.deaf = False
        self._state = threading.Lock()  # the queue, and whether an interrupt still counts
        self._holds_line = threading.Lock()
        self._holds_line.acquire()
        self._busy = False
        self._run = 0
        self._parked = True
        self._unpark = threading.Event()
        self._dispatching = False
        self._dispatched = 0
        self._program_runs = False
        self._interrupt_again = False
        threading.Thread(target=self._watch, name="watcher", daemon=True).start()

    def attach(self, vm: Interpreter | None) -> None:
        """Serve this interpreter from now on; None where one has ended and the next is to boot."""
        self._vm = vm
        if vm is None:
            self._line.restart()

    # ---- the interpreter computes, or it does not

    def begin(self) -> None:
        """The interpreter starts to compute: leave the line to the watcher."""
        self._run += 1
        self._busy = True
        self._holds_line.release()
        if self._parked:
            self._parked = False
            self._unpark.set()

    def end(self) -> None:
        """It stopped: take the line back."""
        self._busy = False
        if not self._holds_line.acquire(blocking=False):
            self._line.wake()
            self._holds_line.acquire()

    def settle(self) -> None:
        """A command is over: an interrupt that came too late for it must not hit the next."""
        with self._state:
            if self._vm is not None:
                self._vm.clear_interrupt()

    # ---- input

    def next_input(self) -> bytes:
        """What has arrived and was not taken yet, or its start; blocks for at least one byte.

        Only at the prompt. The bytes stay in the queue until :meth:`consume`.
        """
        while not self._queue:
            self._idle(None)
        with self._state:
            return bytes(self._queue[:_PIECE])

    def consume(self, count: int) -> None:
        """Take the oldest ``count`` bytes off the queue."""
        with self._state:
            del self._queue[:count]

    def _receive(self, data: bytes) -> None:
        """Queue what arrived; an interrupt character discards what stands before it.

        As a terminal does: what was typed before Ctrl-C was meant for the program that it ends.
        """
        with self._state:
            self._queue += data
            self._look_for_interrupt()

    def _look_for_interrupt(self) -> None:
        vm = self._vm
        if vm is None or self.deaf:
            return
        char = vm.interrupt_char
        if 0 <= char < 256:
            at = self._queue.rfind(char)
            if at >= 0:
                del self._queue[: None if self.forgetful else at + 1]
                vm.interrupt()

    # ---- output

    def write(self, data: bytes) -> None:
        """Send text of the board's own, after everything the interpreter has written."""
        self._collect()
        if self._diverted is not None:
            self._diverted += data
        else:
            self._out += data

    def divert(self) -> None:
        """Keep what is written from now on, instead of sending it."""
        self.flush()
        self._diverted = bytearray()

    def diverted(self) -> bytes:
        """What was kept; output takes its usual way again."""
        self._collect()
        data, self._diverted = self._diverted or b"", None
        return bytes(data)

    def skip(self, count: int) -> None:
        """Drop the next ``count`` bytes that the interpreter writes."""
        self._collect()
        self._skip = count

    def _collect(self) -> None:
        vm = self._vm
        if vm is None or len(self._out) >= _PIECE:
            return
        while data := vm.take_output(_PIECE):
            vm.drop_output(len(data))
            if self._skip:
                self._skip, data = max(0, self._skip - len(data)), data[self._skip :]
            if self._diverted is not None:
                self._diverted += data
                continue
            self._out += data
            if len(self._out) >= _PIECE:
                return

    def _send_some(self) -> bool:
        """Send what the line takes; returns whether everything has gone."""
        while True:
            self._collect()
            if not self._out:
                return True
            count = self._line.send(bytes(self._out))
            del self._out[:count]
            if not count:
                return False

    def flush(self) -> None:
        """Send everything; blocks where the line does."""
        while not self._send_some():
            self._receive_from_line(0.05, want_send=True)
            self._look_at_watchdog()

    # ---- waiting, always on the board's own thread and holding the line

    def _receive_from_line(self, timeout: float | None, want_send: bool = False) -> None:
        try:
            data = self._line.wait(timeout, want_send)
        except LineEnded as end:
            self._on_end(end)
            raise
        if data:
            self._receive(data)

    def _idle(self, until: float | None) -> None:
        """Flush, then wait for input, for a timer, or until a time; then run what is due."""
        held = len(self._queue)
        self.flush()
        if len(self._queue) > held:
            return  # flushing against a full line took input: what is waited for may be there
        due = None if self._dispatching else self._bench.agenda.next_due()
        moments = [at for at in (until, due, self._clock.bites) if at is not None]
        timeout = max(0.0, min(moments) - time.monotonic()) if moments else None
        self._receive_from_line(timeout)
        self._look_at_watchdog()
        self.run_due(computing=False)

    def _look_at_watchdog(self) -> None:
        if self._clock.bitten():
            raise WatchdogBite

    def run_due(self, computing: bool = True) -> None:
        """Call the board's handlers of timers and pins that are due.

        Args:
            computing: whether the interpreter is inside a host call (else: it is at the prompt,
                or waits).
        """
        vm = self._vm
        if vm is None or self._dispatching or not self._bench.agenda.has_events():
            return
        handler = self._bench.handler
        self._dispatching = True
        self._program_runs = computing or vm.interrupt_char >= 0
        armed = vm.interrupt_char
        if armed < 0 and not computing:
            vm.interrupt_char = 3  # an endless callback at the prompt must not lock us out
        try:
            for event in self._bench.agenda.take_events():
                if handler is None:
                    continue
                self._dispatched += 1
                if computing:
                    vm.dispatch(handler, *event)
                else:
                    self.begin()
                    try:
                        vm.dispatch(handler, *event)
                    finally:
                        self.end()
        finally:
            if not computing and armed < 0:
                vm.interrupt_char = armed
                self.settle()
            self._dispatching = False
            if self._interrupt_again:
                self._interrupt_again = False
                vm.interrupt()

    # ---- what the interpreter calls (MachineHost)

    def read_input(self, limit: int) -> bytes | None:
        """Bytes for the program, at least one; None when Ctrl-C came instead.

        What stands behind the Ctrl-C in the queue is not for this read, which it ends.
        """
        if self._interrupted():
            return None
        if not self._queue:
            self.end()
            try:
                while not self._queue:
                    if self._interrupted():
                        return None
                    self._idle(None)
                if self._interrupted():
                    return None
            finally:
                self.begin()
        with self._state:
            data = bytes(self._queue[:limit])
            del self._queue[:limit]
        return data

    def input_waiting(self) -> bool:
        """Whether a program's read would return at once."""
        return bool(self._queue) or self._interrupted()

    def poll_wait(self, milliseconds: int) -> None:
        """Wait until there may be input; for ``select.poll`` on stdin."""
        self.sleep(None if milliseconds < 0 else milliseconds / 1000, for_input=True)

    def wait(self, seconds: float, dispatched: int) -> int:
        """Wait until a handler of a timer or a pin has run, or Ctrl-C came; for event loops.

        Args:
            seconds: the longest time.
            dispatched: what this returned last: if a handler has run since, it returns at once.

        Returns:
            How many handlers have run, by and by.
        """
        self.sleep(seconds, dispatched=dispatched)
        return self._dispatched

    def sleep(
        self,
        seconds: float | None,
        for_input: bool = False,
        dispatched: int | None = None,
        ready: Callable[[], bool] | None = None,
    ) -> bool:
        """Wait, running callbacks; returns True when Ctrl-C ended it early.

        Args:
            seconds: the longest time; None for ever.
            for_input: input ends it.
            dispatched: that another number of handlers has run ends it.
            ready: asked whenever something wakes the board: its yes ends it.
        """
        until = None if seconds is None else time.monotonic() + seconds
        self.end()
        try:
            while not self._interrupted():
                if for_input and self._queue:
                    return False
                if ready is not None and ready():
                    return False
                if dispatched is not None and dispatched != self._dispatched:
                    return False
                self._idle(until)
                if until is not None and time.monotonic() >= until:
                    return False
            return True
        finally:
            self.begin()

    def _interrupted(self) -> bool:
        return self._vm is not None and self._vm.interrupt_pending

    def interrupt(self) -> bool:
        """Ctrl-C hit a callback: raise it again, after that, in the program underneath.

        Returns:
            False at the prompt, where there is no program.
        """
        self._interrupt_again = self._program_runs
        return self._program_runs

    def ticked(self) -> None:
        """A host call of the program: run what is due."""
        if self._clock.bites is not None:
            self._look_at_watchdog()
        if self._bench.agenda.has_events():
            self.run_due()

    def output_full(self) -> None:
        """The ring is full: wait for the line."""
        self.end()
        try:
            self._collect()
            while self._vm is not None and self._vm.has_output:
                if not self._send_some():
                    self._receive_from_line(0.05, want_send=True)
                    self._look_at_watchdog()
            # A line that takes everything at once, as one without a client does, never makes the
            # loop above wait; Ctrl-C and the next client would not be seen while a program prints.
            self._receive_from_line(0.0)
        finally:
            self.begin()

    def output_wakes(self) -> None:
        """Output began while the watcher slept, or something is due."""
        vm = self._vm
        assert vm is not None
        if vm.waiting.value:
            vm.waiting.value = 0
            self._line.wake()
        if vm.attention.value and vm.interrupt_char >= 0:
            # Not in the REPL's own output, at the end of a command: Ctrl-C is no longer, or not
            # yet, armed there, so an endless callback could not be stopped. The prompt is near.
            vm.attention.value = 0
            self.run_due()

    # ---- the watcher's thread

    def _watch(self) -> None:
        seen, quiet = -1, 0
        while True:
            run = self._run
            if run != seen:
                seen, quiet = run, 0
            elif self._busy:
                with self._holds_line:
                    self._attend()
            else:
                quiet += 1
            if quiet < _PARK_AFTER:
                time.sleep(_TICK)
                continue
            self._parked = True
            if self._run == seen and not self._busy:
                self._unpark.wait()
            self._unpark.clear()
            self._parked = False
            quiet = 0

    def _attend(self) -> None:
        """A long command runs: hold the line for it until it stops computing."""
        with self._state:
            if self._busy:
                self._look_for_interrupt()  # it may have come in one piece with the command
        while self._busy:
            vm = self._vm
            if vm is None:
                return
            everything = self._send_some()
            vm.waiting.value = 1
            timeout = None if everything and not vm.has_output else _TICK
            if (bites := self._clock.bites) is not None:
                if self._clock.bitten():
                    vm.crash()
                wait = max(_TICK, bites - time.monotonic())
                timeout = wait if timeout is None else min(timeout, wait)
            if due := self._bench.agenda.next_due():
                wait = max(0.0, due - time.monotonic())
                if not wait:
                    vm.attention.value = 1
                    wait = 0.005
                timeout = wait if timeout is None else min(timeout, wait)
            try:
                data = self._line.wait(timeout, want_send=not everything)
            except LineEnded as end:
                self._on_end(end)
                raise
            if data:
                self._receive(data)
            elif self._busy and everything:
                time.sleep(_COALESCE)
        if self._vm is not None:
            self._vm.waiting.value = 0
