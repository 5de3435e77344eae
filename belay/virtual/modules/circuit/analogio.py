# SPDX-License-Identifier: Apache-2.0
"""``analogio``: a pin whose voltage is measured."""

import _board


class AnalogIn:
    reference_voltage = 3.3

    def __init__(self, pin):
        if pin._number < 26:
            raise ValueError("Invalid pin")
        pin._claim(self)
        self._pin = pin

    @property
    def value(self):
        if self._pin is None:
            raise ValueError("Object has been deinitialized and can no longer be used.")
        return _board.adc_u16(self._pin._number - 26)

    def deinit(self):
        if self._pin is not None:
            self._pin._user = self._pin = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.deinit()
