# SPDX-License-Identifier: Apache-2.0
"""A plot that grows: its data, the thread that shows them, and the picture that stays."""

from __future__ import annotations

import csv
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from belay_jupyter.plots import picture
from belay_jupyter.plots.series import Series, merged
from belay_jupyter.plots.sources import Source, labels_in, parts_of, source_of

if TYPE_CHECKING:
    import numpy
    import pandas
    from typing_extensions import Self

    from belay.device import Device
    from belay_jupyter.plots.shown import Shown

__all__ = ["LivePlot", "make", "of_expression", "wire"]

_FRAME = 0.04
"""Seconds between two messages to the browser: 25 in a second where there is something new."""

_STATUS = 0.5
"""Seconds over which the rate is counted."""


class LivePlot:
    """A figure that grows while boards measure. Made by :func:`belay_jupyter.plot`.

    It measures from the moment it is made until every source has ended or :meth:`stop` is called;
    showing it, as a cell's last value or with ``display``, is another matter. Also a context
    manager, which stops it.

    Attributes:
        series: what was measured: one for each source.
        started: when it began; its time zero.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        series: Sequence[Series],
        *,
        title: str = "",
        window: float = 10.0,
        height: int = 300,
    ) -> None:
        self.series = list(series)
        self.started = datetime.now().astimezone()
        self.title, self.window, self.height = title, window, height
        self._sources = list(sources)
        self._began = time.monotonic()
        self._counted: list[tuple[float, int]] = [(self._began, 0)]
        self._shown: Shown | None = None
        self._finished = threading.Event()
        for source, one in zip(self._sources, self.series, strict=True):
            source.start(one, self._began)
        threading.Thread(target=self._work, name="belay plot", daemon=True).start()

    # ---------------------------------------------------------------------------- running

    @property
    def running(self) -> bool:
        """Whether more samples may come."""
        return not all(source.over for source in self._sources)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until every source has ended.

        Args:
            seconds: at most so long; None: as long as it takes.

        Returns:
            Whether they have ended.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while not self._finished.is_set():
            left = 0.1 if end is None else min(0.1, end - time.monotonic())
            if left <= 0:
                break
            self._finished.wait(left)  # in pieces: on Windows no interrupt ends a wait
        if self._finished.is_set():
            self.refresh()
        return not self.running

    def stop(self) -> None:
        """Measure no more. The figure stays, with all its data."""
        for source in self._sources:
            source.stop()
        for source in self._sources:
            source.ended.wait(1.0)  # it may be in the middle of a sample
        self._finished.wait(1.0)
        self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _work(self) -> None:
        while self.running:
            for source in self._sources:
                source.ended.wait(_FRAME / len(self._sources))
            self._push()
        self._push()
        if self._shown is not None:
            self._shown.keep_picture()
        self._finished.set()

    def _push(self) -> None:
        now, total = time.monotonic(), self.samples
        if now - self._counted[-1][0] >= _STATUS / 4:
            self._counted.append((now, total))
            while len(self._counted) > 2 and now - self._counted[0][0] > 2 * _STATUS:
                self._counted.pop(0)
        shown = self._shown
        if shown is not None:
            shown.push()

    # ---------------------------------------------------------------------------- facts

    @property
    def samples(self) -> int:
        """How many samples have come, those included that are not kept any more."""
        return sum(one.total for one in self.series)

    @property
    def lost(self) -> int:
        """How many never arrived, as far as is known: by ``sequence=``, or dropped by a stream."""
        return sum(one.lost for one in self.series)

    @property
    def rate(self) -> float:
        """Samples per second, just now."""
        (before, few), (now, many) = self._counted[0], self._counted[-1]
        return (many - few) / (now - before) if now > before and self.running else 0.0

    @property
    def errors(self) -> list[str]:
        """What went wrong with a source, and its name."""
        return [
            f"{one.label}: {source.error}"
            for one, source in zip(self.series, self._sources, strict=True)
            if source.error
        ]

    @property
    def note(self) -> str:
        """What has been measured, in one line."""
        lost = f", {self.lost:,} lost" if self.lost else ""
        return "; ".join([f"{self.samples:,} samples{lost}", *self.errors])

    def __repr__(self) -> str:
        names = ", ".join(name for one in self.series for name in one.drawn)
        state = f"{self.rate:.0f}/s" if self.running else "ended"
        return f"<LivePlot of {names or 'nothing yet'}: {self.note} ({state})>"

    # ---------------------------------------------------------------------------- data

    def arrays(self) -> dict[str, tuple[numpy.ndarray, numpy.ndarray]]:
        """Times in seconds and values of each channel, as numpy arrays.

        Raises:
            ImportError: numpy is not installed.
        """
        try:
            import numpy
        except ImportError:
            raise _missing("numpy") from None

        found = {}
        for one in self.series:
            rows = one.rows()
            times = numpy.frombuffer(rows.times)
            found.update({n: (times, numpy.frombuffer(c)) for n, c in rows.columns.items()})
        return found

    def frame(self) -> pandas.DataFrame:
        """All channels as one table of pandas, by time in seconds; NaN where a source has none.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise _missing("pandas") from None

        table = list(merged(self.series))
        index = pandas.Index([row[0] for row in table], name="seconds", dtype="float64")
        names = [name for one in self.series for name in one.channels]
        columns = {name: [row[at] for row in table] for at, name in enumerate(names, 1)}
        return pandas.DataFrame(columns, index=index, dtype="float64")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that is kept as a table (``.csv``) or as a picture (``.svg``).

        Raises:
            ValueError: the name ends otherwise. (A PNG is made by the browser, by its button.)
        """
        kind = Path(path).suffix.lower()
        if kind == ".svg":
            Path(path).write_text(self.svg(), encoding="utf-8")
        elif kind == ".csv":
            with open(path, "w", newline="", encoding="utf-8") as file:
                self.write_csv(file)
        else:
            raise ValueError(f"{path}: a plot is saved as .csv or .svg; the PNG button makes a PNG")

    def write_csv(self, file: TextIO) -> None:
        """Write a line for each sample: the time in seconds, and the values."""
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seconds", *(name for one in self.series for name in one.channels)])
        writer.writerows(merged(self.series))

    def svg(self) -> str:
        """All that is kept, as a picture."""
        return picture.svg(self.series, title=self.title, height=self.height, note=self.note)

    # ---------------------------------------------------------------------------- shown

    def refresh(self) -> None:
        """Bring the picture that is saved with the notebook up to date."""
        if self._shown is not None:
            self._push()
            self._shown.keep_picture()

    def _ipython_display_(self) -> None:
        from belay_jupyter.plots.shown import Shown

        if self._shown is None:
            self._shown = Shown(self)
        self._shown.show()


def _missing(name: str) -> ImportError:
    return ImportError(
        f"{name} is not installed: %pip install {name}. Without it: plot.series[0].rows() has "
        "times and columns, and plot.save('x.csv') writes them",
        name=name,
    )


def make(
    given: Sequence[Any],
    device: Callable[[], Device],
    *,
    labels: Sequence[str] = (),
    every: float = 0.1,
    seconds: float | None = None,
    window: float = 10.0,
    keep: int | None = 1_000_000,
    sequence: str | int | None = None,
    title: str = "",
    height: int = 300,
) -> LivePlot:
    """Make a plot and begin to measure; :func:`belay_jupyter.plot` says more.

    Args:
        given: the sources.
        device: gives the board for expressions.
        labels: names of channels or sources.
        every: seconds between two values of what is asked for.
        seconds: end after so long.
        window: seconds seen at once.
        keep: most samples of a source.
        sequence: the channel that counts.
        title: above the plot.
        height: in pixels.
    """
    parts = parts_of(given)
    if not parts:
        raise TypeError("nothing to plot; such as: plot(device.events('imu'))")
    if not window > 0:
        raise ValueError(f"window={window!r}: it must be a number of seconds, such as 10")
    sources = [source_of(what, every, device) for _, what in parts]
    left = list(labels)
    names = set[str]()
    series = []
    for (name, _), source in zip(parts, sources, strict=True):
        label = name or (left.pop(0) if left and len(parts) > 1 else source.label)
        label = next(one for one in _numbered(label) if one not in names)
        names.add(label)
        own = left if len(parts) == 1 else []
        own = own or source.labels
        series.append(Series(label, keep=keep, labels=own, sequence=sequence))
    figure = LivePlot(sources, series, title=title, window=window, height=height)
    if seconds is not None:
        timer = threading.Timer(seconds, figure.stop)
        timer.daemon = True
        timer.start()
    return figure


def _numbered(label: str) -> Iterator[str]:
    """The label; then the same with a number, for another source of that name."""
    yield label
    yield from (f"{label} ({number})" for number in count(2))


def of_expression(device: Device, expression: str, every: float, named: str = "") -> Source:
    """A source that asks one board for the value of an expression.

    Args:
        device: the board.
        expression: of the board.
        every: seconds between two values.
        named: what stands in front of its name.
    """
    source = source_of(expression, every, lambda: device)
    source.label = named + source.label
    source.labels = [named + name for name in labels_in(expression)]
    return source


def wire(values: Any) -> bytes:
    """The bytes of an array of doubles as browsers have them: the low byte first."""
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return bytes(memoryview(values).cast("B"))
