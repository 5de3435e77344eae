# SPDX-License-Identifier: Apache-2.0
"""``belay latency``: what is measured, how it is split, and what is told of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
from belay.cli import main
from belay.cli.latency import _histogram, _statistics, _summary
from belay.latency import Sample, measure_latency
from belay.transports import open_transport
from belay.transports.shaped import ShapedTransport
from belay.transports.virtual import close_shared

Capture = pytest.CaptureFixture[str]
BOARD = "virtual:latency"
PARTS = ("latency_ms", "host_ms", "link_ms", "board_ms")


@pytest.fixture(autouse=True, scope="module")
def shared_board() -> Iterator[None]:
    yield
    close_shared()


def test_the_parts_are_the_whole() -> None:
    told: list[Sample] = []
    with belay.Device(BOARD) as device:
        samples = measure_latency(device, 60, warm_up=1, progress=told.append)
        assert "handle" in device("repr(__b)")  # the board's clock is off again
        assert samples == told
    assert len(samples) == 60  # more than the board keeps at a time
    for sample in samples:
        assert sample.host is not None
        assert sample.link is not None
        assert sample.board is not None
        assert sample.host + sample.link + sample.board == pytest.approx(sample.total)
        assert min(sample.host, sample.link, sample.board) >= 0


def test_a_slow_link_is_the_links_part() -> None:
    delay = 0.03
    slow = ShapedTransport(open_transport(BOARD), delay=delay)
    with belay.Device(slow, startup="") as device:
        for sample in measure_latency(device, 2, warm_up=0):
            assert sample.link is not None
            assert sample.link >= 2 * delay


def test_a_slow_board_is_the_boards_part() -> None:
    # What it waits for cannot be quicker; how much slower it is depends on the machine.
    with belay.Device(BOARD) as device:
        (sample,) = measure_latency(device, 1, warm_up=0, expression="time.sleep_ms(40)")
        assert sample.board is not None
        assert sample.board >= 0.039
        assert sample.total >= sample.board


def test_a_board_without_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    from belay.session import session

    monkeypatch.setattr(session, "_holds_agent", lambda facts: False)
    with belay.Device(BOARD, startup="") as device:
        (sample,) = measure_latency(device, 1, warm_up=0)
    assert sample.total > 0
    assert (sample.host, sample.link, sample.board) == (None, None, None)
    found = _summary([sample])
    assert found["host_ms"] is None


@pytest.mark.parametrize("options", [{"count": 0}, {"warm_up": -1}])
def test_what_cannot_be_measured(options: dict[str, int]) -> None:
    with belay.Device(BOARD, startup="") as device, pytest.raises(ValueError):
        measure_latency(device, **options)


def test_for_people(capsys: Capture) -> None:
    assert main(["latency", BOARD, "-v"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("total ") for line in lines) == 10
    assert "Statistics (10 samples):" in lines
    text = "\n".join(lines)
    for title in ("Min:", "Max:", "Average:", "Median:", "Std Dev:", "99 %:", "link:", "board:"):
        assert f"  {title}" in text
    assert "Histogram:" in lines


@pytest.mark.parametrize("option", ["--with-timing", "--no-with-timing", "--without-timing"])
def test_options_of_belay(option: str, capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "times.csv"
    assert main(["latency", BOARD, "--count", "2", option, "--output", str(file)]) == 0
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 2
    assert tuple(rows[0]) == PARTS
    assert all(float(row["latency_ms"]) > 0 for row in rows)


def test_for_programs(capsys: Capture) -> None:
    assert main(["latency", BOARD, "-c", "3", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["count"] == len(found["samples"]) == 3
    assert sum(row["count"] for row in found["histogram"]) == 3
    for part in ("total_ms", "host_ms", "link_ms", "board_ms"):
        assert found[part]["min"] <= found[part]["median"] <= found[part]["p99"]
        assert found[part]["p99"] == found[part]["max"]


def test_several_boards_have_a_file_each(capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "times.csv"
    targets = ["-t", BOARD, "-t", "virtual:other"]
    assert main(["latency", "-c", "1", *targets, "-o", str(file)]) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["times-virtual_latency.csv", "times-virtual_other.csv"]


@pytest.mark.parametrize("options", [["-c", "0"], ["--warm-up", "-1"], ["-c", "many"]])
def test_numbers_that_make_no_sense(options: list[str], capsys: Capture) -> None:
    assert main(["latency", BOARD, *options]) == 2
    assert capsys.readouterr().err.startswith("belay: latency: ")


def test_a_file_that_cannot_be_written(capsys: Capture, tmp_path: Path) -> None:
    assert main(["latency", BOARD, "-c", "1", "-o", str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_statistics() -> None:
    values = [float(number) for number in range(1, 101)]
    found = _statistics(values)
    assert (found["p50"], found["p90"], found["p99"]) == (50, 90, 99)
    assert (found["min"], found["max"], found["average"], found["median"]) == (1, 100, 50.5, 50.5)
    assert _statistics([2.0])["std_dev"] == 0
    bins = _histogram([*[1.0] * 90, *[2.0] * 9, 500.0])
    assert [row["count"] for row in bins] == [90, *[0] * 8, 10]  # one that is late hides nothing
    assert sum(row["count"] for row in _histogram(values)) == 100
