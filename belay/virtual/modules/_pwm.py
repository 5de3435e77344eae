# SPDX-License-Identifier: Apache-2.0
"""``machine.PWM``."""

import _board
from machine import Pin


class PWM:
    def __init__(self, pin, freq=0, duty_u16=-1, duty_ns=-1, invert=False):
        self._pin = Pin(pin)
        self._freq, self._duty, self._invert = 0, 0, False
        self.init(freq, duty_u16, duty_ns, invert)

    def init(self, freq=0, duty_u16=-1, duty_ns=-1, invert=None):
        if invert is not None:
            self._invert = bool(invert)
        if freq:
            if not 8 <= freq <= 62500000:
                raise ValueError("freq out of range")
            self._freq = int(freq)
        if duty_u16 != -1:
            self._duty = min(65535, int(duty_u16))
        elif duty_ns != -1:
            self._duty = min(65535, duty_ns * self._freq * 65535 // 1000000000)
        self._apply()

    def _apply(self):
        duty = 65535 - self._duty if self._invert else self._duty
        _board.pwm_set(self._pin._id, self._freq, duty)

    def freq(self, hz=None):
        if hz is None:
            return self._freq
        self.init(freq=hz)

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
