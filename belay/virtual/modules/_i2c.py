# SPDX-License-Identifier: Apache-2.0
"""``machine.I2C`` and ``machine.SoftI2C``; one transfer is one call into the host (see ``i2c.py``).

Errors have the numbers of a Raspberry Pi Pico: 5 (EIO) where the hardware gets no ACK, 19 (ENODEV)
where software does, which the hardware's own driver also uses for writes of no bytes.
"""

from binascii import hexlify, unhexlify
from io import BytesIO

import _board
from machine import Pin

_EIO, _ENODEV = 5, 19
_ALT, _PULL_UP = 3, 1


def _number(pin):
    return Pin(pin)._id


def _digits(buf):
    return hexlify(buf).decode()


def _room(buf):
    BytesIO(b"").readinto(buf)  # complains unless it can be written to
    return len(hexlify(buf)) // 2


def _memory_address(memaddr, addrsize):
    if addrsize & 7 or not 0 <= addrsize <= 32:
        raise ValueError("invalid addrsize")
    size = addrsize // 8
    return "%0*x" % (2 * size, memaddr & ((1 << addrsize) - 1)) if size else ""


class _Controller:
    _freq = 0

    def _connect(self, scl, sda):
        self._scl, self._sda = scl, sda
        for pin in (scl, sda):
            _board.pin_setup(pin, _ALT, _PULL_UP, -1)

    def deinit(self):
        if self._freq:
            self._freq = 0
            for pin in (self._scl, self._sda):
                _board.pin_setup(pin, Pin.IN, 0, -1)

    def _transfer(self, addr, digits, count, stop, silent):
        # The answer: bytes that were read, or a number of ACKs.
        if not self._freq:
            raise OSError(_EIO)
        answer = _board.i2c_transfer(self._scl, self._sda, addr & 127, digits, count, bool(stop))
        if answer == -1:
            raise OSError(silent)
        return answer if isinstance(answer, int) else unhexlify(answer)

    def _read(self, addr, digits, count, stop=True):
        if count == 0 and digits is None and self._silent == _EIO:
            return b""  # the hardware does not even send the address
        data = self._transfer(addr, digits, count, stop, self._silent)
        return bytes(count) if isinstance(data, int) else data

    def _write(self, addr, digits, stop):
        return self._transfer(addr, digits, -1, stop, self._silent if digits else _ENODEV)

    def scan(self):
        if not self._freq:
            return []
        return list(unhexlify(_board.i2c_scan(self._scl, self._sda)))

    def readfrom(self, addr, nbytes, stop=True):
        return self._read(addr, None, nbytes, stop)

    def readfrom_into(self, addr, buf, stop=True):
        BytesIO(self._read(addr, None, _room(buf), stop)).readinto(buf)

    def writeto(self, addr, buf, stop=True):
        return self._write(addr, _digits(buf), stop)

    def writevto(self, addr, vector, stop=True):
        return self._write(addr, "".join([_digits(buf) for buf in vector]), stop)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        return self._read(addr, _memory_address(memaddr, addrsize), nbytes)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        data = self._read(addr, _memory_address(memaddr, addrsize), _room(buf))
        BytesIO(data).readinto(buf)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self._write(addr, _memory_address(memaddr, addrsize) + _digits(buf), True)


class I2C(_Controller):
    _silent = _EIO
    _peripherals = {}

    def __new__(cls, id=0, *args, **kwargs):
        # As on the chip there is one object for each peripheral.
        if id not in (0, 1):
            raise ValueError("I2C(%s) doesn't exist" % id)
        if cls is not I2C:
            return object.__new__(cls)
        if id not in cls._peripherals:
            cls._peripherals[id] = object.__new__(cls)
        return cls._peripherals[id]

    def __init__(self, id=0, freq=None, *, scl=None, sda=None, timeout=None):
        if freq is scl is sda is timeout is None and self._freq:
            return
        if not self._freq:
            self._id = id
            self._scl, self._sda = (7, 6) if id else (5, 4)
        self.init(
            self._scl if scl is None else scl,
            self._sda if sda is None else sda,
            freq=400000 if freq is None else freq,
            timeout=50000 if timeout is None else timeout,
        )

    def init(self, scl, sda, *, freq=400000, timeout=50000):
        scl, sda = _number(scl), _number(sda)
        if scl & 3 != 2 * self._id + 1:
            raise ValueError("bad SCL pin")
        if sda & 3 != 2 * self._id:
            raise ValueError("bad SDA pin")
        if freq <= 0:
            raise ValueError("bad freq")
        clock = _board.clock(0)
        self._freq = clock // ((clock + freq // 2) // freq)
        self._timeout = timeout
        self._connect(scl, sda)

    def _unsupported(self, *args):
        raise OSError("I2C operation not supported")

    start = stop = readinto = write = _unsupported

    def __repr__(self):
        return "I2C(%d, freq=%d, scl=%d, sda=%d, timeout=%d)" % (
            self._id,
            self._freq,
            self._scl,
            self._sda,
            self._timeout,
        )


class SoftI2C(_Controller):
    _silent = _ENODEV

    def __init__(self, scl, sda, *, freq=400000, timeout=50000):
        self.init(scl, sda, freq=freq, timeout=timeout)

    def init(self, scl, sda, *, freq=400000, timeout=50000):
        scl, sda = _number(scl), _number(sda)
        if freq <= 0:
            raise ValueError("bad freq")
        self._freq = 500000 // max(1, 500000 // freq)
        self._connect(scl, sda)

    def start(self):
        _board.i2c_start(self._scl, self._sda)

    def stop(self):
        _board.i2c_stop(self._scl, self._sda)

    def write(self, buf):
        return _board.i2c_write(self._scl, self._sda, _digits(buf))

    def readinto(self, buf, nack=True):
        digits = _board.i2c_read(self._scl, self._sda, _room(buf))
        BytesIO(unhexlify(digits)).readinto(buf)

    def __repr__(self):
        return "SoftI2C(scl=%d, sda=%d, freq=%d)" % (self._scl, self._sda, self._freq)
