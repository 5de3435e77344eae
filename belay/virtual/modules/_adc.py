# SPDX-License-Identifier: Apache-2.0
"""``machine.ADC``."""

import _board
from machine import Pin


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
