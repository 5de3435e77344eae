# SPDX-License-Identifier: Apache-2.0
"""Views of what boards have, on a virtual board with its parts: shown, clicked, counted."""

from __future__ import annotations

import base64
import random
import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import ipywidgets as widgets
import pytest

import belay
import belay_jupyter
from belay.transports import open_transport
from belay_jupyter.views.base import View
from belay_jupyter.views.pixels import BITS, FORMATS, picture, size_of
from belay_jupyter.views.registry import view_now
from belay_jupyter.views.rtc import distance
from belay_jupyter.views.tree import TreeView
from belay_jupyter.views.uart import readable
from tests.jupyter.test_views import all_in, text_of, wait_until
from tests.links.counting import CountingLink

OBJECTS = """
import framebuf
from machine import ADC, I2C, PWM, RTC, SPI, UART, Pin, SoftI2C
from neopixel import NeoPixel
pin = Pin(3, Pin.OUT)
pwm = PWM(Pin(6), freq=1000, duty_u16=100)
adc = ADC(26)
bus = I2C(0)
spi = SPI(0, sck=Pin(18), mosi=Pin(19), miso=Pin(16))
cs = Pin(17, Pin.OUT, value=1)
uart = UART(1)
rtc = RTC()
lights = NeoPixel(Pin(28), 8)
class Screen(framebuf.FrameBuffer):
    def __init__(self, width, height):
        self.width, self.height = width, height
        self.buffer = bytearray(width * height // 8)
        super().__init__(self.buffer, width, height, framebuf.MONO_VLSB)
class SSD1306(Screen): pass
screen = SSD1306(16, 8)
plain = framebuf.FrameBuffer(bytearray(32), 4, 4, framebuf.RGB565)
settings = {'name': '<b>tank</b>', 'limits': [2, 8.5], 3: None, 'led': pin}
readings = [1, 'two']
class Thing:
    def __init__(self):
        self.x = 1
thing = Thing()
"""

NAMES = (
    "pin", "pwm", "adc", "bus", "spi", "uart", "rtc", "lights", "screen", "settings", "readings",
    "thing",
)  # fmt: skip

BME280 = {
    "id": {"address": 0xD0, "access": "ro"},
    "calib": {"address": 0x88, "width": 16, "byteorder": "little", "access": "ro"},
    "reset": {"address": 0xE0, "access": "wo"},
    "ctrl_meas": {
        "address": 0xF4,
        "fields": {
            "osrs_t": "7:5",
            "osrs_p": {"bits": "4:2", "description": "oversampling of <pressure>"},
            "mode": ("1:0", {0: "sleep", 1: "forced", 3: "normal"}),
        },
    },
    "config": {"address": 0xF5, "fields": {"t_sb": "7:5", "filter": "4:2", "spi3w_en": 0}},
}


@pytest.fixture(scope="module")
def shared() -> Iterator[belay.Device]:
    with belay.Device("virtual:") as device:
        yield device


@pytest.fixture
def board(shared: belay.Device) -> belay.Device:
    shared(OBJECTS)
    return shared


def button(view: View, label: str) -> Any:
    for one in all_in(view, widgets.Button):
        if label in (one.description, one.tooltip):
            return one
    raise AssertionError(f"no {label}: {[b.description for b in all_in(view, widgets.Button)]}")


def labelled(view: View, kind: type, label: str) -> Any:
    (found,) = [one for one in all_in(view, kind) if one.description.startswith(label)]
    return found


# ------------------------------------------------------------------------------------ I2C


def test_who_is_on_the_bus(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("bus"))
    assert view.found == board("bus.scan()") != []  # type: ignore[attr-defined]
    grid = view.static()
    assert f"<b>{0x76:02x}</b>" in grid
    assert grid.count("--") == 112 - len(board("bus.scan()"))
    chosen = button(view, "choose the device 0x76")
    assert chosen.button_style == "info"
    chosen.click()
    assert button(view, "choose the device 0x76").button_style == "success"
    labelled(view, widgets.Text, "register").value = "0xD0"
    button(view, "Read").click()
    (data,) = [one for one in all_in(view, widgets.Text) if one.placeholder == "00 00"]
    assert data.value == "60"
    labelled(view, widgets.Text, "register").value = "0xF5"
    data.value = "a0"
    button(view, "Write").click()
    assert board("bus.readfrom_mem(0x76, 0xF5, 1)") == b"\xa0"
    for wrong in ("", "300", "0x100", "-1"):
        labelled(view, widgets.Text, "register").value = wrong
        button(view, "Read").click()
        assert "a number from 0 to 0xff" in view.said
    labelled(view, widgets.Text, "register").value = "0"
    data.value = "xy"
    button(view, "Write").click()
    assert "two hex digits each" in view.said


