# SPDX-License-Identifier: Apache-2.0
"""The ``machine`` module of the virtual board, with the names and values of a Raspberry Pi Pico.

The host keeps the state (see ``peripherals.py``); an operation here is one call into it. Handlers
of timers and pins run while the board idles and at every call into the host. What most programs do
not use lies in modules of its own, which are imported when it is first asked for.
"""

import sys

import _board

PWRON_RESET = 1
WDT_RESET = 3

_IRQ_MASK = 12

_ELSEWHERE = {
    "ADC": "_adc",
    "I2C": "_i2c",
    "PWM": "_pwm",
    "RTC": "_chip",
    "SPI": "_spi",
    "Signal": "_chip",
    "SoftI2C": "_i2c",
    "SoftSPI": "_spi",
    "Timer": "_timer",
    "UART": "_uart",
    "WDT": "_chip",
    "bitstream": "_chip",
    "bootloader": "_chip",
    "dht_readinto": "_chip",
    "mem16": "_chip",
    "mem32": "_chip",
    "mem8": "_chip",
    "time_pulse_us": "_chip",
}

_rooms = {}
__all__ = (
    "disable_irq enable_irq deepsleep freq idle lightsleep reset reset_cause soft_reset unique_id "
    "Pin PWRON_RESET WDT_RESET"
).split() + list(_ELSEWHERE)  # for `import *`, which asks no __getattr__ without it


def __getattr__(name):
    room = _ELSEWHERE.get(name)
    if room is None:
        raise AttributeError(name)
    if room not in _rooms:
        _rooms[room] = scope = {"__name__": "machine"}
        exec(compile(_board.source(room), "/.board/%s.py" % room, "exec"), scope)
    found = globals()[name] = _rooms[room][name]
    return found


def reset():
    _board.reset()


def soft_reset():
    raise SystemExit


def reset_cause():
    return _board.reset_cause()


def freq(hz=None):
    if hz is None:
        return _board.clock(0)
    _board.clock(int(hz))


def unique_id():
    return bytes.fromhex(_board.unique_id())


def idle():
    _board.sleep_ms(1.0)


def lightsleep(ms=None):
    # Until the time is over, or a handler has run.
    seen = _board.wait(0.0, -1)
    _board.wait(1e12 if ms is None else ms * 1.0, seen)


def deepsleep(ms=None):
    lightsleep(ms)
    reset()


def disable_irq():
    return _board.irq_hold(True)


def enable_irq(state=False):
    _board.irq_hold(bool(state))


_timers = {}
_pin_irqs = {}
_uart_irqs = {}


def _on_event(kind, number, flags):
    # The host calls this; nothing that a handler raises may reach the host.
    try:
        if kind == 0:
            timer = _timers.get(number)
            if timer is not None:
                timer._fire(number)
            return
        irq = (_pin_irqs if kind == 1 else _uart_irqs).get(number)
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


class _IRQ:
    def __init__(self, pin, handler, trigger, hard, apply):
        self._pin, self._handler, self._trigger, self._flags = pin, handler, trigger, 0
        self._hard, self._apply = hard, apply
        apply(pin._id, trigger if handler is not None else 0, bool(hard))

    def __call__(self):
        if self._handler is not None:
            self._handler(self._pin)

    def flags(self):
        return self._flags

    def trigger(self, trigger=None):
        old = self._trigger
        if trigger is not None:
            self._trigger = trigger
            self._apply(self._pin._id, trigger, bool(self._hard))
        return old


class _Names:
    def __init__(self, prefix):
        self._prefix = prefix

    def __getattr__(self, name):
        if name[: len(self._prefix)] == self._prefix or name == "LED":
            return Pin(name)
        raise AttributeError(name)


class Pin:
    IN, OUT, OPEN_DRAIN, ALT = 0, 1, 2, 3
    PULL_UP, PULL_DOWN = 1, 2
    IRQ_FALLING, IRQ_RISING = 4, 8
    board, cpu = _Names("GP"), _Names("GPIO")

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
        irq = _pin_irqs[self._id] = _IRQ(self, handler, trigger, hard, _board.pin_irq)
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
