# SPDX-License-Identifier: Apache-2.0
"""``belay latency``."""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from belay.cli.boards import Board, each_board
from belay.cli.options import ANY_BOARD, BoardOptions, Json, Words
from belay.cli.usage import UsageError
from belay.errors import BelayException

if TYPE_CHECKING:
    from belay.latency import Sample

__all__ = ["latency"]

_PARTS = ("total", "host", "link", "board")
_PERCENTILES = (50, 90, 95, 99)
_BAR = 40
_BINS = 10


def latency(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    count: Annotated[int, Parameter(name=("--count", "-c"))] = 10,
    warm_up: int = 3,
    verbose: Annotated[bool, Parameter(name=("--verbose", "-v"))] = False,
    output: Annotated[str | None, Parameter(name=("--output", "-o"))] = None,
    with_timing: Annotated[
        bool, Parameter(negative=("--no-with-timing", "--without-timing"))
    ] = True,
    json: Json = False,
) -> int:
    """Measure how long a call takes, and where the time goes.

    Calls the board for the value of 0 again and again. A call's time is split: host is this
    computer, which writes the request and reads the answer; board is from when the board's prompt
    has read the request until it has written the answer; link is all between: drivers, USB, wires
    or network, both ways, and the prompt's reading.

    Args:
        words: PORT.
        boards: which boards.
        count: calls that are measured; 10 by default.
        warm_up: calls before these, which are not; 3 by default.
        verbose: show every call.
        output: write a CSV file, a line for each call: latency_ms, host_ms, link_ms, board_ms.
        with_timing: taken for Belay's sake: every answer tells the board's time.
        json: print statistics, histogram and all calls as a JSON object, in milliseconds.

    Examples:
        belay latency
        belay latency virtual: --count 1000
        belay latency -c 100 -o latency.csv
        belay latency -t all --json
    """
    split = boards.split(words, most=0)
    if count < 1:
        raise UsageError(f"--count {count}: at least one call is to be measured")
    if warm_up < 0:
        raise UsageError(f"--warm-up {warm_up}: less than none makes no sense")

    def work(board: Board) -> dict[str, Any]:
        from belay.latency import measure_latency

        def tell(sample: Sample) -> None:
            board.print("  ".join(f"{name} {_shown(getattr(sample, name))}" for name in _PARTS))

        options: dict[str, Any] = {"progress": tell} if verbose and not json else {}
        samples = measure_latency(board.device, count, warm_up=warm_up, **options)
        if output is not None:
            _write(_file_of(output, board), samples)
        return _summary(samples)

    return each_board(split, work, _show, json=json, startup="")


def _summary(samples: Sequence[Sample]) -> dict[str, Any]:
    """What is told of some calls, in milliseconds."""
    found: dict[str, Any] = {"count": len(samples)}
    for part in _PARTS:
        values = [getattr(sample, part) for sample in samples]
        known = sorted(value * 1e3 for value in values if value is not None)
        found[f"{part}_ms"] = _statistics(known) if known else None
    found["histogram"] = _histogram(sorted(sample.total * 1e3 for sample in samples))
    found["samples"] = [
        {f"{part}_ms": _milliseconds(getattr(sample, part)) for part in _PARTS}
        for sample in samples
    ]
    return found


def _statistics(values: Sequence[float]) -> dict[str, float]:
    """Statistics of sorted values."""
    found = {
        "min": values[0],
        "max": values[-1],
        "average": statistics.fmean(values),
        "median": statistics.median(values),
        "std_dev": statistics.stdev(values) if len(values) > 1 else 0.0,
    }
    for percent in _PERCENTILES:
        # The smallest value that at least so many of them do not exceed (nearest rank).
        found[f"p{percent}"] = values[max(0, math.ceil(percent / 100 * len(values)) - 1)]
    return {name: round(value, 4) for name, value in found.items()}


def _histogram(values: Sequence[float]) -> list[dict[str, float]]:
    """Counts in bins of equal width; the last one also holds the slowest twentieth.

    Args:
        values: sorted, in milliseconds.
    """
    low, high = values[0], values[max(0, math.ceil(0.95 * len(values)) - 1)]
    width = (high - low) / _BINS or 1e-3
    counts = [0] * _BINS
    for value in values:
        counts[min(_BINS - 1, int((value - low) / width))] += 1
    edges = [low + width * number for number in range(_BINS)]
    return [
        {"from": round(edge, 4), "count": number}
        for edge, number in zip(edges, counts, strict=True)
    ]


def _show(board: Board, found: dict[str, Any]) -> None:
    total = found["total_ms"]
    board.print(f"Statistics ({found['count']} samples):")
    for title, key in (
        ("Min", "min"), ("Max", "max"), ("Average", "average"), ("Median", "median"),
        ("Std Dev", "std_dev"), ("90 %", "p90"), ("95 %", "p95"), ("99 %", "p99"),
    ):  # fmt: skip
        board.print(f"  {title + ':':<9}{total[key]:9.3f} ms")
    board.print("Where the time goes (median, 95 %):")
    for part in _PARTS[1:]:
        values = found[f"{part}_ms"]
        told = f"{values['median']:9.3f} ms {values['p95']:9.3f} ms" if values else "   not told"
        board.print(f"  {part + ':':<9}{told}")
    if found["count"] >= _BINS:
        board.print("Histogram:")
        most = max(row["count"] for row in found["histogram"])
        for row in found["histogram"]:
            bar = "#" * math.ceil(_BAR * row["count"] / most)
            board.print(f"  {row['from']:9.3f} ms  {row['count']:>6} {bar}".rstrip())


def _file_of(output: str, board: Board) -> Path:
    """Where the times of a board go: with several of them, each has a file of its own."""
    path = Path(output)
    if board.alone:
        return path
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in board.name)
    return path.with_name(f"{path.stem}-{name}{path.suffix}")


def _write(path: Path, samples: Sequence[Sample]) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["latency_ms", *(f"{part}_ms" for part in _PARTS[1:])])
            for sample in samples:
                values = [_milliseconds(getattr(sample, part)) for part in _PARTS]
                writer.writerow(["" if value is None else value for value in values])
    except OSError as error:
        raise BelayException(f"{path} cannot be written: {error.strerror}") from error


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 4)


def _shown(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.3f} ms"