def test_a_bus_on_pins_of_ones_own(board: belay.Device) -> None:
    board("soft = SoftI2C(scl=Pin(9), sda=Pin(8))")
    view = belay_jupyter.view(board.proxy("soft"))
    assert view.found == []  # type: ignore[attr-defined]
    assert view.static().count("--") == 112


def test_registers_and_their_fields(board: belay.Device) -> None:
    board("bus.writeto_mem(0x76, 0xF4, b'\\x24')")
    described = belay_jupyter.registers(BME280)
    view = belay_jupyter.view(board.proxy("bus"), address=0x76, registers=described)
    kinds = (widgets.Label, widgets.Text)
    assert {"0x60", "0x24"} <= {one.value for kind in kinds for one in all_in(view, kind)}
    mode = labelled(view, widgets.Dropdown, "mode [1:0]")
    assert mode.options == (("sleep (0)", 0), ("forced (1)", 1), ("normal (3)", 3))
    assert (mode.value, labelled(view, widgets.BoundedIntText, "osrs_t").value) == (0, 1)
    mode.value = 3
    assert board("bus.readfrom_mem(0x76, 0xF4, 1)") == b"\x27"  # the other bits stay
    labelled(view, widgets.BoundedIntText, "osrs_p").value = 5
    assert board("bus.readfrom_mem(0x76, 0xF4, 1)") == b"\x37"
    flag = labelled(view, widgets.Checkbox, "spi3w_en")
    flag.value = True
    assert board("bus.readfrom_mem(0x76, 0xF5, 1)")[0] & 1
    # The whole register, and what is not a number.
    whole = next(one for one in all_in(view, widgets.Text) if one.value == "0x37")
    whole.value = "0b100111"
    assert board("bus.readfrom_mem(0x76, 0xF4, 1)") == b"\x27"
    assert (whole.value, mode.value) == ("0x27", 3)
    whole.value = "0x1ff"
    assert "no number from 0 to 0xff" in view.said
    assert whole.value == "0x27"
    reader = view.static()
    assert "osrs_t: 1, osrs_p: 1, mode: 3 (normal)" in reader
    assert "<code>0x60</code>" in reader
    assert "<pressure>" not in text_of(view)


def test_what_can_only_be_read_or_written(board: belay.Device) -> None:
    described = belay_jupyter.registers(BME280)
    view = belay_jupyter.view(board.proxy("bus"), address=0x76, registers={0x76: described})
    calib, identity = all_in(view, widgets.Label)  # not to be typed into
    expected = int.from_bytes(board("bus.readfrom_mem(0x76, 0x88, 2)"), "little")
    assert (calib.value, identity.value) == (f"0x{expected:04x}", "0x60")
    (reset,) = [one for one in all_in(view, widgets.Text) if one.placeholder == "write only"]
    board("bus.writeto_mem(0x76, 0xF4, b'\\x27')")
    reset.value = "0xb6"
    assert view.said == ""
    assert board("bus.readfrom_mem(0x76, 0xF4, 1)") == b"\x00"  # the device was reset


def test_a_device_that_does_not_answer_says_so_in_each_register(board: belay.Device) -> None:
    described = belay_jupyter.registers({"a": 0, "b": 1})
    view = belay_jupyter.view(board.proxy("bus"), address=0x20, registers=described)
    assert text_of(view).count("OSError: [Errno 5] EIO") == 2
    assert view.static().count("EIO") == 2


def test_options_that_make_no_sense(board: belay.Device) -> None:
    bus = board.proxy("bus")
    with pytest.raises(ValueError, match="0 to 127"):
        belay_jupyter.view(bus, address=200)
    with pytest.raises(TypeError, match=r"belay_jupyter\.registers"):
        belay_jupyter.view(bus, registers={"id": 0xD0})
    with pytest.raises(TypeError, match="speed"):
        belay_jupyter.view(bus, speed=3)


