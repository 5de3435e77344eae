# SPDX-License-Identifier: Apache-2.0
"""Runs at every boot, before boot.py: what this build of MicroPython lacks of a board.

``time.sleep`` of the WebAssembly port spins; here it blocks in the host, which runs timer
callbacks meanwhile. ``input()`` of the port never returns; here it edits a line as boards do.
"""

import builtins
import sys
import time

import _board


def _sleeps():
    wait = _board.sleep_ms

    # The loops end at once: they give a pending KeyboardInterrupt a jump to be raised at.
    def sleep(seconds):
        while wait(seconds * 1000.0):
            pass

    def sleep_ms(ms):
        while wait(ms * 1.0):
            pass

    def sleep_us(us):
        while wait(us / 1000):
            pass

    time.sleep, time.sleep_ms, time.sleep_us = sleep, sleep_ms, sleep_us


def _input():
    read, write = sys.stdin.buffer.read, sys.stdout.write

    def input(prompt=""):
        write(str(prompt))
        line = bytearray()
        while True:
            char = read(1)
            if not char:
                continue
            if char in b"\r\n":
                write("\r\n")
                return line.decode()
            if char in b"\x7f\x08":
                if line:
                    while line[-1] & 0xC0 == 0x80:
                        line = line[:-1]
                    line = line[:-1]
                    write("\x08 \x08")
            elif char == b"\x04" and not line:
                raise EOFError
            elif char == b"\x03":
                raise KeyboardInterrupt
            elif char[0] >= 32:
                line.extend(char)
                sys.stdout.buffer.write(char)

    builtins.input = input


_sleeps()
_input()
del sys.modules["_boot"]
