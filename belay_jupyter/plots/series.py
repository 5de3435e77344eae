# SPDX-License-Identifier: Apache-2.0
"""What was measured: times and channels of one source, in order, with what was lost counted."""

from __future__ import annotations

import math
import sys
import threading
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["MOST_CHANNELS", "NotPlottable", "Rows", "Series", "named"]

MOST_CHANNELS = 64

_MOST_IN_A_PAGE = 1_000_000

_NAN = math.nan


class NotPlottable(TypeError):
    """A sample that is no number, and no tuple, list or dict of numbers."""


class Rows(NamedTuple):
    """Some rows of a series.

    Attributes:
        first: number of the first row, counted from the series' beginning.
        times: seconds since the plot began.
        columns: values by channel; NaN where a sample had none.
    """

    first: int
    times: array[float]
    columns: dict[str, array[float]]


def named(sample: Any, label: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The channels of a sample, and its values.

    Args:
        sample: a number, a tuple or list of numbers, or a dict of numbers by name. None stands for
            a value that is missing.
        label: of the source: the name of a single channel, and the beginning of others'.

    Raises:
        NotPlottable: it is something else.
    """
    if isinstance(sample, (int, float)) or sample is None:
        return (label,), (_number(sample, label),)
    if isinstance(sample, Mapping):
        names = tuple(str(name) for name in sample)
        values: Any = sample.values()
    elif isinstance(sample, (str, bytes, bytearray)) or not isinstance(sample, (Sequence, array)):
        raise NotPlottable(
            f"{label}: {sample!r:.80} cannot be plotted: a sample is a number, a tuple or list of "
            "numbers, or a dict of numbers by name"
        )
    else:
        values = sample
        names = tuple(f"{label}[{index}]" for index in range(len(sample)))
    if not 0 < len(names) <= MOST_CHANNELS:
        raise NotPlottable(
            f"{label}: a sample of {len(names)} values; plots take 1 to {MOST_CHANNELS}"
        )
    return names, tuple(_number(v, name) for v, name in zip(values, names, strict=True))


def _number(value: Any, name: str) -> float:
    if value is None:
        return _NAN
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    raise NotPlottable(f"{name}: {value!r:.80} is no number")


class Series:
    """The samples of one source. One thread adds, others read.

    Args:
        label: what the source is called.
        keep: most rows that are kept, the newest ones; None keeps all.
        labels: names for the channels, in order, in place of those that the samples bring.
        sequence: the channel that counts samples, by name or place. What is missing from it is
            counted in :attr:`lost`; it is recorded, and not drawn.

    Attributes:
        label: of the source.
        total: rows that were ever added.
        lost: samples that never arrived.
        channels: names of the channels, in order.
        drawn: those that are drawn.
    """

    def __init__(
        self,
        label: str,
        *,
        keep: int | None = None,
        labels: Sequence[str] = (),
        sequence: str | int | None = None,
    ) -> None:
        if keep is not None and keep < 1:
            raise ValueError(f"keep={keep!r}: it must be a number of samples, or None for all")
        self.label = label
        self.total = 0
        self.gaps = 0
        self.dropped = 0
        self._keep = keep
        self._labels = list(labels)
        self._sequence = sequence
        self._expected: float | None = None
        self._times: array[float] = array("d")
        self._columns: dict[str, array[float]] = {}
        self._seen: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._lock = threading.Lock()

    @property
    def most(self) -> int:
        """How many rows a browser is to keep; a page cannot hold everything for ever."""
        return _MOST_IN_A_PAGE if self._keep is None else min(self._keep, _MOST_IN_A_PAGE)

    @property
    def lost(self) -> int:
        """Samples that are missing by their sequence numbers, or were dropped on the way here."""
        return self.gaps + self.dropped

    @property
    def channels(self) -> list[str]:
        """Names of the channels, in order."""
        with self._lock:
            return list(self._columns)

    @property
    def drawn(self) -> list[str]:
        """Names of the channels that are drawn."""
        hidden = self._counting()
        return [name for name in self.channels if name != hidden]

    def __len__(self) -> int:
        return len(self._times) if self._keep is None else min(len(self._times), self._keep)

    def add(self, time: float, sample: Any) -> None:
        """Take a sample.

        Args:
            time: seconds since the plot began; not earlier than that of the sample before.
            sample: as :func:`named` takes it.

        Raises:
            NotPlottable: it is something else, or has too many new channels.
        """
        given, values = named(sample, self.label)
        names = self._seen.get(given) or self._rename(given)
        with self._lock:
            if any(name not in self._columns for name in names):
                self._widen(names)
            if self._sequence is not None:
                self._count(names, values)
            self._times.append(time)
            for name, value in zip(names, values, strict=True):
                self._columns[name].append(value)
            if len(names) < len(self._columns):
                for column in self._columns.values():
                    if len(column) < len(self._times):
                        column.append(_NAN)
            self.total += 1
            if self._keep is not None and len(self._times) > self._keep + self._keep // 4 + 64:
                surplus = len(self._times) - self._keep
                del self._times[:surplus]
                for column in self._columns.values():
                    del column[:surplus]

    def _rename(self, given: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(self._labels[: len(given)]) + given[len(self._labels) :]
        if len(set(names)) < len(names):
            raise NotPlottable(f"{self.label}: two channels of the same name: {', '.join(names)}")
        if len(self._seen) < 1000:
            self._seen[given] = names
        return names

    def _widen(self, names: tuple[str, ...]) -> None:
        new = [name for name in names if name not in self._columns]
        if len(self._columns) + len(new) > MOST_CHANNELS:
            raise NotPlottable(f"{self.label}: more than {MOST_CHANNELS} channels")
        for name in new:
            self._columns[name] = array("d", [_NAN]) * len(self._times)

    def _counting(self) -> str | None:
        """The name of the channel that counts."""
        if isinstance(self._sequence, str) or self._sequence is None:
            return self._sequence
        columns = list(self._columns)
        return columns[self._sequence] if self._sequence < len(columns) else None

    def _count(self, names: tuple[str, ...], values: tuple[float, ...]) -> None:
        counting = self._counting()
        if counting not in names:
            return
        number = values[names.index(counting)]
        if self._expected is not None and number > self._expected:
            self.gaps += int(number - self._expected)
        self._expected = number + 1 if math.isfinite(number) else None

    def rows(self, since: int = 0, most: int = sys.maxsize) -> Rows:
        """A copy of what is kept.

        Args:
            since: without the rows before this one.
            most: no more rows than this, the first ones.
        """
        with self._lock:
            first = max(since, self.total - len(self), 0)
            at = len(self._times) - (self.total - first)
            end = min(at + most, len(self._times))
            columns = {name: column[at:end] for name, column in self._columns.items()}
            return Rows(first, self._times[at:end], columns)


def merged(series: Sequence[Series]) -> Iterator[list[float | None]]:
    """All samples of several series as one table: the time, and each channel or None, by time."""
    tables = [one.rows() for one in series]
    widths = [len(table.columns) for table in tables]
    total = sum(widths)
    moments: dict[float, list[list[float | None]]] = {}
    offset = 0
    for table, width in zip(tables, widths, strict=True):
        for time, *values in zip(table.times, *table.columns.values(), strict=True):
            rows = moments.setdefault(time, [])
            for row in rows:  # another source's of the same moment
                if all(value is None for value in row[offset : offset + width]):
                    break
            else:
                row = [None] * total
                rows.append(row)
            row[offset : offset + width] = [None if v != v else v for v in values]
        offset += width
    for time in sorted(moments):
        for row in moments[time]:
            yield [time, *row]
