# SPDX-License-Identifier: Apache-2.0
"""Runs at every boot: an ``os.ilistdir`` whose entries carry sizes, as those of boards do."""

import os


def _make(list_entries, stat):
    def with_sizes(entries, prefix):
        for name, kind, inode in entries:
            try:
                size = stat(prefix + name)[6]
            except OSError:  # removed since the listing began
                size = 0
            yield name, kind, inode, size

    def ilistdir(path=""):
        return with_sizes(list_entries(path), path + "/" if path else "")

    return ilistdir


os.ilistdir = _make(os.ilistdir, os.stat)
