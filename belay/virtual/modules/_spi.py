# SPDX-License-Identifier: Apache-2.0
"""``machine.SPI`` and ``machine.SoftSPI``; one transfer is one call into the host."""

from binascii import hexlify
from io import BytesIO

import _board
from machine import Pin

_ALT = 3


def _number(pin):
    return -1 if pin is None else Pin(pin)._id


class _Bus:
    MSB, LSB = 0, 1
    _open = False

    def _setup(self, baudrate, polarity, phase, bits, firstbit):
        if bits != 8:
            raise NotImplementedError("bits must be 8")
        if firstbit != self.MSB:
            raise NotImplementedError("firstbit must be MSB")
        if baudrate <= 0:
            raise ValueError("baudrate")
        self._baudrate, self._polarity, self._phase = baudrate, polarity, phase

    def _connect(self, sck, mosi, miso):
        self._pins = sck, mosi, miso
        for pin in self._pins:
            if pin >= 0:
                _board.pin_setup(pin, _ALT, 0, -1)
        self._open = True

    def _exchange(self, data):
        if not self._open:
            raise OSError(5)
        return bytes.fromhex(_board.spi_exchange(*self._pins, hexlify(data).decode()))

    def deinit(self):
        if self._open:
            self._open = False
            for pin in self._pins:
                if pin >= 0:
                    _board.pin_setup(pin, Pin.IN, 0, -1)

    def read(self, nbytes, write=0):
        return self._exchange(bytes([write]) * nbytes)

    def readinto(self, buf, write=0):
        BytesIO(self._exchange(bytes([write]) * len(buf))).readinto(buf)

    def write(self, buf):
        self._exchange(buf)

    def write_readinto(self, write_buf, read_buf):
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        BytesIO(self._exchange(write_buf)).readinto(read_buf)


class SPI(_Bus):
    _usual = ((18, 19, 16), (10, 11, 8))

    def __init__(
        self, id, baudrate=1000000, polarity=0, phase=0, bits=8, firstbit=0, *,
        sck=None, mosi=None, miso=None,
    ):  # fmt: skip
        if id not in (0, 1):
            raise ValueError("SPI(%s) doesn't exist" % id)
        self._id = id
        usual = self._usual[id]
        if sck is mosi is miso is None:
            pins = usual
        else:
            pins = [u if p is None else _number(p) for u, p in zip(usual, (sck, mosi, miso))]
            if miso is None and mosi is not None:
                pins[2] = -1 if pins[2] in pins[:2] else pins[2]
        for pin, role, place in zip(pins, ("SCK", "MOSI", "MISO"), (2, 3, 0)):
            if pin >= 0 and (pin & 3 != place or pin >> 3 & 1 != id):
                raise ValueError("bad %s pin" % role)
        self._setup(baudrate, polarity, phase, bits, firstbit)
        self._connect(*pins)

    def init(self, baudrate=None, polarity=None, phase=None, bits=8, firstbit=0):
        self._setup(
            self._baudrate if baudrate is None else baudrate,
            self._polarity if polarity is None else polarity,
            self._phase if phase is None else phase,
            bits,
            firstbit,
        )
        self._open = True

    def __repr__(self):
        return "SPI(%d, baudrate=%d, polarity=%d, phase=%d, bits=8, sck=%d, mosi=%d, miso=%d)" % (
            (self._id, self._baudrate, self._polarity, self._phase) + tuple(self._pins)
        )


class SoftSPI(_Bus):
    def __init__(
        self, baudrate=500000, *, polarity=0, phase=0, bits=8, firstbit=0,
        sck=None, mosi=None, miso=None,
    ):  # fmt: skip
        if sck is None or mosi is None or miso is None:
            raise ValueError("must specify all of sck/mosi/miso")
        self._setup(baudrate, polarity, phase, bits, firstbit)
        self._connect(_number(sck), _number(mosi), _number(miso))

    def init(self, baudrate=500000, *, polarity=0, phase=0, bits=8, firstbit=0, **pins):
        self._setup(baudrate, polarity, phase, bits, firstbit)
        old = self._pins
        names = ("sck", "mosi", "miso")
        self._connect(*[_number(pins[n]) if n in pins else o for n, o in zip(names, old)])

    def __repr__(self):
        return "SoftSPI(baudrate=%d, polarity=%d, phase=%d, sck=%d, mosi=%d, miso=%d)" % (
            (self._baudrate, self._polarity, self._phase) + tuple(self._pins)
        )
