# SPDX-License-Identifier: Apache-2.0
"""``rtc``: the calendar."""

import time

import _board


class RTC:
    _only = None

    def __new__(cls):
        if cls._only is None:
            cls._only = object.__new__(cls)
        return cls._only

    @property
    def datetime(self):
        return time.localtime()

    @datetime.setter
    def datetime(self, value):
        if not _board.set_rtc(*tuple(value)[:6], 0):
            raise ValueError("Invalid date")
