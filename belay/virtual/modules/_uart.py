# SPDX-License-Identifier: Apache-2.0
"""``machine.UART``: a stream on two pins; characters take their time (see ``uart.py``)."""

import io
import time
from binascii import hexlify

import _board
from machine import _IRQ, Pin, _uart_irqs

_POLL_IN, _POLL_OUT = 1, 4


class UART(io.IOBase):
    CTS, RTS = 1, 2
    INV_TX, INV_RX = 1, 2
    IRQ_RXIDLE, IRQ_TXIDLE, IRQ_BREAK = 0x40, 0x20, 0x200
    _usual = ((0, 1), (4, 5))

    def __init__(self, id, baudrate=115200, bits=8, parity=None, stop=1, **options):
        if id not in (0, 1):
            raise ValueError("UART(%s) doesn't exist" % id)
        self._id = id
        self._tx, self._rx = self._usual[id]
        self._timeout = self._timeout_char = 0
        self._rxbuf = 256
        self._irq = None
        self.init(baudrate, bits, parity, stop, **options)

    def init(
        self, baudrate=115200, bits=8, parity=None, stop=1, *, tx=None, rx=None,
        txbuf=None, rxbuf=None, timeout=None, timeout_char=None, invert=0, flow=0,
        cts=None, rts=None,
    ):  # fmt: skip
        tx = self._tx if tx is None else Pin(tx)._id
        rx = self._rx if rx is None else Pin(rx)._id
        for pin, role, place in ((tx, "TX", 0), (rx, "RX", 1)):
            if pin & 3 != place or (pin + 4 >> 3) & 1 != self._id:
                raise ValueError("bad %s pin" % role)
        if baudrate <= 0:
            raise ValueError("baudrate")
        self._tx, self._rx = tx, rx
        self._baudrate, self._bits, self._parity, self._stop = baudrate, bits, parity, stop
        if timeout is not None:
            self._timeout = timeout
        if timeout_char is not None:
            self._timeout_char = timeout_char
        if rxbuf is not None:
            if not 0 < rxbuf <= 32766:
                raise ValueError("rxbuf too large")
            self._rxbuf = max(32, rxbuf)
        length = 1 + bits + (parity is not None) + stop
        _board.uart_open(self._id, tx, rx, int(baudrate), length * 1.0, self._rxbuf)
        if self._irq is not None:
            self._apply(self._id, self._irq._trigger)
        self._open = True

    def deinit(self):
        self._open = False
        _board.uart_close(self._id)

    def any(self):
        return _board.uart_any(self._id) if self._open else 0

    def _wait(self, count, ms):
        until = time.ticks_add(time.ticks_ms(), ms)
        while self.any() < count:
            if time.ticks_diff(until, time.ticks_ms()) <= 0:
                return False
            time.sleep_ms(1)
        return True

    def _take(self, count):
        # Waits `timeout` for the first character and `timeout_char` for each of the others.
        data = b""
        if not self._wait(1, self._timeout):
            return data
        while count < 0 or len(data) < count:
            data += bytes.fromhex(
                _board.uart_read(self._id, count - len(data) if count > 0 else -1)
            )
            if len(data) == count or not self._wait(1, self._timeout_char):
                break
        return data

    def read(self, nbytes=-1):
        return self._take(-1 if nbytes is None else nbytes) or None

    def readinto(self, buf, nbytes=None):
        data = self._take(len(buf) if nbytes is None else min(nbytes, len(buf)))
        buf[: len(data)] = data
        return len(data) or None

    def readline(self):
        # As on the chip, a line is read character by character, and each may take `timeout`.
        line = b""
        while line[-1:] != b"\n":
            if not self._wait(1, self._timeout):
                break
            line += bytes.fromhex(_board.uart_read(self._id, 1))
        return line or None

    def write(self, buf):
        if isinstance(buf, str):
            buf = buf.encode()
        return _board.uart_write(self._id, hexlify(buf).decode())

    def sendbreak(self):
        pass

    def txdone(self):
        return not _board.uart_busy_ms(self._id)

    def flush(self):
        while not self.txdone():
            time.sleep_ms(1)

    def _apply(self, id, trigger, hard=False):
        _board.uart_irq(id, trigger)

    def irq(self, handler=None, trigger=0x40, hard=False):
        self._irq = _uart_irqs[self._id] = _IRQ(self, handler, trigger, hard, self._apply)
        self._irq._pin = self
        return self._irq

    def ioctl(self, request, flags):
        if request == 3:  # poll
            return flags & (_POLL_OUT | (_POLL_IN if self.any() else 0))
        if request == 1:
            self.flush()
        return 0

    def __repr__(self):
        return "UART(%d, baudrate=%d, bits=%d, parity=%s, stop=%d, tx=%d, rx=%d, rxbuf=%d)" % (
            (self._id, self._baudrate, self._bits, self._parity, self._stop)
            + (self._tx, self._rx, self._rxbuf)
        )
