# SPDX-License-Identifier: Apache-2.0
"""Where the samples of a plot come from. Each source fills one series, in a thread of its own."""

from __future__ import annotations

import ast
import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from belay.events import EventStream
from belay.generators import BoardGenerator
from belay.proxies import ProxyObject
from belay_jupyter import polling
from belay_jupyter.plots.series import NotPlottable, Series

if TYPE_CHECKING:
    from belay.clock import Clock
    from belay.device import Device

__all__ = ["Given", "Source", "labels_in", "parts_of", "source_of"]

_WAIT = 0.1
"""Seconds after which a thread that waits for samples looks whether it is to stop."""


class Source:
    """Fills a series until it is stopped or there is no more.

    Attributes:
        label: what it is called, if the user calls it nothing.
        labels: names for its channels, in order; usually the samples bring them.
        error: what has ended it, as text; empty where nothing did, or its end.
        ended: set once there will be no more samples.
        clock: of the board, in whose recording the times are those of the recording; None where
            there is no board.
    """

    def __init__(self, label: str, clock: Clock | None = None) -> None:
        self.label = label
        self.clock = clock
        self.labels: list[str] = []
        self.error = ""
        self.ended = threading.Event()
        self._stopping = threading.Event()
        self._last = -math.inf

    @property
    def over(self) -> bool:
        """Whether there will be no more samples."""
        return self.ended.is_set()

    def start(self, series: Series, began: float) -> None:
        """Begin.

        Args:
            series: to fill.
            began: the host's ``time.monotonic()`` at the plot's time zero.
        """
        self._begin(series, began)
        threading.Thread(target=self._work, name=f"belay plot {self.label}", daemon=True).start()

    def _begin(self, series: Series, began: float) -> None:
        self._series = series
        self._began = began if self.clock is None else self.clock.moment("plot", began)

    def _now(self) -> float:
        return time.monotonic() if self.clock is None else self.clock.now()

    def stop(self) -> None:
        """Take no more samples."""
        self._stopping.set()

    def _work(self) -> None:
        try:
            self._fill()
        except StopIteration:
            pass
        except NotPlottable as error:
            self.error = str(error)
        except BaseException as error:
            self.error = f"{type(error).__name__}: {error}".rstrip(": ")
        finally:
            self.ended.set()

    def _fill(self) -> None:
        raise NotImplementedError

    def _add(self, moment: float, sample: Any) -> None:
        """Add a sample of a moment (``time.monotonic()``)."""
        # An estimate of a clock may become better, which must not turn time round.
        self._last = max(self._last, moment - self._began)
        self._series.add(self._last, sample)


class EventSource(Source):
    """What a board emits; its times are those of the board."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(str(stream.topic), stream.clock)
        self._stream = stream

    def _fill(self) -> None:
        stream, clock = self._stream, self._stream.clock
        ticks_before, moment = None, 0.0
        try:
            while not self._stopping.is_set():
                for ticks, sample in stream.take(_WAIT):
                    if ticks != ticks_before:
                        ticks_before = ticks
                        moment = _moment(clock, ticks)
                    self._add(moment, sample)
                self._series.dropped = stream.dropped
        finally:
            stream.close()


def _moment(clock: Clock | None, ticks: int) -> float:
    """The host's time of a board's tick; that of the arrival while nothing is known of its clock.

    Only a first cell that emits before the board has answered anything is so early.
    """
    if clock is not None:
        with contextlib.suppress(ValueError):
            return clock.monotonic(ticks)
    return time.monotonic()


class IteratorSource(Source):
    """What an iterator yields: a generator of a board, or any other.

    Times are those of a board's generator with ``return_time=True``, or of the arrival.
    """

    def __init__(self, items: Iterator[Any]) -> None:
        name = getattr(items, "_name", None) or getattr(items, "__name__", "")
        clock = items.clock if isinstance(items, BoardGenerator) else None
        super().__init__(str(name or type(items).__name__), clock)
        self._items = items

    def _fill(self) -> None:
        # datetimes are on the clock of the wall, the plot is not.
        wall = time.time() - time.monotonic()
        try:
            for item in self._items:
                if self._stopping.is_set():
                    return
                if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], datetime):
                    self._add(item[1].timestamp() - wall, item[0])
                else:
                    self._add(self._now(), item)
        finally:
            if isinstance(self._items, BoardGenerator):
                with contextlib.suppress(Exception):  # a board that is gone: it has ended too
                    self._items.close()


class CalledSource(Source):
    """What a function of the host returns, called again and again."""

    def __init__(self, function: Callable[[], Any], every: float) -> None:
        super().__init__(getattr(function, "__name__", "value"))
        self._function = function
        self._every = every

    def _fill(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            before = time.monotonic()
            sample = self._function()
            self._add((before + time.monotonic()) / 2, sample)
            due = max(due + self._every, time.monotonic())
            self._stopping.wait(due - time.monotonic())


class PolledSource(Source):
    """What a board answers when it is idle: the value of an expression, or an object's reading."""

    def __init__(self, device: Device, question: polling.Question, label: str, every: float):
        super().__init__(label, device.clock)
        self._device = device
        self._question = question
        self._every = every
        self._watch: polling.Watch | None = None

    def start(self, series: Series, began: float) -> None:
        """Begin; the poller of the board has the thread."""
        self._begin(series, began)
        poller = polling.poller_of(self._device)
        self._watch = poller.watch(self._question, self._take, self._every)

    def stop(self) -> None:
        """Ask no more."""
        if self._watch is not None:
            self._watch.stop()
        self.ended.set()

    def _take(self, answer: polling.Answer) -> None:
        if self.over:
            return
        self.error = answer.error
        if not answer.error:
            try:
                self._add(answer.time, answer.value)
                return
            except NotPlottable as error:
                self.error = str(error)
        # A sensor that does not answer once may answer again; what cannot be plotted never will.
        if answer.ended or not answer.error:
            self.stop()


