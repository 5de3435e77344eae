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

from . import waves
from .control import CommandError, Commands, Control, Json
from .i2c import Buses
from .pins import Edge, EdgeLog, Pin
from .proxies import HostModule

__all__ = ["Adc", "Bench", "Event", "Pwm"]

PIN_COUNT = 30
ADC_COUNT = 5
VOLTS_FULL_SCALE = 3.3
I2C_PINS = (5, 4)  # SCL and SDA of the bus that parts hang on: those of I2C(0) on a Pico

EVENT_TIMER, EVENT_PIN = 0, 1
Event = tuple[int, int, int]
"""What happened (EVENT_...), to which timer or pin, and its flags."""


class Adc:
    """One converter channel.

    Args:
        now: seconds since power-on.

    Attributes:
        source: what the world applies, in volts, at every moment.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.source: waves.Wave = waves.constant(0.0)

    @property
    def volts(self) -> float:
        """What the world applies now."""
        return self.source(self._now())

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


class Bench:
    """All peripherals of one board. The outside may use it from any thread.

    Args:
        unique_id: of the simulated chip.
        seed: makes what its sensors measure repeatable.

    Attributes:
        pins: by number.
        log: every edge.
        adc: channels by number; 4 is the temperature sensor.
        pwm: running pulses by pin number.
        i2c: buses by their pins; what hangs on them keeps its state over all resets.
        frequency: clock of the simulated chip in hertz; nothing runs faster for it.
        handler: reference of the board's function that takes events, once ``machine`` is used.
        on_event: called when an event was posted from outside, to wake the board.
    """

    def __init__(self, unique_id: bytes = b"belay-vm", seed: int | None = None) -> None:
        self.log = EdgeLog()
        self._lock = threading.RLock()
        self.pins = [Pin(n, self.log, self._edge, self._lock) for n in range(PIN_COUNT)]
        self.adc = [Adc(self.now) for _ in range(ADC_COUNT)]
        self.adc[4].source = waves.constant(0.706)  # 27 degrees on the sensor of an RP2040
        self.pwm: dict[int, Pwm] = {}
        self._seed, self._powered = seed, time.monotonic()
        self.i2c = Buses(self._hang_up_parts)
        self.frequency = 125_000_000
        self.unique_id = unique_id
        self.handler: int | None = None
        self._timers: dict[int, _Timer] = {}
        self._ids = itertools.count(1)
        self._events: list[Event] = []
        self._due: float | None = None
        self.on_event: Callable[[], None] = _nobody

    def _hang_up_parts(self, buses: Buses) -> None:
        from .devices.air import room
        from .devices.bme280 import Bme280
        from .devices.eeprom import Eeprom

        bus = buses.at(*I2C_PINS)
        bus.attach(Bme280(room(self._seed), self.now, self._seed))
        bus.attach(Eeprom(self.now))

    def now(self) -> float:
        """Seconds since power-on."""
        return time.monotonic() - self._powered

    # ---- events

    def _edge(self, pin: Pin, edge: int) -> None:
        self.post((EVENT_PIN, pin.number, edge))

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

    # ---- the outside, as commands of the control pipe

    def commands(self, pipes: Control) -> Commands:
        """What the outside can do to pins and converters."""

        def told(edge: Edge) -> None:
            pipes.publish("edge", edge)

        self.log.listener = told
        return {
            "pin.read": self._pin_read,
            "pin.drive": lambda pin, level: self._pin(pin).drive(level),
            "adc.read": lambda channel: self._channel(channel).volts,
            "adc.set": self._adc_set,
            "log.read": lambda: {"edges": list(self.log.edges), "forgotten": self.log.forgotten},
            "log.clear": self.log.clear,
        }

    def _pin(self, number: int) -> Pin:
        if not 0 <= number < PIN_COUNT:
            raise CommandError(f"there is no pin {number}: they are 0 to {PIN_COUNT - 1}")
        return self.pins[number]

    def _channel(self, number: int) -> Adc:
        if not 0 <= number < ADC_COUNT:
            raise CommandError(f"there is no ADC channel {number}: they are 0 to {ADC_COUNT - 1}")
        return self.adc[number]

    def _pin_read(self, pin: int) -> Json:
        it = self._pin(pin)
        pulse = self.pwm.get(pin)
        return {
            "level": it.level,
            "mode": ("IN", "OUT", "OPEN_DRAIN", "ALT")[it.mode],
            "pull": (None, "UP", "DOWN")[it.pull],
            "output": it.output,
            "world": it.world,
            "pwm": pulse and {"freq": pulse.frequency, "duty_u16": pulse.duty},
        }

    def _adc_set(self, channel: int, volts: Json) -> None:
        adc = self._channel(channel)
        adc.source = waves.level(volts, Control.client)

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
        if mode >= 0:
            pin.mode = mode
            self.pwm.pop(number, None)
        if pull >= 0:
            pin.pull = pull
        if level >= 0:
            pin.output = level
        pin.settle()

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
