# SPDX-License-Identifier: Apache-2.0
"""The smaller things of ``machine``: each imported when a program asks for one of them."""

import time
from binascii import hexlify

import _board
from machine import Pin


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


class _Memory:
    def __init__(self, size):
        self._size = size

    def _check(self, address):
        if address % self._size:
            raise ValueError("address %08x is not aligned to %d bytes" % (address, self._size))
        return address * 1.0

    def __getitem__(self, address):
        return int(_board.mem_read(self._check(address), self._size))

    def __setitem__(self, address, value):
        _board.mem_write(self._check(address), self._size, (value & 0xFFFFFFFF) * 1.0)

    def __repr__(self):
        return "<%d-bit memory>" % (8 * self._size)


mem8, mem16, mem32 = _Memory(1), _Memory(2), _Memory(4)


def bootloader(timeout=None):
    _board.bootloader()


def time_pulse_us(pin, pulse_level, timeout_us=1000000):
    return _board.pulse_us(Pin(pin)._id, 1 if pulse_level else 0, int(timeout_us))


def bitstream(pin, encoding, timing, data):
    if encoding != 0:
        raise ValueError("encoding")
    if len(timing) != 4:
        raise ValueError("timing")
    _board.bitstream(Pin(pin)._id, hexlify(data).decode())


def dht_readinto(pin, buf):
    answer = _board.dht_read(Pin(pin)._id)
    if answer is None:
        raise OSError(110)
    buf[:] = bytes.fromhex(answer)
