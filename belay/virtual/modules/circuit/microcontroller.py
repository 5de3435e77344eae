# SPDX-License-Identifier: Apache-2.0
"""``microcontroller``: the chip and its pins."""

import _board


class ResetReason:
    POWER_ON, BROWNOUT, SOFTWARE, DEEP_SLEEP_ALARM, RESET_PIN, WATCHDOG, UNKNOWN = range(7)


class RunMode:
    NORMAL, SAFE_MODE, UF2, BOOTLOADER = range(4)


class Pin:
    _user = None  # what uses it: a pin is used by one thing at a time

    def __init__(self, number):
        self._number = number

    def __repr__(self):
        return "board.GP%d" % self._number

    def _claim(self, user):
        if self._user is not None:
            raise ValueError("GP%d in use" % self._number)
        self._user = user


class _Pins:
    pass


class Processor:
    voltage = 3.3

    @property
    def frequency(self):
        return _board.clock(0)

    @property
    def uid(self):
        return bytearray(bytes.fromhex(_board.unique_id()))

    @property
    def temperature(self):
        return 27 - (_board.adc_u16(4) / 65535 * 3.3 - 0.706) / 0.001721

    @property
    def reset_reason(self):
        return ResetReason.POWER_ON if _board.reset_cause() == 1 else ResetReason.SOFTWARE


cpu = Processor()
cpus = (cpu,)
pin = _Pins()
for _number in range(30):
    setattr(pin, "GPIO%d" % _number, Pin(_number))


def reset():
    _board.reset()


def on_next_reset(run_mode):
    pass


def delay_us(delay):
    _board.sleep_ms(delay / 1000)