class Given(Source):
    """Samples that a program gives, with :meth:`take`: what a cell prints, for example."""

    def start(self, series: Series, began: float) -> None:
        """Begin to take."""
        self._begin(series, began)

    def take(self, sample: Any) -> None:
        """Add a sample, of now. Once stopped, it does nothing."""
        if not self.over:
            self._add(self._now(), sample)

    def stop(self) -> None:
        """Take no more."""
        self.ended.set()


# ----------------------------------------------------------------------------- from what is given


def source_of(what: Any, every: float, device: Callable[[], Device]) -> Source:
    """A source of what the user gives.

    Args:
        what: events, a generator, an iterator, a proxy, the text of an expression, a function.
        every: seconds between two looks at what is to be polled.
        device: gives the board that expressions are for.

    Raises:
        TypeError: it is nothing of these.
        ValueError: ``every`` is no time, or the expression none.
    """
    if isinstance(what, Source):
        return what
    if isinstance(what, EventStream):
        return EventSource(what)
    if not every > 0:
        raise ValueError(f"every={every!r}: it must be a number of seconds, such as 0.1")
    if isinstance(what, ProxyObject):
        question = polling.Question(polling.READING, what)
        return PolledSource(what._belay_device, question, _called(what), every)
    if isinstance(what, str):
        try:
            ast.parse(what.strip(), mode="eval")
        except SyntaxError:
            raise ValueError(f"{what!r} is no expression; such as: 'adc.read_u16()'") from None
        question = polling.Question(polling.VALUE, what.strip())
        source = PolledSource(device(), question, what.strip(), every)
        source.labels = labels_in(what)
        return source
    if isinstance(what, Iterator):
        return IteratorSource(what)
    if callable(what):
        return CalledSource(what, every)
    raise TypeError(
        f"{what!r:.80} cannot be plotted. What can: device.events(topic), a generator of a "
        "task, a proxy, an expression in quotes, a function that returns numbers, or a list or "
        "dict of these"
    )


def _called(proxy: ProxyObject) -> str:
    kind = proxy._belay_kind
    target = proxy._belay_target
    name = getattr(proxy, "_belay_name", None) or (target if isinstance(target, str) else "")
    return str(name or (kind.name.rpartition(".")[2] if kind is not None else f"object {target}"))


def labels_in(expression: str) -> list[str]:
    """Names for the channels of an expression: of a tuple, what its items are."""
    body = ast.parse(expression.strip(), mode="eval").body
    return [ast.unparse(one) for one in body.elts] if isinstance(body, ast.Tuple) else []


def parts_of(given: Iterable[Any]) -> list[tuple[str, Any]]:
    """What the user gives, flat: lists opened, dicts too, each with its name or an empty one."""
    found: list[tuple[str, Any]] = []
    for one in given:
        if isinstance(one, Mapping):
            found += [(str(name), what) for name, what in one.items()]
        elif isinstance(one, (list, tuple)):
            found += parts_of(one)
        else:
            found.append(("", one))
    return found
