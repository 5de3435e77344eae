# SPDX-License-Identifier: Apache-2.0
"""Pins, converters, timers and buses of the simulated board, seen from the outside world.

This is the bench that the board lies on: a test, a widget or a script reads what the program
drives and sets what the program reads. The board's side of it is ``modules/machine.py``.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .i2c import Buses
from .proxies import HostModule

__all__ = ["Adc", "Bench", "Event", "Pin", "Pwm"]

PIN_COUNT = 30
ADC_COUNT = 5
VOLTS_FULL_SCALE = 3.3
I2C_PINS = (5, 4)  # SCL and SDA of the bus that parts hang on: those of I2C(0) on a Pico

MODE_IN, MODE_OUT, MODE_OPEN_DRAIN = 0, 1, 2
PULL_NONE, PULL_UP, PULL_DOWN = 0, 1, 2
FALLING, RISING = 4, 8

EVENT_TIMER, EVENT_PIN = 0, 1
Event = tuple[int, int, int]
"""What happened (EVENT_...), to which timer or pin, and its flags."""


class Pin:
    """One pin: what the program does with it and what the world does to it.

    Attributes:
        number: as the program counts.
        mode, pull: MODE_... and PULL_... of the program.
        output: the level that the program drives, where it drives.
        world: the level that the world drives, or None when nothing is connected.
        trigger: edges (RISING, FALLING) that the program wants to hear of.
    """

    def __init__(self, bench: Bench, number: int) -> None:
        self._bench = bench
        self.number = number
        self.reset()

    def reset(self) -> None:
        """As after power-on; what the world drives stays."""
        self.mode, self.pull, self.output, self.trigger = MODE_IN, PULL_NONE, 0, 0
        self.world: int | None = getattr(self, "world", None)

    @property
    def level(self) -> int:
        """The level that can be measured at the pin: 0 or 1."""
        if self.mode == MODE_OUT:
            return self.output
        if self.mode == MODE_OPEN_DRAIN and not self.output:
            return 0
        if self.world is not None:
            return self.world
        if self.mode == MODE_OPEN_DRAIN:
            return 1
        return int(self.pull == PULL_UP)

    def drive(self, level: int | None) -> None:
        """Connect the pin to a level from outside; None disconnects it."""
        with self._bench.change(self):
            self.world = None if level is None else int(bool(level))

    def set(self, level: int) -> None:
        """The program's side: set the output latch."""
        if self.trigger:
            with self._bench.change(self):
                self.output = level
        else:
            self.output = level


class Adc:
    """One converter channel.

    Attributes:
        volts: what the world applies, 0 to 3.3.
    """

    def __init__(self) -> None:
        self.volts = 0.0

    @property
    def u16(self) -> int:
        """The reading, 0 to 65535."""
        return max(0, min(65535, round(self.volts / VOLTS_FULL_SCALE * 65535)))


@dataclass
class Pwm:
    """A pulse that the program puts out: hertz, and the share of a period out of 65535."""

    frequency: int = 0
    duty: int = 0


@dataclass
class _Timer:
    due: float
    period: float  # seconds; 0 for one shot


class _Change:
    """Notices the edge that a change makes."""

    def __init__(self, bench: Bench, pin: Pin) -> None:
        self._bench, self._pin = bench, pin

    def __enter__(self) -> None:
        self._before = self._pin.level

    def __exit__(self, *_: object) -> None:
        after = self._pin.level
        edge = 0 if after == self._before else RISING if after else FALLING
        if edge & self._pin.trigger:
            self._bench.post((EVENT_PIN, self._pin.number, edge))


