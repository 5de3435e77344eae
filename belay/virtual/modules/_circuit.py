# SPDX-License-Identifier: Apache-2.0
"""Runs at every boot of a board that runs CircuitPython: its modules in the place of MicroPython's.

Modules of the build cannot be changed or removed, so others stand in for them in ``sys.modules``,
where ``import`` looks first.
"""

import builtins
import sys

_LISTED = (
    "__main__ analogio array binascii board builtins busio collections digitalio errno gc hashlib "
    "io json math microcontroller micropython os random re rtc select storage struct supervisor "
    "sys time traceback usb_cdc"
)


class _Missing:
    """A module that CircuitPython does not have: ``from x import y`` fails as it would there."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, name):
        raise ImportError("no module named '%s'" % self._name)


def _make_help(original):
    def help(*about):
        if about != ("modules",):
            return original(*about)
        names = _LISTED.split()
        rows = (len(names) + 3) // 4
        for row in range(rows):
            print("".join(["%-18s" % name for name in names[row::rows]]).rstrip())
        print("Plus any modules on the filesystem")

    return help


def _replace():
    folder = sys.path[-1] + "/circuit"
    sys.path[:] = ["", "/", "/lib", folder]
    modules = sys.modules
    standing_in = {}
    for name in ("sys", "os", "time", "hashlib", "traceback"):
        module = __import__("_" + name)
        del modules["_" + name]
        standing_in[name] = module
    # Only now: they take what they are made of from the real ones.
    modules.update(standing_in)
    modules.pop("utime", None)
    for name in ("deflate", "vfs", "uctypes", "framebuf", "cryptolib", "js", "jsffi"):
        modules[name] = _Missing(name)
    builtins.help = _make_help(builtins.help)


_replace()
