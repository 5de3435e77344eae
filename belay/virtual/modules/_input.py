# SPDX-License-Identifier: Apache-2.0
"""Runs at every boot: an ``input()`` that edits a line as boards do.

The one of the WebAssembly port never returns: it cannot wait for a character.
"""

import builtins
import sys

import _board


def _make(read, write, write_bytes, newline):
    def input(prompt=""):
        write(str(prompt))
        line = bytearray()
        while True:
            char = read(1)
            if not char:
                continue
            if char in b"\r\n":
                write(newline)
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
                write_bytes(char)

    return input


builtins.input = _make(
    sys.stdin.buffer.read, sys.stdout.write, sys.stdout.buffer.write, _board.newline()
)
