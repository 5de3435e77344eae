# SPDX-License-Identifier: Apache-2.0
"""The host side of live plots, on virtual boards: what is measured, when, and what is told."""

from __future__ import annotations

import csv
import io
import itertools
import math
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import belay
import belay_jupyter
from belay_jupyter import polling
from belay_jupyter.plots import picture
from belay_jupyter.plots.figure import LivePlot, of_expression
from belay_jupyter.plots.printed import PrintedTuples, tuple_in
from belay_jupyter.plots.series import NotPlottable, Series, merged
from belay_jupyter.plots.sources import labels_in

PATIENCE = 60.0

EMIT = """
import belay, time
def spin(n, us):
    due = time.ticks_us()
    for i in range(n):
        belay.emit('imu', (i, i % 100, -i, 7))
        due = time.ticks_add(due, us)
        while time.ticks_diff(due, time.ticks_us()) > 0:
            time.sleep_us(50)
"""


@pytest.fixture(scope="module")
def board() -> Iterator[belay.Device]:
    with belay.Device("virtual:") as device:
        device(EMIT)
        device("from machine import ADC, Pin\nadc = ADC(26)\npin = Pin(3, Pin.OUT)")
        yield device


def wait_until(condition: Callable[[], bool], changed: threading.Event | None = None) -> None:
    """Until it holds; what changes it comes from another thread that tells nobody."""
    tick = changed or threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        tick.wait(0.02)
    raise AssertionError("it never came to be")


# ----------------------------------------------------------------------------- sources


def stream_for(device: belay.Device, samples: int) -> LivePlot:
    """Plot what a board emits at 2,000 samples a second of 3 channels, to its end."""
    stream = device.events("imu", maxlen=1_000_000)
    with belay_jupyter.plot(stream, sequence="n", labels=["n", "x", "y", "z"]) as figure:
        device(f"spin({samples}, 500)")
        wait_until(lambda: figure.samples == samples)
    return figure


def check_complete(figure: LivePlot, samples: int) -> None:
    assert figure.errors == []
    assert figure.lost == 0
    rows = figure.series[0].rows()
    assert list(rows.columns["n"]) == list(range(samples))
    assert list(rows.columns["x"]) == [i % 100 for i in range(samples)]
    assert list(rows.times) == sorted(rows.times)
    assert figure.series[0].drawn == ["x", "y", "z"]


def test_two_thousand_samples_a_second_and_none_missing(board: belay.Device) -> None:
    check_complete(stream_for(board, 4000), 4000)


@pytest.mark.soak
def test_two_thousand_samples_a_second_for_a_minute(board: belay.Device) -> None:
    figure = stream_for(board, 120_000)
    check_complete(figure, 120_000)
    times = figure.series[0].rows().times
    print(f"120,000 samples in {times[-1] - times[0]:.1f} s")


def test_events_have_the_boards_times(board: belay.Device) -> None:
    """The board pauses between two samples; when the host reads them does not matter."""
    with belay_jupyter.plot(board.events("two")) as figure:
        board("import belay, time\nbelay.emit('two', 1)\ntime.sleep_ms(300)\nbelay.emit('two', 2)")
        wait_until(lambda: figure.samples == 2)
    before, after = figure.series[0].rows().times
    assert 0.25 < after - before < 5


def test_a_stream_that_is_too_slow_counts_what_it_dropped(board: belay.Device) -> None:
    stream = board.events("many", maxlen=10)
    board("for i in range(50): belay.emit('many', i)")
    with belay_jupyter.plot(stream, sequence=0) as figure:
        wait_until(lambda: figure.samples == 10)
        wait_until(lambda: figure.lost == 40)
    assert "40 lost" in repr(figure)


def test_a_generator_of_the_board(board: belay.Device) -> None:
    @board.task(prefetch=64, return_time=True)
    def halves(n):  # type: ignore[no-untyped-def]
        for i in range(n):
            yield {"i": i, "half": i / 2}

    figure = belay_jupyter.plot(halves(100))
    assert figure.wait(PATIENCE)
    rows = figure.series[0].rows()
    assert list(rows.columns["half"]) == [i / 2 for i in range(100)]
    assert list(rows.times) == sorted(rows.times)
    assert figure.errors == []


def test_what_a_generator_raises_is_told(board: belay.Device) -> None:
    @board.task
    def broken():  # type: ignore[no-untyped-def]
        yield 1
        raise ValueError("no sensor")

    figure = belay_jupyter.plot({"sensor": broken()})
    assert figure.wait(PATIENCE)
    assert figure.samples == 1
    assert len(figure.errors) == 1
    assert "no sensor" in figure.errors[0]
    assert "no sensor" in figure.svg()


