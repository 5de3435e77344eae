# SPDX-License-Identifier: Apache-2.0
"""``supervisor``: ticks, reloads, and what is connected."""

import _board


class RunReason:
    STARTUP, AUTO_RELOAD, SUPERVISOR_RELOAD, REPL_RELOAD = range(4)


class Runtime:
    usb_connected = serial_connected = True
    autoreload = True
    run_reason = RunReason.STARTUP

    @property
    def serial_bytes_available(self):
        return _board.input_waiting()


class StatusBar:
    display = False

    @property
    def console(self):
        return _board.status_bar(-1)

    @console.setter
    def console(self, value):
        _board.status_bar(int(bool(value)))


runtime = Runtime()
status_bar = StatusBar()


def ticks_ms():
    return _board.supervisor_ticks()


def reload():
    _board.reload()


def get_previous_traceback():
    return None
