# SPDX-License-Identifier: Apache-2.0
"""``machine.Timer``."""

import _board
from machine import _timers


class Timer:
    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id=-1, mode=-1, **kwargs):
        if id != -1:
            raise ValueError("Timer doesn't exist")
        self._number = 0
        self._callback = None
        if kwargs:
            self.init(mode=1 if mode == -1 else mode, **kwargs)

    def init(self, *, mode=1, freq=-1, period=-1, callback=None, hard=False):
        self.deinit()
        ms = 1000.0 / freq if freq != -1 else period * 1.0
        if ms < 0:
            ms = 4294967295.0
        self._callback = callback
        self._periodic = bool(mode)
        self._number = _board.timer_start(ms, self._periodic, bool(hard))
        _timers[self._number] = self

    def _fire(self, number):
        if not self._periodic:
            _timers.pop(number, None)
            self._number = 0
        if self._callback is not None:
            self._callback(self)

    def deinit(self):
        if self._number:
            _board.timer_stop(self._number)
            _timers.pop(self._number, None)
            self._number = 0