def test_proxies_and_expressions_are_asked_in_one_message(board: belay.Device) -> None:
    poller = polling.poller_of(board)
    adc, pin = board.proxy("adc"), board.proxy("pin")
    both = of_expression(board, "pin.value() + 1, 5", 0.02)
    before = poller.polls
    with belay_jupyter.plot([adc, pin, both], every=0.02) as figure:
        wait_until(lambda: all(one.total >= 20 for one in figure.series))
        polls = poller.polls - before
    assert figure.errors == []
    assert polls <= max(one.total for one in figure.series) + 4  # and not three times as many
    assert [one.channels for one in figure.series] == [["adc"], ["pin"], ["pin.value() + 1", "5"]]
    assert set(figure.series[2].rows().columns["5"]) == {5.0}


def test_a_hundred_watches_cost_one_poll(board: belay.Device) -> None:
    poller = polling.poller_of(board)
    taken: list[polling.Answer] = []
    before = poller.polls
    question = polling.Question(polling.VALUE, "pin.value()")
    watches = [poller.watch(question, taken.append, 0.1) for _ in range(100)]
    wait_until(lambda: len(taken) >= 500)
    for watch in watches:
        watch.stop()
    assert poller.polls - before <= len(taken) / 100 + 4
    assert not any(answer.error for answer in taken)


def test_a_busy_board_is_not_asked(board: belay.Device) -> None:
    """A poll takes no turn from a cell: while one runs, there is none."""
    poller = polling.poller_of(board)
    with belay_jupyter.plot(of_expression(board, "pin.value()", 0.01)) as figure:
        wait_until(lambda: figure.samples > 3)
        answered: list[int] = []
        done = threading.Event()

        def cell() -> None:
            board("time.sleep_ms(400)", stream_out=None)
            answered.append(poller.polls)
            done.set()

        during = poller.polls
        threading.Thread(target=cell).start()
        assert done.wait(PATIENCE)
        # Those of the moments before and after it; 400 ms have room for forty.
        assert answered[0] - during < 20
        now = figure.samples
        wait_until(lambda: figure.samples > now + 3)


def test_functions_and_iterators_of_the_host() -> None:
    counter = itertools.count()
    figure = belay_jupyter.plot(
        {"called": lambda: next(counter), "given": iter([1, None, 3])}, every=0.001
    )
    wait_until(lambda: figure.series[0].total > 20)
    figure.stop()
    assert not figure.running
    assert figure.series[1].total == 3
    assert math.isnan(figure.series[1].rows().columns["given"][1])
    assert figure.errors == []


def test_the_end_after_some_seconds() -> None:
    figure = belay_jupyter.plot(lambda: 1, every=0.01, seconds=0.05)
    assert figure.wait(PATIENCE)


def test_several_boards_on_one_clock(board: belay.Device) -> None:
    """What two boards do at the same time has the same time; their ticks differ by seconds."""
    with belay.Device("virtual:") as other:
        sources = {"one": board.events("beat"), "two": other.events("beat")}
        with belay_jupyter.plot(sources) as figure:
            for device in (board, other) * 3:
                device("import belay\nbelay.emit('beat', 1)")
            wait_until(lambda: figure.samples == 6)
    one, two = (list(series.rows().times) for series in figure.series)
    order = sorted([(t, "one") for t in one] + [(t, "two") for t in two])
    # A board's milliseconds say no more: within two of them, the order may be another.
    assert all(
        name == expected or any(abs(t - u) < 0.004 for u in (one if name == "two" else two))
        for (t, name), expected in zip(order, ["one", "two"] * 3, strict=True)
    )


def test_a_board_that_is_closed_ends_its_plots() -> None:
    device = belay.Device("virtual:")
    device("x = 3")
    figure = belay_jupyter.plot([device.proxy("x")], every=0.01)
    stream = belay_jupyter.plot(device.events("nothing"))
    wait_until(lambda: figure.samples > 2)
    device.close()
    assert figure.wait(PATIENCE)
    assert stream.wait(PATIENCE)
    assert "closed" in figure.errors[0]


def test_a_reset_ends_what_held_an_object_and_not_what_has_a_name() -> None:
    with belay.Device("virtual:") as device:
        device("class Held: pass\nx = 3")
        held = device.proxy("Held()")
        figure = belay_jupyter.plot({"held": held, "named": of_expression(device, "x", 0.01)})
        wait_until(lambda: figure.series[1].total > 2)
        device.soft_reset()
        wait_until(lambda: any("NameError" in error for error in figure.errors))
        total = figure.series[1].total
        device("x = 4")
        wait_until(lambda: figure.series[1].total > total)
        assert any("held: " in error for error in figure.errors)
        figure.stop()


