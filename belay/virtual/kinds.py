# SPDX-License-Identifier: Apache-2.0
"""The kinds of parts that a scene can name, and how each is hung on a board."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import waves
from .parts import Part, Quantity
from .pins import MODE_ALT

if TYPE_CHECKING:
    from .i2c import Device
    from .peripherals import Bench
    from .pins import Pin
    from .scene import Entry

__all__ = ["KINDS"]

Maker = Callable[["Bench", "Entry", str], Part]

_I2C_PINS = (5, 4)  # SCL and SDA of I2C(0) on a Pico
_LIT = (255, 214, 90)
_DARK = (24, 26, 30)


def _on_i2c(bench: Bench, entry: Entry, device: Device) -> tuple[int, int]:
    """Hang a part on the bus that the entry names: ``scl`` and ``sda``, or ``i2c = 1``."""
    bus = entry.take("i2c", int, 0)
    usual = (7, 6) if bus == 1 else _I2C_PINS
    pins = (entry.pin("scl", usual[0]), entry.pin("sda", usual[1]))
    bench.i2c.at(*pins).attach(device)
    return pins


def _bme280(bench: Bench, entry: Entry, name: str) -> Part:
    from .devices.air import Weather, room
    from .devices.bme280 import Bme280

    drift = room(bench.seed)
    quantities = {
        "temperature": Quantity(lambda t: drift(t).temperature, -40, 85, "°C"),
        "pressure": Quantity(lambda t: drift(t).pressure, 30_000, 110_000, "Pa"),
        "humidity": Quantity(lambda t: drift(t).humidity, 0, 100, "%"),
    }

    def air(seconds: float) -> Weather:
        values = (q.wave(seconds) for q in quantities.values())
        return Weather(*(max(q.low, min(q.high, v)) for q, v in zip(quantities.values(), values)))  # noqa: B905

    device = Bme280(air, bench.now, bench.seed, entry.take("address", int, 0x76))
    return Part("bme280", name, _on_i2c(bench, entry, device), quantities)


def _eeprom(bench: Bench, entry: Entry, name: str) -> Part:
    from .devices.eeprom import Eeprom

    device = Eeprom(bench.now, entry.take("address", int, 0x50))
    pins = _on_i2c(bench, entry, device)
    return Part("eeprom", name, pins, state=lambda: {"memory": bytes(device.memory).hex()})


def _ssd1306(bench: Bench, entry: Entry, name: str) -> Part:
    from .devices.ssd1306 import Ssd1306
    from .png import png

    height = entry.take("height", int, 64)
    if height not in (32, 64):
        raise entry.error(f"height = {height}: displays have 64 or 32 rows", "height")
    device = Ssd1306(height, entry.take("address", int, 0x3C))
    scale = entry.take("scale", int, 3)

    def picture() -> bytes:
        lit, dark = (160, 220, 255), (4, 8, 16)
        return png([[lit if dot else dark for dot in row] for row in device.rows()], scale)

    def state() -> dict[str, Any]:
        rows = ["".join("#" if dot else "." for dot in row) for row in device.rows()]
        return {"on": device.on, "contrast": device.contrast, "rows": rows}

    pins = _on_i2c(bench, entry, device)
    return Part("ssd1306", name, pins, state=state, picture=picture)


def _mpu6050(bench: Bench, entry: Entry, name: str) -> Part:
    from .devices.mpu6050 import Mpu6050

    device = Mpu6050(bench.now, bench.seed, entry.take("address", int, 0x68))
    quantities = {}
    for group, names, high, unit in (
        (device.acceleration, ("ax", "ay", "az"), 16, "g"),
        (device.rotation, ("gx", "gy", "gz"), 2000, "°/s"),
    ):
        for index, key in enumerate(names):

            def apply(wave: waves.Wave, group: Any = group, index: int = index) -> None:
                group[index] = wave

            quantities[key] = Quantity(group[index], -high, high, unit, apply)
    warm = Quantity(device.temperature, -40, 85, "°C", lambda w: setattr(device, "temperature", w))
    quantities["temperature"] = warm
    return Part("mpu6050", name, _on_i2c(bench, entry, device), quantities)


def _ds18b20(bench: Bench, entry: Entry, name: str) -> Part:
    from .devices.thermometers import Ds18b20

    pin = entry.pin("pin")
    serial = entry.take("serial", int, 0x1000 + 0x11 * len(bench.onewire.at(pin).devices))
    device = Ds18b20(bench.now, serial)
    bench.onewire.attach(pin, device)
    bench.pins[pin].drive(1)
    warm = Quantity(device.temperature, -55, 125, "°C", lambda w: setattr(device, "temperature", w))
    return Part(
        "ds18b20", name, (pin,), {"temperature": warm}, state=lambda: {"rom": device.rom.hex()}
    )


def _dht(kind: str) -> Maker:
    def make(bench: Bench, entry: Entry, name: str) -> Part:
        from .devices.thermometers import Dht

        pin = entry.pin("pin")
        if pin in bench.lines.sensors:
            raise entry.error(f"there is a sensor on pin {pin} already", "pin")
        device = Dht(bench.now, kind == "dht11", bench.seed)
        bench.lines.sensors[pin] = device.measure
        quantities = {
            "temperature": Quantity(
                device.temperature, -40, 80, "°C", lambda w: setattr(device, "temperature", w)
            ),
            "humidity": Quantity(
                device.humidity, 0, 100, "%", lambda w: setattr(device, "humidity", w)
            ),
        }
        return Part(kind, name, (pin,), quantities)

    return make


def _mcp3008(bench: Bench, entry: Entry, name: str) -> Part:
    from .devices.spiparts import Mcp3008

    pins = (entry.pin("sck", 18), entry.pin("mosi", 19), entry.pin("miso", 16))
    select = entry.pin("cs", 17)
    device = Mcp3008(bench.now, pins, select)
    bench.spi.attach(device)
    bench.pins[select].drive(1)

    def input_of(channel: int) -> Quantity:
        def apply(wave: waves.Wave) -> None:
            device.inputs[channel] = wave

        return Quantity(device.inputs[channel], 0, 3.3, "V", apply)

    return Part("mcp3008", name, (*pins, select), {f"ch{n}": input_of(n) for n in range(8)})


def _button(bench: Bench, entry: Entry, name: str) -> Part:
    """A button to ground, or to 3.3 V, whose contacts bounce as real ones do."""
    number = entry.pin("pin")
    pin = bench.pins[number]
    to = entry.take("to", int, 0)
    if to not in (0, 1):
        raise entry.error(f"to = {to}: a button connects to 0 (ground) or 1 (3.3 V)", "to")
    bounce = entry.take("bounce_ms", (int, float), 2.0)
    held = [False]
    turns = itertools.count()

    def settle(down: bool) -> None:
        held[0] = down
        levels = [to if down else None, None if down else to] * 2 if bounce else []
        turn = next(turns)
        for index, level in enumerate([*levels, to if down else None]):
            share = (index + 0.1 * (turn % 3)) / 5 if index else 0
            bench.agenda.plan(share * bounce / 1000, lambda level=level: pin.drive(level))  # type: ignore[misc]

    def press(seconds: float | None = None) -> None:
        settle(True)
        if seconds is not None:
            bench.agenda.plan(seconds, lambda: settle(False))

    actions = {"press": press, "release": lambda: settle(False)}
    return Part("button", name, (number,), actions=actions, state=lambda: {"pressed": held[0]})


def _potentiometer(bench: Bench, entry: Entry, name: str) -> Part:
    number = entry.pin("pin", 26)
    if not 26 <= number <= 29:
        raise entry.error(f"pin = {number}: analogue inputs are the pins 26 to 29", "pin")
    channel = bench.adc[number - 26]

    def apply(wave: waves.Wave) -> None:
        channel.source = lambda t: 3.3 * max(0.0, min(1.0, wave(t) / 100))

    apply(half := waves.constant(50.0))
    return Part("potentiometer", name, (number,), {"turned": Quantity(half, 0, 100, "%", apply)})


def _brightness(bench: Bench, number: int) -> float:
    """How bright a light on a pin is: the share of time that the pin is high."""
    pulse = bench.pulse_on(number)
    return bench.pins[number].level if pulse is None else pulse.duty / 65535


def _led(bench: Bench, entry: Entry, name: str) -> Part:
    from .png import png

    number = entry.pin("pin")
    to = entry.take("to", int, 0)  # lit by a high pin when its other leg is at ground

    def brightness() -> float:
        share = _brightness(bench, number)
        return 1 - share if to else share

    def picture() -> bytes:
        lit = brightness()
        size = 24

        def colour(x: int, y: int) -> tuple[int, int, int]:
            if math.hypot(x - size / 2 + 0.5, y - size / 2 + 0.5) > size / 2 - 2:
                return (255, 255, 255)
            red, green, blue = (round(d + (c - d) * lit) for d, c in zip(_DARK, _LIT, strict=True))
            return (red, green, blue)

        return png([[colour(x, y) for x in range(size)] for y in range(size)], 2)

    return Part("led", name, (number,), state=lambda: {"lit": brightness()}, picture=picture)


def _servo(bench: Bench, entry: Entry, name: str) -> Part:
    """A hobby servo: pulses of 0.5 to 2.5 ms, 50 times a second, are 0 to 180 degrees."""
    number = entry.pin("pin")

    def state() -> dict[str, Any]:
        pulse = bench.pwm.get(number)
        if pulse is None or not 40 <= pulse.frequency <= 400:
            return {"angle": None}
        ms = pulse.duty / 65535 / pulse.frequency * 1000
        return {"angle": round(max(0.0, min(180.0, (ms - 0.5) * 90)), 1) if ms else None}

    return Part("servo", name, (number,), state=state)


def _neopixel(bench: Bench, entry: Entry, name: str) -> Part:
    from .png import png

    number, count = entry.pin("pin"), entry.take("count", int, 8)
    size = entry.take("bytes", int, 3)

    def lights() -> list[tuple[int, ...]]:
        seen = bench.lines.colours(number, size)[:count]
        return seen + [(0,) * size] * (count - len(seen))

    def picture() -> bytes:
        colours = []
        for red, green, blue, *white in lights():
            more = white[0] if white else 0
            colours.append((min(255, red + more), min(255, green + more), min(255, blue + more)))
        gap = (12, 12, 14)
        row = [pixel for colour in colours for pixel in (gap, *[colour] * 6, gap)]
        blank = [gap] * len(row)
        return png([blank, *[row] * 6, blank], 3)

    return Part("neopixel", name, (number,), state=lambda: {"lights": lights()}, picture=picture)


def _hcsr04(bench: Bench, entry: Entry, name: str) -> Part:
    """An ultrasonic range finder: the echo is high for 58 µs a centimetre."""
    trigger, echo = entry.pin("trigger"), entry.pin("echo")
    distance = Quantity(waves.constant(100.0), 2, 400, "cm")
    pin, out = bench.pins[trigger], bench.pins[echo]
    out.drive(0)
    began = [0]

    def answer(far: float) -> None:
        out.drive(1)
        bench.agenda.plan(far * 58.3e-6, lambda: out.drive(0))

    def pulsed(level: int) -> None:
        now = bench.agenda.now_ns()
        if level:
            began[0] = now
        elif now - began[0] >= 5_000:  # the data sheet wants 10 µs; a program's are rarely exact
            far = max(2.0, min(400.0, distance.wave(bench.now())))
            bench.agenda.plan(460e-6, lambda: answer(far))

    pin.watch(pulsed)
    return Part("hcsr04", name, (trigger, echo), {"distance": distance})


def _serial(bench: Bench, entry: Entry, name: str) -> Part:
    """Something that talks over a UART: it sends a text now and then, and keeps what it hears."""
    rx = bench.pins[entry.pin("to")]  # the board's RX pin
    tx = entry.pin("from", -1)  # the board's TX pin
    text: str = entry.take("text", str, "")
    every = entry.take("every", (int, float), 1.0)
    baud = entry.take("baud", int, 9600)
    heard = bytearray()

    def say(data: str) -> None:
        _say(bench, rx, data.encode(), baud)

    def again() -> None:
        say(text)
        bench.agenda.plan(every, again)

    if text:
        bench.agenda.plan(every, again)
    if tx >= 0:
        bench.uarts.listen(tx, heard.extend)
    pins = (rx.number,) if tx < 0 else (rx.number, tx)
    return Part(
        "serial", name, pins, actions={"say": say}, state=lambda: {"heard": heard.decode("latin1")}
    )


def _say(bench: Bench, pin: Pin, data: bytes, baud: int) -> None:
    if pin.mode == MODE_ALT:
        bench.uarts.transmit(pin, data, baud)


KINDS: dict[str, Maker] = {
    "bme280": _bme280,
    "button": _button,
    "dht11": _dht("dht11"),
    "dht22": _dht("dht22"),
    "ds18b20": _ds18b20,
    "eeprom": _eeprom,
    "hcsr04": _hcsr04,
    "led": _led,
    "mcp3008": _mcp3008,
    "mpu6050": _mpu6050,
    "neopixel": _neopixel,
    "potentiometer": _potentiometer,
    "serial": _serial,
    "servo": _servo,
    "ssd1306": _ssd1306,
}
"""Makers by the names that scenes use."""