def test_many_registers_are_shown_on_demand(board: belay.Device) -> None:
    described = belay_jupyter.registers({f"r{n}": n for n in range(100)}, address_bits=16)
    view = belay_jupyter.view(board.proxy("bus"), address=0x50, registers=described)
    assert "r39" in text_of(view)
    assert "r40<" not in text_of(view)
    button(view, "60 more registers").click()
    assert "r99" in text_of(view)
    assert all(one.value == "0xff" for one in all_in(view, widgets.Text)[2:])


# ------------------------------------------------------------------------------------ SPI, UART


def test_bytes_go_and_come_on_spi(board: belay.Device) -> None:
    board.board.add("mcp3008", name="converter", sck=18, mosi=19, miso=16, cs=17)
    board.board.parts["converter"].ch0 = 3.3
    view = belay_jupyter.view(board.proxy("spi"), select=board.proxy("cs"))
    (field,) = all_in(view, widgets.Text)
    field.value = "01 80 00"
    button(view, "Transfer").click()
    ((sent, back),) = view.transfers  # type: ignore[attr-defined]
    assert (sent, back[1] & 3, back[2]) == (b"\x01\x80\x00", 3, 255)
    assert board("cs.value()") == 1
    field.value = "0x01,0x80,0x0"
    field._handle_custom_msg({"event": "submit"}, [])  # Enter
    assert "two hex digits each" in view.said
    field.value = "<b>"
    button(view, "Transfer").click()
    assert "&lt;b&gt;&#x27; are no bytes" in text_of(view)
    assert "<code>01 80 00</code>" in view.static()


def test_a_terminal_on_a_uart(board: belay.Device) -> None:
    outside = board.board.uart[1]
    outside.write(b"hello <i>\xff\x00\r\n")
    wait_until(lambda: board("uart.any()") == 13)
    view = belay_jupyter.view(board.proxy("uart"))
    # Looking takes nothing from the program.
    assert board("uart.any()") == 13
    assert "13 bytes wait on the board" in [one.value for one in all_in(view, widgets.Label)]
    button(view, "Read").click()
    assert view.received == b"hello <i>\xff\x00\r\n"  # type: ignore[attr-defined]
    assert "hello &lt;i&gt;\\xff\\x00\n" in view.static()
    assert board("uart.any()") == 0
    (line,) = all_in(view, widgets.Text)
    (ending,) = all_in(view, widgets.Dropdown)
    line.value = "AT"
    line._handle_custom_msg({"event": "submit"}, [])
    ending.value = "hex"
    line.value = "00 ff"
    button(view, "Send").click()
    said = b""
    while len(said) < 6:
        said += outside.read()
    assert said == b"AT\r\n\x00\xff"
    assert line.value == ""
    line.value = "0"
    button(view, "Send").click()
    assert "two hex digits each" in view.said


def test_nothing_that_is_read_is_lost(board: belay.Device) -> None:
    """Polls and clicks read at the same time; what arrives is one text in the end."""
    view = belay_jupyter.view(board.proxy("uart"), every=0.01)
    before = len(view.received)  # type: ignore[attr-defined]
    sent = random.Random(9).randbytes(3000)
    outside = board.board.uart[1]
    for at in range(0, len(sent), 100):
        outside.write(sent[at : at + 100])
        button(view, "Read").click()
        wait_until(lambda at=at: len(view.received) - before >= at)  # type: ignore[attr-defined,misc]
    wait_until(lambda: len(view.received) - before == len(sent))  # type: ignore[attr-defined]
    view.stop()
    assert view.received[before:] == sent  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"abc\r\n\tx", "abc\n\tx"),
        ("Gr\u00fc\u00dfe".encode(), "Gr\u00fc\u00dfe"),
        (b"\x1b[0m\x07", "\\x1b[0m\\x07"),
        (b"\xc3", "\\xc3"),
    ],
)
def test_what_is_no_text_is_readable(data: bytes, text: str) -> None:
    assert readable(data) == text


# ------------------------------------------------------------------------------------ RTC, lights


