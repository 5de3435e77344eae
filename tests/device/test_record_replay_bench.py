# SPDX-License-Identifier: Apache-2.0
"""What a program does to ``device.board``, recorded on the virtual board and played without it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

import belay
from belay.transports.process import BoardProcess

BUTTON = '[[part]]\nkind = "button"\npin = 14\n'


def program(device: belay.Device, folder: Path) -> list[Any]:
    """Everything that the outside can be asked, and that answers the same each time."""
    seen: list[Any] = []
    bench = device.board
    assert device.board is bench
    scene = folder / "button.toml"
    scene.write_text(BUTTON)
    bench.add_scene(scene)
    bench.adc[0].volts = 1.5
    bench.pins[3].drive(1)
    seen += [bench.adc[0].volts, bench.pins[3].read(), bench.pins[25].state]
    device("from machine import Pin\nled = Pin(25, Pin.OUT)\nled.on()")
    seen += [bench.pins[25].read(), bench.parts["button"].state, bench.svg()]
    with pytest.raises(ValueError, match="there is no part") as caught:
        bench.add("nothing")
    seen.append(str(caught.value))
    bench.adc[1].volts = lambda seconds: 2.0
    end = bench.on_edge(lambda edge: None)
    device("led.off()")
    end()
    record = bench.record()
    return [*seen, [(edge.pin, edge.level) for edge in record.of(25)], bench.adc[1].volts]


def wired(left: belay.Device, right: belay.Device) -> list[Any]:
    left.board.pins[0].wire_to(right.board.pins[1])
    assert left.board.same_as(left.board)
    assert not left.board.same_as(right.board)
    right("from machine import UART\nfar = UART(0, 9600, timeout=2000)")
    left("from machine import UART\nUART(0, 9600).write('hello\\n')", record=False)
    return [right("far.readline()")]


@pytest.fixture
def no_boards(monkeypatch: pytest.MonkeyPatch) -> Any:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a board was started")

    def forbid() -> None:
        monkeypatch.setattr(BoardProcess, "__init__", refuse)
        monkeypatch.setitem(sys.modules, "wasmtime", None)

    return forbid


def test_the_bench_answers_as_it_did(tmp_path: Path, no_boards: Any) -> None:
    tape = tmp_path / "x.cassette"
    with belay.Device("virtual:?seed=1", record=tape) as device:
        recorded = program(device, tmp_path)
    assert str(tmp_path) not in tape.read_text(encoding="utf-8")
    no_boards()
    with belay.Device(f"replay:{tape}") as device:
        played = program(device, tmp_path)
        # The picture names the board, and so does a message of it.
        told = str(played).replace(f"replay:{tape}", "virtual:?seed=1")
        assert told == str(recorded)
        with pytest.raises(belay.ReplayError, match=r"bench pin.drive .*'pin': 9"):
            device.board.pins[9].drive(1)
        with pytest.raises(belay.ReplayError, match="or not so often"):
            device.board.svg()
        with pytest.raises(ConnectionError, match="nothing more to see"):
            device.board.unrecorded()
        device.board.close()


def test_a_wire_between_two_recordings(tmp_path: Path, no_boards: Any) -> None:
    tapes = [tmp_path / "left.cassette", tmp_path / "right.cassette"]
    boards = [belay.Device("virtual:", record=tape) for tape in tapes]
    recorded = wired(*boards)
    for board in boards:
        board.close()
    texts = [tape.read_text(encoding="utf-8") for tape in tapes]
    # Where the board listened, and the key to it, are nobody's business.
    assert "'port': 0, 'key': ''" in texts[0]
    assert "'port': 0, 'key': ''" in texts[1]
    assert not re.search(r"'port': [1-9]|'key': '[^']", "".join(texts))
    no_boards()
    boards = [belay.Device(f"replay:{tape}") for tape in tapes]
    assert wired(*boards) == recorded
    for board in boards:
        board.close()


def test_where_nothing_was_done_to_it(tmp_path: Path) -> None:
    tape = tmp_path / "x.cassette"
    with belay.Device("virtual:", record=tape) as device:
        device("1")
    with belay.Device(f"replay:{tape}") as device:
        device("1")
        with pytest.raises(belay.FeatureUnavailableError, match="nothing was done to device.board"):
            _ = device.board


def test_a_bench_that_is_followed_is_not_recorded(tmp_path: Path) -> None:
    tape = tmp_path / "x.cassette"
    with belay.Device("virtual:", record=tape) as device:
        device.board.pins[3].read()
        assert device.board.unrecorded().svg().startswith("<svg")
        assert device.board.unrecorded().same_as(device.board)
    assert "bench.look" not in tape.read_text(encoding="utf-8")
