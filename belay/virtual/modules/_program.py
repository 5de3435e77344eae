# SPDX-License-Identifier: Apache-2.0
"""Runs a program as MicroPython's unix port runs one: it ends, and says with what status."""

import builtins
import os
import sys

import _board


def _input(prompt=""):
    # The terminal, if there is one, has shown and edited the line already.
    sys.stdout.write(str(prompt))
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line[:-1] if line[-1] == "\n" else line


def _getenv(key, default=None):
    value = _board.getenv(key)
    return default if value is None else value


def prepare(path, arguments):
    builtins.input = _input
    os.getenv = _getenv
    sys.path[:] = path
    sys.argv[:] = arguments


def run(call, what, names):
    try:
        call(what, names)
    except SystemExit as stop:
        # As the unix port has it: None is 0, a number is itself, and all else is 1.
        status = stop.value
        if status is None:
            status = 0
        if not isinstance(status, (int, bool)):  # here a bool is no int
            sys.stderr.write(str(status) + "\n")
            status = 1
        _board.exit(int(status) & 255)
