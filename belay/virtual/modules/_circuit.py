# SPDX-License-Identifier: Apache-2.0
"""Runs at every boot of a board that runs CircuitPython: its modules in the place of MicroPython's.

Modules of the build cannot be changed or removed, so others stand in for them in ``sys.modules``,
where ``import`` looks first.
"""

import sys


class _Missing:
    """A module that CircuitPython does not have: ``from x import y`` fails as it would there."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, name):
        raise ImportError("no module named '%s'" % self._name)


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


_replace()