@pytest.mark.parametrize(
    ("sources", "error"),
    [
        ((), "nothing to plot"),
        ((3,), "3 cannot be plotted. What can: device.events"),
        (("1 +",), "is no expression"),
    ],
)
def test_what_cannot_be_plotted_is_refused(sources: tuple[Any, ...], error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        belay_jupyter.plot(*sources)


@pytest.mark.parametrize("wish", [{"every": 0}, {"every": -1}, {"window": 0}, {"keep": 0}])
def test_numbers_without_sense_are_refused(wish: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wish))):
        belay_jupyter.plot(lambda: 1, **wish)


def test_a_sample_that_is_no_number_is_told() -> None:
    figure = belay_jupyter.plot({"name": iter([1, "two"])})
    assert figure.wait(PATIENCE)
    assert "'two' cannot be plotted" in figure.errors[0]


# ----------------------------------------------------------------------------- series

NUMBERS = st.floats(allow_nan=False, width=32) | st.integers(-(2**60), 2**60) | st.booleans()
SAMPLES = st.one_of(
    NUMBERS,
    st.lists(NUMBERS, min_size=1, max_size=4),
    st.dictionaries(st.sampled_from("abcd"), NUMBERS, min_size=1),
)


@given(st.lists(SAMPLES, max_size=60), st.none() | st.integers(1, 10))
def test_a_series_holds_the_newest_samples(samples: list[Any], keep: int | None) -> None:
    series = Series("s", keep=keep)
    for index, sample in enumerate(samples):
        series.add(index, sample)
    rows = series.rows()
    kept = samples if keep is None else samples[-keep:]
    assert series.total == len(samples)
    assert rows.first == len(samples) - len(kept)
    assert list(rows.times) == list(range(rows.first, len(samples)))
    for at, sample in enumerate(kept):
        names = (
            {"s": sample}
            if isinstance(sample, (int, float))
            else sample
            if isinstance(sample, dict)
            else {f"s[{i}]": v for i, v in enumerate(sample)}
        )
        for name, column in rows.columns.items():
            if name in names:
                assert column[at] == float(names[name])
            else:
                assert math.isnan(column[at])


@given(st.lists(st.integers(0, 300), max_size=30), st.integers(1, 50))
def test_rows_in_pieces_are_all_rows(pushes: list[int], most: int) -> None:
    """What is sent to a browser piece by piece is what there is, where none was forgotten."""
    series = Series("s")
    got: list[float] = []
    for count in pushes:
        for _ in range(count):
            series.add(series.total, series.total)
        rows = series.rows(len(got), most)
        assert rows.first == len(got)
        assert len(rows.times) <= most
        got += rows.columns.get("s", [])
    assert got == list(range(len(got)))


def test_missing_numbers_are_counted() -> None:
    series = Series("s", sequence=0)
    for number in (5, 6, 9, 10, 0, 1, 4):  # three are missing, a new start, two are missing
        series.add(0, (number, 1))
    assert series.lost == 4
    assert series.drawn == ["s[1]"]


@pytest.mark.parametrize("sample", ["text", b"bytes", [], {}, object(), (1, "x"), [0] * 65, 1j])
def test_samples_that_are_none(sample: Any) -> None:
    with pytest.raises(NotPlottable, match="s"):
        Series("s").add(0, sample)


def test_numbers_that_no_float_can_hold() -> None:
    series = Series("s")
    series.add(0, (10**400, -(10**400)))
    assert [c[0] for c in series.rows().columns.values()] == [math.inf, -math.inf]


def test_tables_of_several_series() -> None:
    one, two = Series("one"), Series("two")
    one.add(0.0, 1)
    one.add(0.5, (2,))  # "one[0]"
    two.add(0.25, 3)
    two.add(0.5, 4)
    two.add(0.5, 5)  # twice within a tick
    assert list(merged([one, two])) == [
        [0.0, 1.0, None, None],
        [0.25, None, None, 3.0],
        [0.5, None, 2.0, 4.0],
        [0.5, None, None, 5.0],
    ]


