# SPDX-License-Identifier: Apache-2.0
"""This project's sync and files, on a serial port."""

from __future__ import annotations

import sys

from trees import Trees
from turns import serve

import belay

trees = Trees()
with belay.Device(sys.argv[1]) as device:

    def sync():
        device.sync(trees.folder, trees.dst, minify=False)

    def put():
        device.files.put(trees.large, f"/{trees.large.name}")

    serve(
        {
            "first": (trees.new_folder, sync),
            "unchanged": sync,
            "changed": (trees.change_one, sync),
            "source": (trees.new_source, put),
            "noise": (trees.new_noise, put),
            "read": lambda: trees.check(device.files.read(f"/{trees.large.name}")),
        }
    )
