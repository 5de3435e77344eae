# SPDX-License-Identifier: Apache-2.0
"""Views of proxies, on a virtual board: what they show, what a click does, what it costs."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets
import pytest

import belay
import belay_jupyter
from belay.transports import open_transport
from belay_jupyter.views import registry
from belay_jupyter.views.base import View
from belay_jupyter.views.special import ADCView, PinView, PWMView
from belay_jupyter.views.tree import TreeView
from tests.links.counting import CountingLink

OBJECTS = """
from machine import ADC, PWM, Pin
pin = Pin(3, Pin.OUT)
pwm = PWM(Pin(4), freq=1000, duty_u16=100)
adc = ADC(26)
class Thing:
    def __init__(self):
        self.items = [1, {'x': 2}]
        self.name = '<b>bold</b>'
        self.led = pin
    def add(self, a, b=0):
        return a + b
    @property
    def broken(self):
        raise OSError('no answer')
thing = Thing()
"""


@pytest.fixture
def board() -> Iterator[belay.Device]:
    with belay.Device("virtual:") as device:
        device(OBJECTS)
        yield device


def wait_until(condition: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(3000):
        if condition():
            return
        tick.wait(0.02)
    raise AssertionError("it never came to be")


def all_in(view: View, kind: type) -> list[Any]:
    """Every widget of a kind in a view, from top to bottom."""
    found, waiting = [], [view.widget]
    while waiting:
        one = waiting.pop(0)
        found += [one] if isinstance(one, kind) else []
        waiting[:0] = getattr(one, "children", ())
    return found


def text_of(view: View) -> str:
    return "\n".join(one.value for one in all_in(view, widgets.HTML))


def row(view: View, name: str) -> Any:
    """The button of a member."""
    for one in all_in(view, widgets.Button):
        if one.tooltip in (f"open {name}", f"call {name} on the board"):
            return one
    raise AssertionError(f"no {name}")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pin", PinView),
        ("pwm", PWMView),
        ("adc", ADCView),
        ("thing", TreeView),
        ("Thing", TreeView),
    ],
)
def test_each_kind_has_its_view(board: belay.Device, name: str, kind: type) -> None:
    for proxy in (board.proxy(name), board(f"({name})", proxy=True)):
        assert type(belay_jupyter.view(proxy)) is kind


def test_a_switch_turns_the_pin(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("pin"))
    (switch,) = all_in(view, widgets.ToggleButton)
    assert switch.value is False
    switch.value = True
    assert board("pin.value()") == 1
    assert switch.description == "high (1)"
    board("pin.off()")
    view.refresh()
    assert switch.value is False


def test_sliders_turn_the_pulse_width(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("pwm"))
    (frequency,) = all_in(view, widgets.FloatLogSlider)
    (duty,) = all_in(view, widgets.FloatSlider)
    assert frequency.value == 1000
    frequency.value = 2000
    duty.value = 50
    assert board("pwm.freq(), pwm.duty_u16()") == (2000, 32768)


def test_a_gauge_follows(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("adc"), every=0.02)
    (gauge,) = all_in(view, widgets.IntProgress)
    board.board.adc[0].volts = 3.3
    wait_until(lambda: gauge.value == 65535)
    view.stop()


def test_a_tree_opens_one_level_at_a_time(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("thing"))
    text = text_of(view)
    assert "[1, {&#x27;x&#x27;: 2}]" in text
    assert "OSError: no answer" not in text  # it is in its row, as text
    assert "no answer" in text
    assert "<b>bold" not in text  # text of a board is text
    before = text
    row(view, "items").click()
    assert text_of(view) != before
    row(view, "1").click()  # the dict in the list
    assert "&#x27;x&#x27;" in text_of(view)
    row(view, "led").click()
    (switch,) = all_in(view, widgets.ToggleButton)
    switch.value = True
    assert board("pin.value()") == 1
    row(view, "led").click()
    assert all_in(view, widgets.ToggleButton) == []


def test_methods_are_buttons_with_arguments(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("thing"))
    (field,) = all_in(view, widgets.Text)
    button = row(view, "add")
    field.value = "3, 4"
    button.click()
    assert "<code>7</code>" in text_of(view)
    field.value = "'a', 'b'"
    button.click()
    assert "<code>&#x27;ab&#x27;</code>" in text_of(view)
    field.value = "__import__('os')"
    button.click()
    assert "arguments are numbers, texts" in text_of(view)
    field.value = ""
    button.click()
    assert "TypeError" in text_of(view)


def test_a_click_while_the_board_is_busy_says_so_and_does_nothing(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("pin"))
    (switch,) = all_in(view, widgets.ToggleButton)
    running, stopped = threading.Event(), threading.Event()

    def cell() -> None:
        class Seen:
            def write(self, text: str) -> None:
                running.set()

        with pytest.raises(KeyboardInterrupt):
            board("print('begun')\nwhile True: pass", stream_out=Seen())
        stopped.set()

    threading.Thread(target=cell).start()
    assert running.wait(60)
    switch.value = True
    assert "busy" in text_of(view)
    assert switch.value is False
    view.refresh()
    assert "busy" in text_of(view)
    while not stopped.wait(0.2):
        board.interrupt()
    switch.value = True
    assert board("pin.value()") == 1
    assert "busy" not in text_of(view)


@pytest.mark.parametrize("every", [None, 0.05])
def test_a_closed_board_makes_its_views_grey(every: float | None) -> None:
    device = belay.Device("virtual:")
    device(OBJECTS)
    view = belay_jupyter.view(device.proxy("pin"), every)
    (switch,) = all_in(view, widgets.ToggleButton)
    device.close()
    wait_until(lambda: view.ended)
    assert switch.disabled
    assert "closed" in text_of(view) or "the link ended" in text_of(view)


def test_a_reset_makes_views_of_what_it_took_grey(board: belay.Device) -> None:
    view = belay_jupyter.view(board("Thing()", proxy=True))
    board.soft_reset()
    wait_until(lambda: view.ended)
    assert all(button.disabled for button in all_in(view, widgets.Button))
    assert "reset" in text_of(view)


def test_views_of_ones_own(board: belay.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(View):
        methods = ("add",)

    monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    belay_jupyter.register_view("Thing", Mine)
    assert type(belay_jupyter.view(board.proxy("thing"))) is Mine
    with pytest.raises(TypeError, match="made by a class"):
        belay_jupyter.register_view("Thing", 3)  # type: ignore[arg-type]


def test_what_is_no_proxy(board: belay.Device) -> None:
    with pytest.raises(TypeError, match="no proxy"):
        belay_jupyter.view(3)  # type: ignore[arg-type]


def test_a_reader_without_a_kernel_sees_the_values(board: belay.Device) -> None:
    bundle = belay_jupyter.view(board.proxy("pwm"))._repr_mimebundle_()
    assert re.search(r"<td[^>]*>freq</td><td[^>]*>1000</td>", bundle["text/html"])
    assert bundle["text/plain"].startswith("<PWMView of <ProxyObject")
    tree = belay_jupyter.view(board.proxy("thing"))._repr_mimebundle_()["text/html"]
    assert "<b>bold" not in tree
    assert "bold" in tree


def test_what_a_view_costs() -> None:
    """Round trips, of a proxy whose type is known: docs/widgets.md names them."""
    link = CountingLink(open_transport("virtual:"))
    with belay.Device(link) as device:
        device(OBJECTS)
        belay_jupyter.view(device.proxy("pin"))  # what is uploaded once
        proxies = [device(f"({name})", proxy=True) for name in ("pin", "pwm", "adc", "thing")]

        def cost(what: Callable[[], Any]) -> int:
            link.reset()
            what()
            return link.round_trips

        views = []
        for proxy in proxies:
            assert cost(lambda proxy=proxy: views.append(belay_jupyter.view(proxy))) == 1  # type: ignore[misc]
        assert [cost(view.refresh) for view in views] == [1] * 4
        (switch,) = all_in(views[0], widgets.ToggleButton)
        assert cost(lambda: setattr(switch, "value", True)) == 1  # turn it, look at it
        assert cost(row(views[3], "items").click) == 1  # a level
        assert cost(row(views[3], "items").click) == 0  # closed again
