# SPDX-License-Identifier: Apache-2.0
"""The ``machine`` module of the virtual board, with the names and values of a Raspberry Pi Pico.

The host keeps the state (see ``peripherals.py``); an operation here is one call into it. Handlers
of timers and pins run while the board idles and at every call into the host.
"""

import sys
import time

import _board

PWRON_RESET = 1
WDT_RESET = 3

_IRQ_MASK = 12


def reset():
    _board.reset()


def soft_reset():
    raise SystemExit


def reset_cause():
    return _board.reset_cause()


def freq(hz=None):
    return _board.clock(0 if hz is None else int(hz))


def unique_id():
    return bytes.fromhex(_board.unique_id())


def idle():
    _board.sleep_ms(1.0)


def lightsleep(ms=None):
    if ms is None:
        while not _board.sleep_ms(1000.0):
            pass
    else:
        _board.sleep_ms(ms * 1.0)


def deepsleep(ms=None):
    lightsleep(ms)
    reset()


def disable_irq():
    return 0


def enable_irq(state=0):
    pass


_timers = {}
_pin_irqs = {}


def _on_event(kind, number, flags):
    # The host calls this; nothing that a handler raises may reach the host.
    try:
        if kind == 0:
            timer = _timers.get(number)
            if timer is not None:
                timer._fire(number)
        else:
            irq = _pin_irqs.get(number)
            if irq is not None:
                irq._flags = flags
                if irq._handler is not None:
                    irq._handler(irq._pin)
    except KeyboardInterrupt as error:
        if not _board.interrupt():
            sys.print_exception(error)
    except BaseException as error:
        sys.print_exception(error)


_board.on_event(_on_event)


class _PinIRQ:
    def __init__(self, pin, handler, trigger):
        self._pin, self._handler, self._trigger, self._flags = pin, handler, trigger, 0

    def __call__(self):
        if self._handler is not None:
            self._handler(self._pin)

    def flags(self):
        return self._flags

    def trigger(self, trigger=None):
        old = self._trigger
        if trigger is not None:
            self._trigger = trigger
            _board.pin_irq(self._pin._id, trigger)
        return old


class Pin:
    IN, OUT, OPEN_DRAIN, ALT = 0, 1, 2, 3
    PULL_UP, PULL_DOWN = 1, 2
    IRQ_FALLING, IRQ_RISING = 4, 8

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=0, alt=-1):
        if isinstance(id, Pin):
            id = id._id
        elif isinstance(id, str):
            id = _pin_number(id)
        if not isinstance(id, int) or not 0 <= id < 30:
            raise ValueError("invalid pin")
        self._id = id
        if mode != -1 or pull != -1 or value is not None:
            self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None, drive=0, alt=-1):
        if mode is None:
            mode = -1
        if mode not in (-1, 0, 1, 2, 3):
            raise ValueError("invalid pin mode: %r" % (mode,))
        _board.pin_setup(
            self._id, mode, 0 if pull is None else pull, -1 if value is None else int(bool(value))
        )

    def value(self, x=None):
        if x is None:
            return _pin_get(self._id)
        _pin_set(self._id, 1 if x else 0)

    __call__ = value

    def on(self):
        _pin_set(self._id, 1)

    def off(self):
        _pin_set(self._id, 0)

    high, low = on, off

    def toggle(self):
        _pin_toggle(self._id)

    def mode(self, mode=None):
        if mode is None:
            return _board.pin_mode(self._id)
        self.init(mode)

    def pull(self, pull=-1):
        if pull == -1:
            return _board.pin_pull(self._id) or None
        self.init(-1, pull)

    def irq(self, handler=None, trigger=_IRQ_MASK, *, priority=1, wake=None, hard=False):
        irq = _PinIRQ(self, handler, trigger)
        _pin_irqs[self._id] = irq
        _board.pin_irq(self._id, trigger if handler is not None else 0)
        return irq

    def __eq__(self, other):
        return isinstance(other, Pin) and self._id == other._id

    def __hash__(self):
        return self._id

    def __repr__(self):
        mode = ("IN", "OUT", "OPEN_DRAIN", "ALT")[_board.pin_mode(self._id)]
        pull = ("", ", pull=PULL_UP", ", pull=PULL_DOWN", "")[_board.pin_pull(self._id)]
        return "Pin(GPIO%d, mode=%s%s)" % (self._id, mode, pull)


# Bound once: a pin's value costs one dictionary look-up and one call into the host.
_pin_get, _pin_set, _pin_toggle = _board.pin_get, _board.pin_set, _board.pin_toggle


