# SPDX-License-Identifier: Apache-2.0
"""Pins, converters, timers and buses of the simulated board, seen from the outside world.

This is the bench that the board lies on: a test, a widget or a script reads what the program
drives and sets what the program reads. The board's side of it is ``modules/machine.py``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import rarely, waves
from .control import CommandError, Commands, Control, Json
from .i2c import Buses
from .pins import MODE_ALT, Edge, EdgeLog, Pin
from .proxies import HostModule
from .timers import EVENT_PIN, Agenda

if TYPE_CHECKING:
    from .parts import Parts
    from .peers import Peers
    from .serialbus import OneWires, SpiBuses
    from .singlewire import Lines
    from .uart import Uarts
    from .wlan import Air

__all__ = ["ADC_COUNT", "PIN_COUNT", "Adc", "Bench", "Pwm"]

PIN_COUNT = 30
ADC_COUNT = 5
VOLTS_FULL_SCALE = 3.3


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

    def level(self, nanoseconds: int) -> int:
        """The level at one moment: every period begins high."""
        if not self.frequency:
            return 0
        return int(nanoseconds * self.frequency % 1_000_000_000 * 65535 < self.duty * 1_000_000_000)


class Bench:
    """All peripherals of one board. The outside may use it from any thread.

    Args:
        unique_id: of the simulated chip.
        seed: makes what its sensors measure repeatable.

    Attributes:
        pins: by number.
        log: every edge.
        agenda: timers and events.
        adc: channels by number; 4 is the temperature sensor.
        pwm: running pulses by pin number.
        i2c: buses by their pins; what hangs on them keeps its state over all resets.
        frequency: clock of the simulated chip in hertz; nothing runs faster for it.
        handler: reference of the board's function that takes events, once ``machine`` is used.
        on_hard: runs handlers, on the board's own thread, inside a call of a program.
        seed: as given.
        furnish: hangs the parts on the board when the first of its buses is asked for.
    """

    def __init__(self, unique_id: bytes = b"belay-vm", seed: int | None = None) -> None:
        self.lock = threading.RLock()
        self.agenda = Agenda(self.lock)
        self.log = EdgeLog(self.agenda.now_ns)
        self.pins = [Pin(n, self.log, self._edge, self.lock) for n in range(PIN_COUNT)]
        self.adc = [Adc(self.now) for _ in range(ADC_COUNT)]
        self.adc[4].source = waves.constant(0.706)  # 27 degrees on the sensor of an RP2040
        self.pwm: dict[int, Pwm] = {}
        self.seed, self._powered = seed, time.monotonic()
        self.furnish: Callable[[], None] | None = self._furnish
        self.i2c = Buses(self.furnished)
        self.frequency = 125_000_000
        self.unique_id = unique_id
        self.handler: int | None = None
        self.on_hard: Callable[[], None] | None = None
        self._hard: set[int] = set()
        self._rooms: dict[str, object] = {}

    def now(self) -> float:
        """Seconds since power-on."""
        return time.monotonic() - self._powered

    def furnished(self) -> None:
        """Hang the parts on the board, if that has not been done: most boards start without."""
        if self.furnish is not None:
            furnish, self.furnish = self.furnish, None
            furnish()

    def _furnish(self) -> None:
        from .scene import DEFAULT, build, parse

        build(self, parse(DEFAULT, "the default scene"))

    # ---- what most programs do without, loaded when it is first asked for

    @property
    def uarts(self) -> Uarts:
        """The UARTs."""
        from .uart import Uarts

        return self._rooms.get("uarts") or self._room("uarts", Uarts)  # type: ignore[return-value]

    @property
    def onewire(self) -> OneWires:
        """The 1-Wire buses."""
        from .serialbus import OneWires

        return self._rooms.get("onewire") or self._room("onewire", OneWires)  # type: ignore[return-value]

    @property
    def spi(self) -> SpiBuses:
        """The SPI buses."""
        from .serialbus import SpiBuses

        return self._rooms.get("spi") or self._room("spi", SpiBuses)  # type: ignore[return-value]

    @property
    def parts(self) -> Parts:
        """What hangs on the board."""
        from .parts import Parts

        return self._rooms.get("parts") or self._room("parts", Parts)  # type: ignore[return-value]

    @property
    def lines(self) -> Lines:
        """Rows of lights, and sensors on one pin."""
        from .singlewire import Lines

        return self._rooms.get("lines") or self._room("lines", Lines)  # type: ignore[return-value]

    @property
    def air(self) -> Air:
        """The radio."""
        from .wlan import Air

        return self._rooms.get("air") or self._room("air", Air)  # type: ignore[return-value]

    @property
    def peers(self) -> Peers:
        """Wires to other boards."""
        from .peers import Peers

        return self._rooms.get("peers") or self._room("peers", Peers)  # type: ignore[return-value]

    def _room(self, name: str, kind: Callable[[Bench], object]) -> object:
        with self.lock:
            if self._rooms.get(name) is None:
                self._rooms[name] = kind(self)
            return self._rooms[name]

    # ---- events

    def _edge(self, pin: Pin, edge: int) -> None:
        self.agenda.post((EVENT_PIN, pin.number, edge), pin.number in self._hard)

    def has_events(self) -> bool:
        """Whether the board's handler has something to do."""
        return self.agenda.has_events()

    # ---- resets

    def soft_reset(self) -> None:
        """What a soft reset ends: handlers, timers, pulses. Pins keep what they drive."""
        self.agenda.forget()
        self.handler = None
        self.i2c.release()
        for number in list(self.pwm):
            self._pwm_end(number)
        self._hard.clear()
        for pin in self.pins:
            pin.trigger = 0
        uarts, air = self._rooms.get("uarts"), self._rooms.get("air")
        if uarts is not None:
            self.uarts.release()
        if air is not None:
            self.air.soft_reset()

    def hard_reset(self) -> None:
        """Power-on: pins float again."""
        self.soft_reset()
        for pin in self.pins:
            pin.reset()
        self.frequency = 125_000_000
        if self._rooms.get("air") is not None:
            self.air.hard_reset()

    # ---- the outside, as commands of the control pipe

    def commands(self, pipes: Control) -> Commands:
        """What the outside can do to pins and converters."""

        def told(edge: Edge) -> None:
            pipes.publish("edge", edge)

        def watched(by_somebody: bool) -> None:
            self.log.listener = told if by_somebody else None

        pipes.when_watched("edge", watched)
        return {
            "pin.read": self.read_pin,
            "pins.read": lambda: [self.read_pin(number) for number in range(PIN_COUNT)],
            "pin.drive": lambda pin, level: self.pin(pin).drive(level),
            "pin.wire": lambda pin, to: self.pin(pin).wire_to(self.pin(to)),
            "pin.cut": lambda pin: self.pin(pin).cut(),
            "adc.read": lambda channel: self.channel(channel).volts,
            "adc.set": self._adc_set,
            "log.read": self._log_read,
            "log.clear": self.log.clear,
            "now": self.now,
            **rarely.commands(self),
        }

    def pin(self, number: int) -> Pin:
        """A pin.

        Raises:
            CommandError: there is none of this number.
        """
        if not isinstance(number, int) or not 0 <= number < PIN_COUNT:
            raise CommandError(f"there is no pin {number!r}: they are 0 to {PIN_COUNT - 1}")
        return self.pins[number]

    def channel(self, number: int) -> Adc:
        """An input of the converter.

        Raises:
            CommandError: there is none of this number.
        """
        if not isinstance(number, int) or not 0 <= number < ADC_COUNT:
            raise CommandError(f"there is no ADC channel {number!r}: they are 0 to {ADC_COUNT - 1}")
        return self.adc[number]

    def read_pin(self, pin: int) -> Json:
        """All there is to say of a pin."""
        it = self.pin(pin)
        pulse = self.pwm.get(pin)
        return {
            "level": self.level(pin),
            "mode": ("IN", "OUT", "OPEN_DRAIN", "ALT")[it.mode],
            "pull": (None, "UP", "DOWN")[it.pull],
            "output": it.output,
            "world": it.world,
            "pwm": pulse and {"freq": pulse.frequency, "duty_u16": pulse.duty},
        }

    def _adc_set(self, channel: int, volts: Json) -> None:
        self.channel(channel).source = waves.level(volts, Control.client)

    def _log_read(self) -> Json:
        with self.lock:
            return {
                "edges": list(self.log.edges),
                "pulses": list(self.log.pulses),
                "forgotten": self.log.forgotten,
                "now": self.log.now(),
                "levels": [pin.level for pin in self.pins],
            }

    # ---- the program's side, as functions of the module _board

    def level(self, number: int) -> int:
        """The level at a pin now, also where pulses come and go."""
        pulse = self.pulse_on(number) if self.pwm else None
        return self.pins[number].level if pulse is None else pulse.level(self.log.now())

    def pulse_on(self, number: int) -> Pwm | None:
        """The pulse on the wire of a pin; None where there is none."""
        net = self.pins[number].net
        for member in (number,) if net is None else [pin.number for pin in net.pins]:
            if member in self.pwm:
                return self.pwm[member]
        return None

    def _setters(self) -> HostModule:
        """The functions that programs call most, with all that they need at hand."""
        pins, agenda = self.pins, self.agenda

        def put(number: int, level: int) -> None:
            pins[number].set(level)
            if agenda.hard and self.on_hard is not None:
                self.on_hard()

        def toggle(number: int) -> None:
            pin = pins[number]
            pin.set(1 - pin.output)
            if agenda.hard and self.on_hard is not None:
                self.on_hard()

        def get(number: int) -> int:
            return self.level(number) if self.pwm else pins[number].level

        return {"pin_set": put, "pin_toggle": toggle, "pin_get": get}

    def module(self) -> HostModule:
        """What ``machine`` needs of the host."""
        pins, adc, agenda = self.pins, self.adc, self.agenda
        return {
            "pin_setup": self._pin_setup,
            **self._setters(),
            "pin_irq": self._pin_irq,
            "pin_mode": lambda number: pins[number].mode,
            "pin_pull": lambda number: pins[number].pull,
            # The world's side, for whoever has no other hand on it; a level below 0 lets go.
            "pin_world": lambda number, level: pins[number].drive(None if level < 0 else level),
            "adc_u16": lambda channel: adc[channel].u16,
            "pwm_set": self._pwm_set,
            "pwm_end": self._pwm_end,
            "timer_start": agenda.start,
            "timer_stop": agenda.stop,
            "irq_hold": self._irq_hold,
            "clock": self._clock,
            "unique_id": self.unique_id.hex,
            "on_event": self._on_event,
            **self.i2c.module(),
            **rarely.functions(self),
        }

    def _pin_setup(self, number: int, mode: int, pull: int, level: int) -> None:
        """Configure; -1 leaves the mode, the pull or the level as it is."""
        pin = self.pins[number]
        if mode >= 0:
            pin.mode = mode
            if number in self.pwm:
                self._pwm_end(number)
        if pull >= 0:
            pin.pull = pull
        if level >= 0:
            pin.output = level
        pin.settle()

    def _pin_irq(self, number: int, trigger: int, hard: bool = False) -> None:
        self.pins[number].trigger = trigger
        (self._hard.add if hard else self._hard.discard)(number)

    def _irq_hold(self, held: bool) -> bool:
        before, self.agenda.held = self.agenda.held, bool(held)
        return before

    def _pwm_set(self, number: int, frequency: int, duty: int) -> None:
        pin = self.pins[number]
        if pin.mode != MODE_ALT:
            pin.mode = MODE_ALT
            pin.settle()
        self.pwm[number] = Pwm(frequency, duty)
        self.log.add_pulses(number, frequency, duty)

    def _pwm_end(self, number: int) -> None:
        if self.pwm.pop(number, None) is not None:
            self.log.add_pulses(number, 0, -1)

    def _clock(self, frequency: int) -> int:
        if frequency > 0:
            self.frequency = frequency
        return self.frequency

    def _on_event(self, handler: int) -> None:
        self.handler = handler