def test_data_as_arrays_and_files(tmp_path: Any) -> None:
    figure = belay_jupyter.plot({"a, b": iter([1.5, 2.5])}, title="<T & U>")
    assert figure.wait(PATIENCE)
    times, values = figure.arrays()["a, b"]
    assert isinstance(times, numpy.ndarray)
    assert values.tolist() == [1.5, 2.5]
    figure.save(tmp_path / "x.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "x.csv").read_text(encoding="utf-8"))))
    assert rows[0] == ["seconds", "a, b"]
    assert [row[1] for row in rows[1:]] == ["1.5", "2.5"]
    assert [float(row[0]) for row in rows[1:]] == times.tolist()
    figure.save(tmp_path / "x.svg")
    root = ET.parse(tmp_path / "x.svg").getroot()
    assert "<T & U>" in "".join(root.itertext())
    with pytest.raises(ValueError, match=r"\.csv or \.svg"):
        figure.save(tmp_path / "x.png")


def test_data_as_a_table_of_pandas() -> None:
    pytest.importorskip("pandas")
    figure = belay_jupyter.plot({"a": iter([1, 2])})
    figure.wait(PATIENCE)
    table = figure.frame()
    assert table["a"].tolist() == [1.0, 2.0]
    assert table.index.name == "seconds"


# ----------------------------------------------------------------------------- pictures


@given(
    st.lists(st.lists(st.floats() | st.none(), max_size=300), max_size=3),
    st.text(max_size=30),
    st.floats(1e-9, 1e9),
)
def test_any_data_make_a_picture(columns: list[list[Any]], name: str, step: float) -> None:
    """It is well-formed, whatever the numbers and the names are, and all of it is inside."""
    made = []
    for column in columns:
        series = Series(name)
        for index, value in enumerate(column):
            series.add(index * step, value)
        made.append(series)
    root = ET.fromstring(picture.svg(made, title=name, note=name))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_a_picture_of_many_samples_is_small_and_keeps_the_peaks() -> None:
    series = Series("s")
    for index in range(100_000):
        series.add(index / 1000, 1000 if index == 54_321 else index % 7)
    text = picture.svg([series])
    assert len(text) < 100_000
    highest = min(float(p.split(",")[1]) for p in text.split('points="')[1].split('"')[0].split())
    assert highest < 30  # the peak, at the top


# ----------------------------------------------------------------------------- printed tuples


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("(1, 2.5, -3)\n", (1, 2.5, -3)),
        ("(1,)", (1,)),
        ("(1e3, True)", (1000, 1)),
        ("(1)", None),
        ("1, 2", None),
        ("()", None),
        ("(1, 'x')", None),
        ("(1, (2, 3))", None),
        ("(1, 2) done", None),
        ("(__import__('os'), 1)", None),
        ("(" * 500 + ")" * 500, None),
    ],
)
def test_lines_that_are_tuples(line: str, numbers: tuple[float, ...] | None) -> None:
    assert tuple_in(line) == numbers


def test_tuples_with_what_boards_print_for_no_number() -> None:
    found = tuple_in("(nan, inf, None)")
    assert found is not None
    assert math.isnan(found[0])
    assert found[1] == math.inf
    assert math.isnan(found[2])


LINES = st.lists(st.sampled_from(["(1, 2)\n", "(3,)\r\n", "text\n", "(no\n", "\n", "bar\r"]))


@given(LINES, st.lists(st.integers(0, 60)), st.sampled_from(["", "(4, 5)", "(open", "rest"]))
def test_printed_text_in_any_pieces(lines: list[str], cuts: list[int], end: str) -> None:
    text = "".join(lines) + end
    taken: list[tuple[float, ...]] = []
    rest = io.StringIO()
    printed = PrintedTuples(taken.append, rest)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    for begin, stop in itertools.pairwise(places):
        printed.write(text[begin:stop])
    printed.close()
    tuples = [line for line in [*lines, end] if tuple_in(line)]
    assert taken == [tuple_in(line) for line in tuples]
    others = [line for line in [*lines, end] if not tuple_in(line)]
    # "\r\n" that is cut in two may leave its second half behind.
    assert rest.getvalue().replace("\r", "").replace("\n", "") == "".join(others).replace(
        "\r", ""
    ).replace("\n", "")


def test_text_that_is_no_tuple_is_not_held_back() -> None:
    rest = io.StringIO()
    printed = PrintedTuples(lambda numbers: None, rest)
    printed.write("wor")
    assert rest.getvalue() == "wor"
    printed.write("king\n(1")
    assert rest.getvalue() == "working\n"


@pytest.mark.parametrize(
    ("expression", "labels"),
    [("a, b.c()", ["a", "b.c()"]), ("a", []), ("(a,)", ["a"]), ("[a, b]", [])],
)
def test_names_of_the_items_of_an_expression(expression: str, labels: list[str]) -> None:
    assert labels_in(expression) == labels


@pytest.mark.parametrize("name", ["numpy", "pandas"])
def test_without_numpy_and_pandas(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    plot = belay_jupyter.plot(iter([1, 2]), labels=["x"])
    plot.wait(PATIENCE)
    with pytest.raises(ImportError, match=rf"{name} is not installed: %pip install {name}\."):
        plot.arrays() if name == "numpy" else plot.frame()
    assert list(plot.series[0].rows().columns["x"]) == [1, 2]