def _pin_number(name):
    if name == "LED":
        return 25
    if name[:4] == "GPIO":
        name = name[4:]
    elif name[:2] == "GP":
        name = name[2:]
    try:
        return int(name)
    except ValueError:
        raise ValueError("unknown named pin: %r" % (name,))


class Signal:
    def __init__(self, pin, *args, invert=False, **kwargs):
        self._pin = pin if hasattr(pin, "value") else Pin(pin, *args, **kwargs)
        self._invert = invert

    def value(self, x=None):
        if x is None:
            return self._pin.value() ^ self._invert
        self._pin.value(bool(x) ^ self._invert)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


class ADC:
    CORE_TEMP = 4

    def __init__(self, source):
        if isinstance(source, (Pin, str)):
            number = Pin(source)._id
            if not 26 <= number <= 29:
                raise ValueError("Pin doesn't have ADC capabilities")
            source = number - 26
        elif isinstance(source, int) and 26 <= source <= 29:
            source -= 26
        if not isinstance(source, int) or not 0 <= source <= 4:
            raise ValueError("invalid channel")
        self._channel = source

    def read_u16(self):
        return _board.adc_u16(self._channel)

    def __repr__(self):
        return "<ADC channel=%d>" % self._channel


class PWM:
    def __init__(self, pin, freq=0, duty_u16=-1, duty_ns=-1, invert=False):
        self._pin = Pin(pin)
        self._freq, self._duty = 0, 0
        self.init(freq=freq, duty_u16=duty_u16, duty_ns=duty_ns)

    def init(self, freq=0, duty_u16=-1, duty_ns=-1, invert=False):
        if freq:
            self._freq = int(freq)
        if duty_u16 != -1:
            self._duty = min(65535, int(duty_u16))
        elif duty_ns != -1:
            self._duty = min(65535, duty_ns * self._freq * 65535 // 1000000000)
        self._apply()

    def _apply(self):
        _board.pwm_set(self._pin._id, self._freq, self._duty)

    def freq(self, hz=None):
        if hz is None:
            return self._freq
        if not 8 <= hz <= 62500000:
            raise ValueError("freq out of range")
        self._freq = int(hz)
        self._apply()

    def duty_u16(self, duty=None):
        if duty is None:
            return self._duty
        self.init(duty_u16=duty)

    def duty_ns(self, duty=None):
        if duty is None:
            if not self._freq:
                return 0
            return (self._duty * 1000000000 // 65535) // self._freq
        self.init(duty_ns=duty)

    def deinit(self):
        _board.pwm_end(self._pin._id)

    def __repr__(self):
        return "<PWM pin=%d freq=%d duty_u16=%d>" % (self._pin._id, self._freq, self._duty)


class Timer:
    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id=-1, mode=-1, **kwargs):
        if id != -1:
            raise ValueError("Timer doesn't exist")
        self._number = 0
        self._callback = None
        if kwargs:
            self.init(mode=1 if mode == -1 else mode, **kwargs)

    def init(self, *, mode=1, freq=-1, period=-1, callback=None, hard=False):
        self.deinit()
        ms = 1000.0 / freq if freq != -1 else period * 1.0
        if ms < 0:
            ms = 4294967295.0
        self._callback = callback
        self._periodic = bool(mode)
        self._number = _board.timer_start(ms, self._periodic)
        _timers[self._number] = self

    def _fire(self, number):
        if not self._periodic:
            _timers.pop(number, None)
            self._number = 0
        if self._callback is not None:
            self._callback(self)

    def deinit(self):
        if self._number:
            _board.timer_stop(self._number)
            _timers.pop(self._number, None)
            self._number = 0


class WDT:
    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("WDT(%d) doesn't exist" % id)
        if not 0 <= timeout <= 8388:
            raise ValueError("timeout exceeds 8388")
        _board.watchdog(int(timeout))

    def feed(self):
        _board.feed()


class RTC:
    def datetime(self, datetime=None):
        if datetime is None:
            micros = _board.rtc_us()
            year, month, day, hour, minute, second, weekday, _ = time.gmtime()
            return (year, month, day, weekday, hour, minute, second, micros)
        year, month, day, _, hour, minute, second, micros = datetime
        if not _board.set_rtc(year, month, day, hour, minute, second, micros):
            raise ValueError("invalid date or time")


# Last, since it imports Pin from here.
from _i2c import I2C, SoftI2C  # noqa: E402, F401