def test_a_clock_is_set(board: belay.Device) -> None:
    board("rtc.datetime((2020, 2, 29, 5, 12, 30, 15, 0))")
    view = belay_jupyter.view(board.proxy("rtc"))
    assert "2020-02-29 12:30:1" in view.static()
    assert "Saturday" in view.static()
    assert "years behind this computer" in view.static()
    button(view, "Set to this computer's time").click()
    there = datetime(*(board("rtc.datetime()")[i] for i in (0, 1, 2, 4, 5, 6)))
    assert abs((there - datetime.now()).total_seconds()) < 5
    assert board("rtc.datetime()")[3] == there.weekday()
    assert "behind" not in view.static()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (90, "90 s ahead of"),
        (-180, "3 minutes behind"),
        (7300, "2 hours ahead of"),
        (-(10**9), "31 years behind"),
    ],
)
def test_distances_of_clocks(seconds: int, text: str) -> None:
    assert distance(seconds) == f"{text} this computer"


def test_lights_are_coloured(board: belay.Device) -> None:
    board("lights[2] = (1, 2, 3)")
    view = belay_jupyter.view(board.proxy("lights"))
    pickers = all_in(view, widgets.ColorPicker)
    assert len(pickers) == 9
    assert [one.value for one in pickers[1:4]] == ["#000000", "#010203", "#000000"]
    pickers[0].value = "#ff8000"
    assert board("lights[0]") == (255, 128, 0)
    assert board.board.pins[28].lights[0] == (255, 128, 0)  # written, and not only set
    assert "#ff8000" in view.static()
    labelled(view, widgets.ColorPicker, "all").value = "#000010"
    assert board.board.pins[28].lights == [(0, 0, 16)] * 8
    button(view, "all off").click()
    assert board.board.pins[28].lights == [(0, 0, 0)] * 8


def test_many_lights_with_white(board: belay.Device) -> None:
    board("many = NeoPixel(Pin(27), 100, bpp=4)\nmany[70] = (1, 2, 3, 4)")
    view = belay_jupyter.view(board.proxy("many"))
    assert len(all_in(view, widgets.ColorPicker)) == 33
    labelled(view, widgets.BoundedIntText, "from light").value = 64
    seventy = labelled(view, widgets.ColorPicker, "70")
    assert seventy.value == "#050607"
    seventy.value = "#102030"
    assert board("many[70]") == (16, 32, 48, 0)
    labelled(view, widgets.BoundedIntText, "from light").value = 99
    assert len(all_in(view, widgets.ColorPicker)) == 2


def test_circuitpython_has_other_types_of_these_names() -> None:
    with belay.Device("virtual:?circuitpython=1") as device:
        device("import board, rtc\nclass I2C: pass\nbus, clock, x = I2C(), rtc.RTC(), {'a': 1}")
        for name in ("bus", "clock"):
            view = belay_jupyter.view(device.proxy(name))
            assert type(view) is TreeView
            assert view.said == ""
        view = belay_jupyter.view(device.proxy("x"))
        field_of(view, "1").value = "2"
        assert device("x") == {"a": 2}


# ------------------------------------------------------------------------------------ pictures


