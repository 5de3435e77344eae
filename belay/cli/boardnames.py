# SPDX-License-Identifier: Apache-2.0
"""``belay __boards``: what shells offer where a board can be named. It loads nothing slow."""

from __future__ import annotations

from belay.errors import BelayException

__all__ = ["print_boards"]


def print_boards() -> None:
    """Print the boards that can be named: name or port, a tab, and what it is, a line each."""
    from belay.transports.boards import configured
    from belay.transports.usb import list_devices

    rows: dict[str, str] = {}
    try:
        for entry in configured().values():
            rows[entry.name] = entry.problem or entry.address
    except BelayException:  # a broken file: the command itself will tell
        pass
    for device in list_devices():
        if device.device:
            rows.setdefault(device.device, device.product or device.manufacturer or "USB")
    rows.setdefault("virtual:", "a new virtual board")
    for name, text in rows.items():
        print(f"{name}\t{' '.join(text.split())}")
