# SPDX-License-Identifier: Apache-2.0
"""Runs at every boot: what boards have in ``os`` and this build lacks.

An ``os.ilistdir`` whose entries carry sizes, and ``os.uname``, which tools ask.
"""

import os


def _make(list_entries, stat):
    def with_sizes(entries, prefix):
        for entry in entries:
            if len(entry) > 3:  # of a file system that a program has mounted
                yield entry
                continue
            try:
                size = stat(prefix + entry[0])[6]
            except OSError:  # removed since the listing began
                size = 0
            yield entry + (size,)

    def ilistdir(path=""):
        return with_sizes(list_entries(path), path + "/" if path else "")

    return ilistdir


os.ilistdir = _make(os.ilistdir, os.stat)


def uname():
    import sys
    from collections import namedtuple

    fields = "sysname", "nodename", "release", "version", "machine"
    release = ".".join(str(number) for number in sys.implementation.version[:3])
    version = sys.version.split("MicroPython ")[-1]
    return namedtuple("uname", fields)(
        sys.platform, sys.platform, release, version, sys.implementation._machine
    )


os.uname = uname
del uname

# The old name is the same module on boards; here it would be the one without all this.
__import__("sys").modules["uos"] = os
