# SPDX-License-Identifier: Apache-2.0
"""Prints: to whom, when, and byte by byte."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import pytest

import belay


class Writer:
    """The least that ``stream_out`` may be: it only writes."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def write(self, text: str) -> None:
        self.pieces.append(text)


class Terminal(io.StringIO):
    """Counts how often it is flushed."""

    flushed = 0

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self.flushed += 1


def test_stdout_is_looked_up_when_text_arrives(
    device: belay.Device, capsys: pytest.CaptureFixture[str]
) -> None:
    device("print('captured')")
    assert capsys.readouterr().out == "captured\n"
    caught = io.StringIO()
    with contextlib.redirect_stdout(caught):
        device("print('redirected')")
    assert caught.getvalue() == "redirected\n"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("options", ["", "?cooked=1"], ids=["raw", "cooked"])
@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("print('a', 'b')", "a b\n"),
        ("print('no end', end='')", "no end"),
        ("for i in range(3): print(i, '%', end='\\r')", "0 %\r1 %\r2 %\r"),
        ("print('a\\0b\\x04c\\x01d')", "a\0b\x04c\x01d\n"),
        ("print('OK\\x04\\x04>_BELAYR||7')", "OK\x04\x04>_BELAYR||7\n"),
        ("print('é€😀' * 2000)", "é€😀" * 2000 + "\n"),
        ("print()", "\n"),
        ("print('x' * 100000)", "x" * 100_000 + "\n"),
        ("import sys\nsys.stdout.write('by hand')", "by hand"),
        ("import sys\nprint('as output', file=sys.stderr)", "as output\n"),
    ],
)
def test_by_byte(
    shared: dict[str, belay.Device],
    options: str,
    source: str,
    text: str,
) -> None:
    writer = Writer()
    assert shared[options](source, stream_out=writer) is None
    assert "".join(writer.pieces) == text


@pytest.fixture(scope="module")
def shared() -> Any:
    with belay.Device("virtual:") as raw, belay.Device("virtual:?cooked=1") as cooked:
        yield {"": raw, "?cooked=1": cooked}


def test_characters_that_come_in_parts(device: belay.Device) -> None:
    # Two writes of the board, with a pause: each part travels by itself.
    writer = Writer()
    device(
        """
        import sys, time
        for byte in '€'.encode() + b'\\xff' + 'é'.encode():
            sys.stdout.buffer.write(bytes((byte,)))
            time.sleep_ms(5)
        """,
        stream_out=writer,
    )
    assert "".join(writer.pieces) == "€\ufffdé"


def test_prints_arrive_while_the_program_runs(device: belay.Device) -> None:
    # The program ends only because the host saw its print.
    class Stopper(Writer):
        def write(self, text: str) -> None:
            super().write(text)
            device.interrupt()

    writer = Stopper()
    with pytest.raises(KeyboardInterrupt):
        device("print('now')\nwhile True: pass", stream_out=writer)
    assert "".join(writer.pieces) == "now\n"


def test_none_discards(device: belay.Device, capsys: pytest.CaptureFixture[str]) -> None:
    assert device("print('nobody') or 5", stream_out=None) == 5
    assert capsys.readouterr().out == ""


def test_a_terminal_is_flushed_after_half_a_line(device: belay.Device) -> None:
    terminal = Terminal()
    device("print('whole')", stream_out=terminal)
    before = terminal.flushed
    device("print('half', end='')", stream_out=terminal)
    assert terminal.flushed > before
    assert terminal.getvalue() == "whole\nhalf"


def test_a_stream_that_raises_stops_the_board(device: belay.Device) -> None:
    class Full(Writer):
        def write(self, text: str) -> None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        device("while True: print('more')", stream_out=Full())
    assert device("1 + 1") == 2


def test_prints_of_a_call_that_fails(device: belay.Device) -> None:
    writer = Writer()
    with pytest.raises(belay.PyboardException):
        device("print('before', end=''); 1 / 0", stream_out=writer)
    assert "".join(writer.pieces) == "before"


def test_prints_of_startup(
    connect: Callable[..., belay.Device], capsys: pytest.CaptureFixture[str]
) -> None:
    connect(startup="print('started')")
    assert capsys.readouterr().out == "started\n"
