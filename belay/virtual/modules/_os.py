# SPDX-License-Identifier: Apache-2.0
"""Runs at every boot: an ``os.ilistdir`` whose entries carry sizes, as those of boards do."""

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
