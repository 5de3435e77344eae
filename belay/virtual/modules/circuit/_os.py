# SPDX-License-Identifier: Apache-2.0
"""``os`` of CircuitPython: no ``ilistdir``, no ``dupterm``, no mounts."""

import os as _real
from collections import namedtuple

_HAS = ("chdir", "getcwd", "listdir", "mkdir", "remove", "rename", "rmdir", "stat", "statvfs")

for _name in _HAS + ("unlink", "urandom"):
    if hasattr(_real, _name):
        globals()[_name] = getattr(_real, _name)
del _name

sep = "/"
_Uname = namedtuple("uname_result", ("sysname", "nodename", "release", "version", "machine"))


def uname():
    version = "10.3.1 on 2026-09-14"
    return _Uname("rp2040", "rp2040", "10.3.1", version, "Raspberry Pi Pico with rp2040")


def sync():
    pass


def getenv(key, default=None):
    return default


def utime(path, times):
    _real.stat(path)


__name__ = "os"