class Bench:
    """All peripherals of one board. The outside may use it from any thread.

    Args:
        unique_id: of the simulated chip.
        seed: makes what its sensors measure repeatable.

    Attributes:
        pins: by number.
        adc: channels by number; 4 is the temperature sensor.
        pwm: running pulses by pin number.
        i2c: buses by their pins; what hangs on them keeps its state over all resets.
        frequency: clock of the simulated chip in hertz; nothing runs faster for it.
        handler: reference of the board's function that takes events, once ``machine`` is used.
        on_event: called when an event was posted from outside, to wake the board.
    """

    def __init__(self, unique_id: bytes = b"belay-vm", seed: int | None = None) -> None:
        self.pins = [Pin(self, number) for number in range(PIN_COUNT)]
        self.adc = [Adc() for _ in range(ADC_COUNT)]
        self.adc[4].volts = 0.706  # 27 degrees on the sensor of an RP2040
        self.pwm: dict[int, Pwm] = {}
        self._seed, self._powered = seed, time.monotonic()
        self.i2c = Buses(self._hang_up_parts)
        self.frequency = 125_000_000
        self.unique_id = unique_id
        self.handler: int | None = None
        self._timers: dict[int, _Timer] = {}
        self._ids = itertools.count(1)
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._due: float | None = None
        self.on_event: Callable[[], None] = _nobody

    def _hang_up_parts(self, buses: Buses) -> None:
        from .devices.air import room
        from .devices.bme280 import Bme280
        from .devices.eeprom import Eeprom

        def now() -> float:
            return time.monotonic() - self._powered

        bus = buses.at(*I2C_PINS)
        bus.attach(Bme280(room(self._seed), now, self._seed))
        bus.attach(Eeprom(now))

    # ---- events

    def change(self, pin: Pin) -> _Change:
        """A context in which the pin's level may change; posts the edge if one was asked for."""
        return _Change(self, pin)

    def post(self, event: Event) -> None:
        """Queue an event for the board's handler."""
        with self._lock:
            self._events.append(event)
        self.on_event()

    def next_due(self) -> float | None:
        """Monotonic time of the next timer (or of now, when events wait); None for never."""
        return 0.0001 if self._events else self._due

    def has_events(self) -> bool:
        """Whether the board's handler has something to do."""
        return bool(self._events) or (self._due is not None and time.monotonic() >= self._due)

    def take_events(self) -> list[Event]:
        """Events that wait, and timers that are due: a late periodic timer fires once."""
        now = time.monotonic()
        with self._lock:
            events, self._events = self._events, []
            for number, timer in sorted(self._timers.items(), key=lambda item: item[1].due):
                if timer.due > now:
                    continue
                events.append((EVENT_TIMER, number, 0))
                if timer.period:
                    timer.due += max(1, (now - timer.due) // timer.period) * timer.period
                else:
                    del self._timers[number]
            self._reckon()
        return events

    def _reckon(self) -> None:
        self._due = min((timer.due for timer in self._timers.values()), default=None)

    # ---- resets

    def soft_reset(self) -> None:
        """What a soft reset ends: handlers, timers, pulses. Pins keep what they drive."""
        with self._lock:
            self._timers.clear()
            self._events.clear()
            self._due = None
        self.handler = None
        self.i2c.release()
        self.pwm.clear()
        for pin in self.pins:
            pin.trigger = 0

    def hard_reset(self) -> None:
        """Power-on: pins float again."""
        self.soft_reset()
        for pin in self.pins:
            pin.reset()
        self.frequency = 125_000_000

    # ---- the program's side, as functions of the module _board

    def module(self) -> HostModule:
        """What ``machine`` needs of the host."""
        pins, adc = self.pins, self.adc
        return {
            "pin_setup": self._pin_setup,
            "pin_get": lambda number: pins[number].level,
            "pin_set": lambda number, level: pins[number].set(level),
            "pin_toggle": lambda number: pins[number].set(1 - pins[number].output),
            "pin_irq": self._pin_irq,
            "pin_mode": lambda number: pins[number].mode,
            "pin_pull": lambda number: pins[number].pull,
            # The world's side, for whoever has no other hand on it; a level below 0 lets go.
            "pin_world": lambda number, level: pins[number].drive(None if level < 0 else level),
            "adc_u16": lambda channel: adc[channel].u16,
            "pwm_set": self._pwm_set,
            "pwm_end": self._pwm_end,
            "timer_start": self._timer_start,
            "timer_stop": self._timer_stop,
            "clock": self._clock,
            "unique_id": self.unique_id.hex,
            "on_event": self._on_event,
            **self.i2c.module(),
        }

    def _pin_setup(self, number: int, mode: int, pull: int, level: int) -> None:
        """Configure; -1 leaves the mode, the pull or the level as it is."""
        pin = self.pins[number]
        with self.change(pin):
            if mode >= 0:
                pin.mode = mode
                self.pwm.pop(number, None)
            if pull >= 0:
                pin.pull = pull
            if level >= 0:
                pin.output = level

    def _pin_irq(self, number: int, trigger: int) -> None:
        self.pins[number].trigger = trigger

    def _pwm_set(self, number: int, frequency: int, duty: int) -> None:
        self.pwm[number] = Pwm(frequency, duty)

    def _pwm_end(self, number: int) -> None:
        self.pwm.pop(number, None)

    def _timer_start(self, milliseconds: float, periodic: bool) -> int:
        seconds = max(milliseconds, 0.1) / 1000
        with self._lock:
            number = next(self._ids)
            self._timers[number] = _Timer(time.monotonic() + seconds, seconds if periodic else 0.0)
            self._reckon()
        return number

    def _timer_stop(self, number: int) -> None:
        with self._lock:
            self._timers.pop(number, None)
            self._reckon()

    def _clock(self, frequency: int) -> int:
        if frequency > 0:
            self.frequency = frequency
        return self.frequency

    def _on_event(self, handler: int) -> None:
        self.handler = handler


def _nobody() -> None:
    """Hears of events until somebody wants to."""