def pixels_of(data: bytes) -> tuple[int, int, list[tuple[int, ...]]]:
    """Width, height and pixels of a PNG such as we make."""
    at, chunks = 8, {}
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += size + 12
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert depth == 8
    channels = 3 if colour == 2 else 1
    raw, found = zlib.decompress(chunks[b"IDAT"]), []
    for row in range(height):
        line = raw[row * (width * channels + 1) :][: width * channels + 1]
        assert line[0] == 0
        found += [
            tuple(line[1 + n : 1 + n + channels]) for n in range(0, width * channels, channels)
        ]
    return width, height, found


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize(("width", "height"), [(16, 8), (11, 13)])
def test_a_picture_is_what_the_board_has_drawn(
    shared: belay.Device, number: int, width: int, height: int
) -> None:
    """Of random pixels in each format the board and we say the same."""
    name = FORMATS[number]
    assert shared(f"__import__('framebuf').{name}") == number
    size = size_of(width, height, name)
    data = random.Random(size).randbytes(size)
    expression = (
        f"(lambda f:[f.pixel(x, y) for y in range({height}) for x in range({width})])"
        f"(__import__('framebuf').FrameBuffer(bytearray({data!r}), {width}, {height}, {number}))"
    )
    there = shared(expression)
    w, h, here = pixels_of(picture(data, width, height, name))
    assert (w, h) == (width, height)
    if name == "RGB565":
        expected = [
            ((p >> 11) * 255 // 31, (p >> 5 & 63) * 255 // 63, (p & 31) * 255 // 31) for p in there
        ]
        swapped = bytes(data[n ^ 1] for n in range(len(data)))
        assert picture(swapped, width, height, "RGB565_SWAPPED") == picture(
            data, width, height, name
        )
    else:
        most = (1 << BITS[name]) - 1
        expected = [(p * 255 // most,) for p in there]
    assert here == expected


def test_a_driver_says_what_it_shows(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("screen"))
    board("screen.pixel(3, 1, 1)")
    view.refresh()
    width, height, pixels = pixels_of(view.png)  # type: ignore[attr-defined]
    assert (width, height) == (16, 8)
    assert [n for n, pixel in enumerate(pixels) if pixel == (255,)] == [16 + 3]
    shown = re.search(r'src="data:image/png;base64,([^"]+)"', view.static())
    assert shown
    assert base64.b64decode(shown[1]) == view.png  # type: ignore[attr-defined]
    assert "image-rendering: pixelated" in view.static()


def test_what_a_framebuffer_does_not_say_is_asked_for(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("plain"))
    assert "Pass what it was made with: belay_jupyter.view(proxy, width=" in text_of(view)
    assert "(32 bytes)" in view.static()
    board("plain.pixel(1, 0, 0xF800)")
    for given in ({"format": "RGB565"}, {"format": 1}, {}):
        view = belay_jupyter.view(board.proxy("plain"), width=4, height=4, **given)
        assert pixels_of(view.png)[2][1] == (255, 0, 0)  # type: ignore[attr-defined]
    view = belay_jupyter.view(board.proxy("plain"), width=8, height=8, format="GS8")
    assert "8 x 8 pixels of GS8 take 64 bytes, and there are 32" in view.said
    board("other = Screen(16, 8)")  # whose name says nothing
    view = belay_jupyter.view(board.proxy("other"))
    assert "could be MONO_VLSB or MONO_HLSB or MONO_HMSB; pass it" in view.said
    with pytest.raises(ValueError, match="one of MONO_VLSB, "):
        belay_jupyter.view(board.proxy("plain"), format="RGB888")
    with pytest.raises(ValueError, match="number of pixels"):
        belay_jupyter.view(board.proxy("plain"), width=0)
    view = belay_jupyter.view(
        board.proxy("plain"), buffer=board.proxy("screen").buffer, width=4, height=2
    )
    assert pixels_of(view.png)[:2] == (4, 2)  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------ containers


def field_of(view: View, value: str) -> Any:
    (found,) = [one for one in all_in(view, widgets.Text) if one.value == value]
    return found


def test_values_of_a_dict_are_changed(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("settings"))
    assert "dict, 4 entries" in text_of(view)
    assert "<b>tank" not in text_of(view) + view.static()
    field_of(view, "'<b>tank</b>'").value = "'pond'"
    assert board("settings['name']") == "pond"
    field_of(view, "[2, 8.5]").value = "[1, {'a': b'x'}]"
    assert board("settings['limits']") == [1, {"a": b"x"}]
    button(view, "open 'limits'").click()
    field_of(view, "1").value = "7"
    assert board("settings['limits'][0]") == 7
    name = field_of(view, "'pond'")
    name.value = "pond"
    assert "'pond' is no value: a value is written as in Python" in view.said
    assert name.value == "'pond'"
    button(view, "open 'led'").click()
    assert all_in(view, widgets.ToggleButton)
    keys = [one for one in all_in(view, widgets.Text) if one.placeholder.startswith("new key:")]
    key = keys[-1]
    values = [one for one in all_in(view, widgets.Text) if one.placeholder == "new value"]
    key.value, values[-1].value = "('a', 1)", "2.5"
    [one for one in all_in(view, widgets.Button) if one.description == "Add"][-1].click()
    assert board("settings[('a', 1)]") == 2.5
    key.value, values[-1].value = "3", "4"
    [one for one in all_in(view, widgets.Button) if one.description == "Add"][-1].click()
    assert "there is such a key already" in view.said
    button(view, "delete 3").click()
    assert board("3 in settings") is False


def test_what_has_changed_meanwhile_is_left_alone(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("settings"))
    board("x = settings.pop('name'); settings['name'] = x")  # another order, perhaps
    order = board("list(settings)")
    board("settings.clear()\nsettings['other'] = 1")
    field_of(view, "'<b>tank</b>'").value = "'pond'"
    assert "it has changed since it was shown; nothing was done" in view.said
    assert board("settings") == {"other": 1}
    assert order


def test_items_of_a_list_are_changed(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("readings"))
    field_of(view, "'two'").value = "2"
    (value,) = [one for one in all_in(view, widgets.Text) if one.placeholder == "new value"]
    value.value = "3"
    value._handle_custom_msg({"event": "submit"}, [])
    assert board("readings") == [1, 2, 3]
    button(view, "delete 0").click()
    assert board("readings") == [2, 3]
    board("readings.extend(range(60))")
    view.refresh()
    assert "list, 62 items" in text_of(view)
    assert len(all_in(view, widgets.Text)) == 42
    button(view, "22 more").click()
    assert len(all_in(view, widgets.Text)) == 64


def test_what_holds_itself_and_what_is_gone(board: belay.Device) -> None:
    board("loop = [[1], 2]\nloop.append(loop)")
    view = belay_jupyter.view(board.proxy("loop"))
    button(view, "open 2").click()
    assert text_of(view).count("list, 3 items") == 2
    board("loop[0] = 5")
    button(view, "open 0").click()
    assert "<code>5</code>" in text_of(view)
    board("loop.clear()")
    view = belay_jupyter.view(board.proxy("settings"))
    board("settings.clear()")
    button(view, "open 'limits'").click()
    assert view.said.startswith("IndexError")


# ------------------------------------------------------------------------------------ pins


def test_edges_are_counted(board: belay.Device) -> None:
    board("button = Pin(14, Pin.IN, Pin.PULL_UP)\nseen = []\nbutton.irq(seen.append)")
    view = belay_jupyter.view(board.proxy("button"))
    board.board.pins[14].drive(0)
    wait_until(lambda: board("len(seen)") == 1)  # a look leaves the program's own interrupt alone
    button(view, "Count edges").click()
    assert "pin.irq()" in button(view, "Stop counting").tooltip
    for level in (1, 0, 1):
        board.board.pins[14].drive(level)
    wait_until(lambda: (view.refresh(), "3 edges" in view.static())[1])  # type: ignore[func-returns-value]
    assert board("len(seen)") == 1
    button(view, "Stop counting").click()
    board.board.pins[14].release()
    view.refresh()
    assert "3 edges" in view.static()


def test_a_line_of_readings(board: belay.Device) -> None:
    view = belay_jupyter.view(board.proxy("adc"))
    for volts in (0.0, 3.3, 1.65):
        board.board.adc[0].volts = volts
        view.refresh()
    assert list(view.readings)[1:3] == [0, 65535]  # type: ignore[attr-defined]
    (points,) = re.findall(r'points="([^"]*)"', text_of(view))
    heights = [float(point.split(",")[1]) for point in points.split()]
    assert len(heights) == 4
    assert heights[1] < heights[0] < heights[2]  # the newest first
    assert "<polyline" in view.static()


# ------------------------------------------------------------------------------------ costs


def test_what_each_view_costs() -> None:
    """Round trips, as docs/widgets.md has them: shown, looked at, clicked."""
    link = CountingLink(open_transport("virtual:"))
    with belay.Device(link) as device:
        device(OBJECTS)
        described = belay_jupyter.registers(BME280)
        for name in NAMES:  # what is uploaded once
            belay_jupyter.view(device(f"({name})", proxy=True))

        def cost(what: Callable[[], Any]) -> int:
            link.reset()
            what()
            return link.round_trips

        views: dict[str, View] = {}

        def show(name: str, **options: Any) -> int:
            proxy = device(f"({name})", proxy=True)
            return cost(lambda: views.update({name: belay_jupyter.view(proxy, **options)}))

        for name in NAMES:
            options = {"address": 0x76, "registers": described} if name == "bus" else {}
            assert (name, show(name, **options)) == (name, 1)
        assert {name: cost(view.refresh) for name, view in views.items()} == dict.fromkeys(NAMES, 1)
        named = device.proxy("bus")  # whose type the host has to learn
        assert cost(lambda: belay_jupyter.view(named)) == 2

        def set_(view: str, kind: type, place: int, value: Any) -> int:
            return cost(lambda: setattr(all_in(views[view], kind)[place], "value", value))

        clicks = {
            "pin": set_("pin", widgets.ToggleButton, 0, True),
            "pwm": set_("pwm", widgets.FloatSlider, 0, 50),
            "bus": set_("bus", widgets.Checkbox, 0, True),
            "lights": set_("lights", widgets.ColorPicker, 0, "#ff0000"),
            "readings": set_("readings", widgets.Text, 0, "5"),
            "rtc": cost(button(views["rtc"], "Set to this computer's time").click),
            "count": cost(button(views["pin"], "Count edges").click),
            "read": cost(button(views["uart"], "Read").click),
        }
        all_in(views["spi"], widgets.Text)[0].value = "00"
        clicks["spi"] = cost(button(views["spi"], "Transfer").click)
        all_in(views["uart"], widgets.Text)[0].value = "x"
        clicks["send"] = cost(button(views["uart"], "Send").click)
        assert clicks == dict.fromkeys(clicks, 1)
        assert not any(view.said for view in views.values())
        assert cost(button(views["settings"], "open 'limits'").click) == 1
        assert cost(button(views["settings"], "open 'limits'").click) == 0
        assert cost(button(views["settings"], "open 'led'").click) == 2


def test_a_hundred_views_are_one_poll() -> None:
    """Of all kinds, on one board: what they ask again and again is one message."""
    link = CountingLink(open_transport("virtual:"))
    with belay.Device(link) as device:
        device(OBJECTS)
        names = [*NAMES, *("pin", "pwm", "adc", "rtc") * 22]
        views = [belay_jupyter.view(device(f"({one})", proxy=True), every=0.2) for one in names]
        assert len(views) == 100
        from belay_jupyter import polling

        poller = polling.poller_of(device)
        wait_until(lambda: all(one.due > 0 for one in poller._watches))  # each was asked once
        with poller._changed:  # between two polls
            link.reset()
            before = poller.polls
        wait_until(lambda: poller.polls - before >= 3)
        for view in views:
            view.stop()
        asked = poller.polls - before
        assert 1 <= link.round_trips <= asked + 1
        assert not any(view.said for view in views)


# ------------------------------------------------------------------------------------ busy, gone


def test_a_busy_board_is_left_alone(board: belay.Device) -> None:
    views = {name: belay_jupyter.view(board.proxy(name)) for name in NAMES}
    running, done = threading.Event(), threading.Event()

    class Seen:
        def write(self, text: str) -> None:
            running.set()

    def cell() -> None:
        with pytest.raises(KeyboardInterrupt):
            board("print('begun')\nwhile True: pass", stream_out=Seen())
        done.set()

    threading.Thread(target=cell).start()
    assert running.wait(60)
    all_in(views["lights"], widgets.ColorPicker)[0].value = "#ffffff"
    all_in(views["readings"], widgets.Text)[0].value = "5"
    all_in(views["spi"], widgets.Text)[0].value = "00"
    all_in(views["uart"], widgets.Text)[0].value = "x"
    for name, label in (
        ("pin", "Count edges"),
        ("spi", "Transfer"),
        ("uart", "Send"),
        ("uart", "Read"),
        ("rtc", "Set to this computer's time"),
        ("settings", "open 'limits'"),
    ):
        button(views[name], label).click()
        assert views[name].said.startswith("busy"), name
    for name in ("lights", "readings"):
        assert views[name].said.startswith("busy")
    # What did nothing springs back; and showing does not wait either.
    assert all_in(views["lights"], widgets.ColorPicker)[0].value == "#000000"
    assert all_in(views["readings"], widgets.Text)[0].value == "1"
    for name in ("settings", "thing"):
        with pytest.raises(Exception, match="busy"):
            view_now(board.proxy(name))
    while not done.wait(0.2):
        board.interrupt()
    assert board("lights[0], readings[0]") == ((0, 0, 0), 1)
    for view in views.values():
        view.refresh()
        assert view.said == ""


@pytest.mark.parametrize("ends", ["closed", "reset"])
def test_all_views_go_grey(ends: str) -> None:
    with belay.Device("virtual:") as device:
        device(OBJECTS)
        views = [belay_jupyter.view(device(f"({name})", proxy=True)) for name in NAMES]
        if ends == "closed":
            device.close()
        else:
            device.soft_reset()
        wait_until(lambda: all(view.ended for view in views))
        for view in views:
            assert ends in view.said or "link ended" in view.said
            kinds = (widgets.Button, widgets.Text, widgets.ToggleButton, widgets.ColorPicker)
            assert all(one.disabled for kind in kinds for one in all_in(view, kind)), view
