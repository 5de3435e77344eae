# SPDX-License-Identifier: Apache-2.0
"""Views and plots of a recording: they show what they showed, and nothing is asked of a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import belay
import belay_jupyter
from belay.session.visiting import Visit, visit
from belay_jupyter.boards import Board
from tests.jupyter.test_dashboard import Page
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


def displayed(device: belay.Device, live: bool) -> list[str]:
    """What a view that is followed looks like in the notebook, each time that it is shown there."""
    device(OBJECTS)
    view = belay_jupyter.view(device.proxy("adc"), every=0.02)
    watch = view._watches[1]
    pictures = []
    for count in (0, 3, 6):
        if live:
            wait_until(lambda count=count: watch.taken >= count)
        else:
            watch.play_due()  # as the poller does, which is faster than the notebook was
        shown = [view._repr_mimebundle_()["text/html"] for _ in range(2)]
        pictures += [html.partition("</div>")[2] for html in shown]  # without the address
    if live:
        wait_until(lambda: watch.taken >= 9)
    device("done = 1")
    return pictures


@pytest.mark.parametrize("timing", ["recorded", "fast"])
def test_a_view_is_shown_with_what_was_known_then(tmp_path: Path, timing: str) -> None:
    tape = tmp_path / "x.cassette"
    with belay.Device("virtual:", record=tape) as device:
        recorded = displayed(device, True)
    assert len(set(recorded)) >= 3
    with belay.Device(f"replay:{tape}?timing={timing}") as device:
        assert displayed(device, False) == recorded


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


def looked_after(device: belay.Device, said: list[str]) -> list[Any]:
    """A dashboard is shown, and somebody clicks in it."""
    nobody: Any = None
    page = Page(Board("tank", device, nobody))
    panel = page.panel
    device("x = 5")
    said.append(page.do("mkdir", folder="/", name="made"))
    seen = [panel.facts, [list(sample) for sample in panel.samples][:1], panel.globals]
    panel.stop()
    return [*seen, device("x")]


def test_what_a_person_clicks_in_a_dashboard_is_not_recorded(tmp_path: Path) -> None:
    tape = tmp_path / "x.cassette"
    said: list[str] = []
    with belay.Device("virtual:", record=tape) as device:
        recorded = looked_after(device, said)
        assert device.files.exists("/made")
    with belay.Device(f"replay:{tape}") as device:
        played = looked_after(device, said)
        assert device.files.exists("/made")
    assert said[0] == "made /made"
    assert "this is a recording of a board" in said[1]
    assert played[2:] == recorded[2:]
    rows = dict(played[0])
    assert rows.pop("Address") == f"replay:{tape}"
    assert rows.items() <= dict(recorded[0]).items()


def test_what_is_typed_at_the_prompt_is_not_recorded(tmp_path: Path) -> None:
    tape = tmp_path / "x.cassette"
    with belay.Device("virtual:", record=tape) as device:
        device("x = 1")

        def use(prompt: Visit) -> None:
            heard = prompt.read(5)
            prompt.write(b"x = 2\r")
            while not heard.endswith(b"x = 2\r\n>>> "):
                heard += prompt.read(5)

        assert visit(device._session, use)
        assert device("x") == 2
    assert "x = 2" not in tape.read_text(encoding="utf-8")
    with belay.Device(f"replay:{tape}") as device:
        device("x = 1")
        assert device("x") == 2
