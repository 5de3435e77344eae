# SPDX-License-Identifier: Apache-2.0
"""Views and plots of a recording: they show what they showed, and nothing is asked of a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import belay
import belay_jupyter
from tests.jupyter.test_views import wait_until

OBJECTS = """
from machine import ADC, Pin
adc = ADC(26)
pin = Pin(3, Pin.OUT)
class Box:
    def __init__(self):
        self.items = [1, 2]
    def add(self, n):
        self.items.append(n)
    def fail(self):
        raise ValueError('no')
box = Box()
"""


def polled(device: belay.Device, volts: bool) -> list[Any]:
    """Plots of a poll, twice the same question; the second one after the first."""
    device(OBJECTS)
    seen = []
    for low, high in ((1.0, 2.0), (3.0, 0.5)):
        plot = belay_jupyter.plot("adc.read_u16()", every=0.02, title="v")
        _set(device, volts, low)
        _until(volts, plot, low)
        _set(device, volts, high)
        _until(volts, plot, high)
        plot.stop()
        rows = plot.series[0].rows()
        seen.append([list(rows.times), list(rows.columns["adc.read_u16()"])])
    device("done = 1")
    return seen


def _set(device: belay.Device, volts: bool, level: float) -> None:
    if volts:
        device.board.adc[0].volts = level


def _until(volts: bool, plot: Any, level: float) -> None:
    def reached() -> bool:
        rows = plot.series[0].rows()
        last = rows.columns["adc.read_u16()"][-1] if len(rows.times) else -1
        return abs(float(last) - level * 65535 / 3.3) < 60

    if volts:
        wait_until(reached)


def test_a_polled_plot_has_the_same_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = tmp_path / "x.cassette"
    with belay.Device("virtual:", record=tape) as device:
        monkeypatch.setattr(belay_jupyter, "get_device", lambda name="board": device)
        recorded = polled(device, True)
    with belay.Device(f"replay:{tape}") as device:
        played = polled(device, False)
    for one, other in zip(recorded, played, strict=True):
        assert other[1] == one[1]
        assert other[0] == pytest.approx(one[0], abs=1e-5)
    assert recorded[0][1] != recorded[1][1]


def touched(device: belay.Device) -> tuple[list[Any], Any]:
    device(OBJECTS)
    pin = belay_jupyter.view(device.proxy("pin"))
    box = belay_jupyter.view(device.proxy("box"))
    seen = [pin.values, box.values]
    seen += [pin.act("value", 1), pin.values, box.act("add", 7), box.values]
    seen += [box.act("fail"), box._message.value]
    return seen, pin


def test_clicks_do_what_they_did(tmp_path: Path) -> None:
    tape = tmp_path / "x.cassette"
    with belay.Device("virtual:", record=tape) as device:
        recorded, _ = touched(device)
        assert device("pin.value(), box.items") == (1, [1, 2, 7])
    assert "ValueError: no" in recorded[-1]
    with belay.Device(f"replay:{tape}") as device:
        seen, pin = touched(device)
        assert seen == recorded
        assert not pin.act("value", 0)  # this click was not recorded
        assert "busy" in pin._message.value
        assert device("pin.value(), box.items") == (1, [1, 2, 7])


def test_a_watch_is_fed_while_the_program_goes_on(tmp_path: Path) -> None:
    tape = tmp_path / "x.cassette"
    with belay.Device("virtual:", record=tape) as device:
        device(OBJECTS)
        view = belay_jupyter.view(device.proxy("pin"), every=0.02)
        device("pin.on()")
        wait_until(lambda: view.values == [1])
        device("pin.off()")
        wait_until(lambda: view.values == [0])
        view.stop()
    with belay.Device(f"replay:{tape}") as device:
        device(OBJECTS)
        view = belay_jupyter.view(device.proxy("pin"), every=0.02)
        assert view.values == [0]
        device("pin.on()")
        wait_until(lambda: view.values == [1])
        device("pin.off()")
        wait_until(lambda: view.values == [0])
        device.close()
        wait_until(lambda: view.ended)


def test_in_its_own_time(tmp_path: Path) -> None:
    tape = tmp_path / "x.cassette"
    with belay.Device("virtual:", record=tape) as device:
        device(OBJECTS)
        view = belay_jupyter.view(device.proxy("adc"), every=0.05)
        device.board.adc[0].volts = 3.3
        wait_until(lambda: view.values == [65535])
        view.stop()
    with belay.Device(f"replay:{tape}?timing=recorded") as device:
        device(OBJECTS)
        view = belay_jupyter.view(device.proxy("adc"), every=0.05)
        assert view.values == [0]
        device.board.adc[0].volts = 3.3
        wait_until(lambda: view.values == [65535])
