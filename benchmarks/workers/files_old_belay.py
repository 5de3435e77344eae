# SPDX-License-Identifier: Apache-2.0
"""The sync of Belay 0.30.1, on a serial port. It reads nothing back."""

from __future__ import annotations

import sys

from trees import Trees
from turns import serve

import belay

trees = Trees()
device = belay.Device(sys.argv[1])


def sync():
    device.sync(trees.folder, trees.dst, minify=False)


def put():
    device.sync(trees.large, minify=False)


serve(
    {
        "first": (trees.new_folder, sync),
        "unchanged": sync,
        "changed": (trees.change_one, sync),
        "source": (trees.new_source, put),
        "noise": (trees.new_noise, put),
    }
)
device.close()
