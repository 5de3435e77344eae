# SPDX-License-Identifier: Apache-2.0
"""What a board sends of its own accord with ``belay.emit(topic, value)``, on the host."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

    from belay.clock import Clock

__all__ = ["EventStream", "Events"]

log = logging.getLogger("belay")

Callback = Callable[[Any], object]
TimeOf = Callable[[int], Any]


class EventStream(Iterator[Any]):
    """The values of one topic as they arrive; made by :meth:`belay.Device.events`.

    Iterating waits for the next one. It ends when :meth:`close` is called or the Device is closed,
    and raises what ended the link if that is lost for good. Also a context manager.

    Attributes:
        topic: of which.
        dropped: values that came while ``maxlen`` others were waiting: the oldest make room.
        clock: the board's, which makes times of the ticks that :meth:`take` gives.
    """

    def __init__(
        self,
        maxlen: int,
        time_of: TimeOf | None,
        topic: Any = None,
        clock: Clock | None = None,
    ) -> None:
        if maxlen < 1:
            raise ValueError(f"maxlen must be 1 or more, not {maxlen}")
        self.topic = topic
        self.clock = clock
        self.dropped = 0
        self._waiting: deque[tuple[int, Any]] = deque(maxlen=maxlen)
        self._time_of = time_of
        self._changed = threading.Condition()
        self._ended = False
        self._error: Exception | None = None

    def __next__(self) -> Any:
        return self.get(None)

    def get(self, timeout: float | None = None) -> Any:
        """The next value.

        Args:
            timeout: seconds to wait for it; None for ever, 0 not at all.

        Raises:
            TimeoutError: none came.
            StopIteration: there will be none any more.
        """
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._waiting:
                if self._ended:
                    if self._error is not None:
                        raise self._error
                    raise StopIteration
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError(f"no event within {timeout:g} s")
                self._changed.wait(left)
            ticks, value = self._waiting.popleft()
        return value if self._time_of is None else (value, self._time_of(ticks))

    def take(self, timeout: float | None = None) -> list[tuple[int, Any]]:
        """All values that wait, at once: for streams of thousands in a second.

        Args:
            timeout: seconds to wait for the first one; None for ever, 0 not at all.

        Returns:
            The values, oldest first, each behind the board's milliseconds (see :attr:`clock`).
            Empty when none came.

        Raises:
            StopIteration: there will be none any more.
        """
        with self._changed:
            if not self._waiting and not self._ended:
                self._changed.wait(timeout)
            taken = list(self._waiting)
            self._waiting.clear()
            if taken or not self._ended:
                return taken
            if self._error is not None:
                raise self._error
            raise StopIteration

    def __len__(self) -> int:
        """How many values are waiting."""
        return len(self._waiting)

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        """Take no more; those that wait can still be had."""
        self._end(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _put(self, ticks: int, value: Any) -> bool:
        """Take a value; False once closed."""
        with self._changed:
            if self._ended:
                return False
            if len(self._waiting) == self._waiting.maxlen:
                self.dropped += 1
            self._waiting.append((ticks, value))
            self._changed.notify()
        return True

    def _end(self, error: Exception | None) -> None:
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
            self._changed.notify_all()


class Events:
    """Who on the host wants what a board emits.

    Values come in whatever thread reads the link, under the session's lock, so nothing of the
    user's runs there: streams are filled, and callbacks are called by a thread of their own, which
    may call the Device.
    """

    def __init__(self) -> None:
        self._callbacks: dict[Any, list[Callback]] = {}
        self._streams: dict[Any, list[weakref.ref[EventStream]]] = {}
        self._lock = threading.Lock()
        self._calls: queue.SimpleQueue[tuple[Callback, Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody has asked for anything."""
        return bool(self._callbacks or self._streams)

    def on(self, topic: Any, callback: Callback) -> None:
        """Call ``callback(value)`` for every value of a topic."""
        if not callable(callback):
            raise TypeError(f"{callback!r} cannot be called")
        with self._lock:
            self._callbacks.setdefault(topic, []).append(callback)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=_call, args=(self._calls,), name="belay events", daemon=True
                )
                self._thread.start()

    def off(self, topic: Any, callback: Callback | None) -> None:
        """Call it no more; None: no callback of this topic."""
        with self._lock:
            kept = [] if callback is None else list(self._callbacks.get(topic, []))
            if callback is not None:
                if callback not in kept:
                    raise ValueError(f"{callback!r} was not called for the topic {topic!r}")
                kept.remove(callback)
            self._callbacks[topic] = kept

    def stream(
        self, topic: Any, maxlen: int, time_of: TimeOf | None, clock: Clock | None = None
    ) -> EventStream:
        """An iterator over the values of a topic that come from now on."""
        stream = EventStream(maxlen, time_of, topic, clock)
        with self._lock:
            # A stream that nobody holds any more must not be filled for ever.
            self._streams.setdefault(topic, []).append(weakref.ref(stream))
        return stream

    def arrived(self, topic: Any, value: Any, ticks: int) -> None:
        """Take a value from the board."""
        try:
            callbacks = list(self._callbacks.get(topic, ()))
            streams = self._streams.get(topic, [])
        except TypeError:  # a topic that cannot be a key: nobody can have asked for it
            return
        for callback in callbacks:
            self._calls.put((callback, value))
        for reference in list(streams):
            stream = reference()
            if stream is None or not stream._put(ticks, value):
                with contextlib.suppress(ValueError):
                    streams.remove(reference)

    def end(self, error: Exception | None = None) -> None:
        """There will be no more: end the streams, and the thread once its calls are done."""
        for streams in list(self._streams.values()):
            for reference in list(streams):
                stream = reference()
                if stream is not None:
                    stream._end(error)
        if error is None:
            self._calls.put(None)


def _call(calls: queue.SimpleQueue[tuple[Callback, Any] | None]) -> None:
    """Call callbacks until told to end."""
    while True:
        item = calls.get()
        if item is None:
            return
        callback, value = item
        try:
            callback(value)
        except Exception:
            log.exception("the callback %r of an event has raised", callback)
        del item, callback, value  # keeps nothing alive while it waits
