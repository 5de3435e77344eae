# SPDX-License-Identifier: Apache-2.0
"""``busio``: I2C only. One transfer is one call into the host (see ``i2c.py`` there)."""

from binascii import hexlify, unhexlify

import _board

_ALT, _PULL_UP, _IN = 3, 1, 0
_ENODEV = 19


class I2C:
    def __init__(self, scl, sda, *, frequency=100000, timeout=255):
        if scl._number & 1 == 0 or sda._number != scl._number - 1:
            raise ValueError("Invalid pins")
        scl._claim(self)
        sda._claim(self)
        self._pins = scl, sda
        self._scl, self._sda, self._locked = scl._number, sda._number, False
        for number in (self._scl, self._sda):
            _board.pin_setup(number, _ALT, _PULL_UP, -1)

    def deinit(self):
        for pin in self._pins:
            _board.pin_setup(pin._number, _IN, 0, -1)
            pin._user = None
        self._pins = ()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.deinit()

    def try_lock(self):
        if self._locked:
            return False
        self._locked = True
        return True

    def unlock(self):
        self._locked = False

    def _transfer(self, address, digits, count):
        if not self._pins:
            raise ValueError("Object has been deinitialized and can no longer be used.")
        if not self._locked:
            raise RuntimeError("Function requires lock")
        answer = _board.i2c_transfer(self._scl, self._sda, address, digits, count, True)
        if answer == -1:
            raise OSError(_ENODEV)
        return answer

    def scan(self):
        if not self._locked:
            raise RuntimeError("Function requires lock")
        return list(unhexlify(_board.i2c_scan(self._scl, self._sda)))

    def writeto(self, address, buffer, *, start=0, end=None):
        data = memoryview(buffer)[start : len(buffer) if end is None else end]
        self._transfer(address, hexlify(data).decode(), -1)

    def readfrom_into(self, address, buffer, *, start=0, end=None):
        room = memoryview(buffer)[start : len(buffer) if end is None else end]
        room[:] = unhexlify(self._transfer(address, None, len(room)))

    def writeto_then_readfrom(
        self, address, out_buffer, in_buffer, *, out_start=0, out_end=None, in_start=0, in_end=None
    ):
        data = memoryview(out_buffer)[out_start : len(out_buffer) if out_end is None else out_end]
        room = memoryview(in_buffer)[in_start : len(in_buffer) if in_end is None else in_end]
        digits = hexlify(data).decode()
        room[:] = unhexlify(self._transfer(address, digits, len(room)))
