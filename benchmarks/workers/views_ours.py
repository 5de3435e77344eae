# SPDX-License-Identifier: Apache-2.0
"""Views and plots of this project, on a serial port, without a page."""

from __future__ import annotations

import sys

import ipywidgets as widgets
from turns import serve

import belay
import belay_jupyter

BATCH = 20_000

OBJECTS = """
import framebuf
from machine import ADC, I2C, PWM, RTC, SPI, UART, Pin
from neopixel import NeoPixel
pin, pwm, adc = Pin(3, Pin.OUT), PWM(Pin(6), freq=1000, duty_u16=100), ADC(26)
bus, spi, uart, rtc = I2C(0), SPI(0), UART(1), RTC()
lights = NeoPixel(Pin(28), 8)
class SSD1306(framebuf.FrameBuffer):
    def __init__(self, width, height):
        self.width, self.height = width, height
        self.buffer = bytearray(width * height // 8)
        super().__init__(self.buffer, width, height, framebuf.MONO_VLSB)
screen = SSD1306(128, 64)
settings = {'name': 'tank', 'limits': [2, 8.5], 'on': True}
readings = list(range(100))
class Thing:
    def __init__(self):
        self.x, self.y = 1, 2
thing = Thing()
"""

MEASURE = f"""
import belay
def measure():
    for n in range({BATCH}):
        belay.emit('imu', (n, n % 50, 100))
"""

REGISTERS = {
    "id": {"address": 0xD0, "access": "ro"},
    "ctrl_hum": {"address": 0xF2, "fields": {"osrs_h": "2:0"}},
    "status": {"address": 0xF3, "access": "ro"},
    "ctrl_meas": {"address": 0xF4, "fields": {"osrs_t": "7:5", "osrs_p": "4:2", "mode": "1:0"}},
    "config": {"address": 0xF5, "fields": {"t_sb": "7:5", "filter": "4:2", "spi3w_en": 0}},
}

NAMES = (
    "pin", "pwm", "adc", "bus", "spi", "uart", "rtc", "lights", "screen", "settings", "readings",
    "thing",
)  # fmt: skip

device = belay.Device(sys.argv[1])
proxies, views, virtual = {}, {}, {}
flip = [0]


def define():
    device(OBJECTS)
    # The type comes with the result, as in a notebook's cell.
    proxies.update({name: device(f"({name})", proxy=True) for name in NAMES})


def show(name):
    options = {}
    if name == "bus":
        options = {"address": 0x76, "registers": belay_jupyter.registers(REGISTERS)}
    view = belay_jupyter.view(proxies[name], **options)
    if not view.values:
        raise SystemExit(f"{name}: {view.said}")
    if name in views:
        views[name].stop()
    views[name] = view


def every(name, kind):
    found, waiting = [], [views[name].widget]
    while waiting:
        one = waiting.pop(0)
        found += [one] if isinstance(one, kind) else []
        waiting[:0] = getattr(one, "children", ())
    return found


def button(name, label):
    return next(one for one in every(name, widgets.Button) if one.description == label)


def turn(name, kind, values):
    """Set the first control of a kind to another value, as a hand does."""
    flip[0] ^= 1
    every(name, kind)[0].value = values[flip[0]]


def typed(name, text, label):
    every(name, widgets.Text)[0].value = text
    button(name, label).click()


def plot():
    """On a board without a serial line between, whose speed would be the one that is measured."""
    if "board" not in virtual:
        virtual["board"] = belay.Device("virtual:")
        virtual["board"](MEASURE)
    board = virtual["board"]
    figure = belay_jupyter.plot(board.events("imu", maxlen=BATCH), sequence=0)
    board("measure()")
    while figure.samples + figure.lost < BATCH:
        figure.wait(0.001)
    figure.stop()
    if figure.lost:
        raise SystemExit(f"{figure.lost} samples were lost")


clicks = {
    "pin": lambda: turn("pin", widgets.ToggleButton, (False, True)),
    "pwm": lambda: turn("pwm", widgets.FloatSlider, (25.0, 75.0)),
    "bus": lambda: turn("bus", widgets.Checkbox, (False, True)),
    "spi": lambda: typed("spi", "9f 00 00", "Transfer"),
    "uart": lambda: typed("uart", "AT", "Send"),
    "rtc": lambda: button("rtc", "Set to this computer's time").click(),
    "lights": lambda: turn("lights", widgets.ColorPicker, ("#000000", "#ff8000")),
    "settings": lambda: turn("settings", widgets.Text, ("'tank'", "'pond'")),
}
orders = {"define": define, "plot": plot}
for one in NAMES:
    orders[f"show-{one}"] = lambda one=one: show(one)
    orders[f"look-{one}"] = lambda one=one: views[one].refresh()
for one, click in clicks.items():
    orders[f"click-{one}"] = click
serve(orders)
said = {name: view.said for name, view in views.items() if view.said}
for each in (device, *virtual.values()):
    each.close()
if said:
    raise SystemExit(f"views complained: {said}")
