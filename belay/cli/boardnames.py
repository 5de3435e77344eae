# SPDX-License-Identifier: Apache-2.0
"""``belay __boards``: what shells offer where a board can be named. It loads nothing slow."""

from __future__ import annotations

from belay.errors import BelayException

__all__ = ["print_boards"]


def print_boards() -> None:
    """Print the boards that can be named: name or port, a tab, and what it is, a line each.

    Shells put these words on the command line as they stand. So an entry that cannot be used is
    left out, and with it every name that is more than letters and digits: a project's file comes
    from somebody else, who must not run anything when Tab is pressed.
    """
    from belay.transports.boards import configured
    from belay.transports.usb import list_devices

    rows: dict[str, str] = {}
    try:
        for entry in configured().values():
            if not entry.problem:
                rows[entry.name] = entry.address
    except BelayException:  # a broken file: the command itself will tell
        pass
    for device in list_devices():
        if device.device:
            rows.setdefault(device.device, device.product or device.manufacturer or "USB")
    rows.setdefault("virtual:", "a new virtual board")
    for name, text in rows.items():
        shown = "".join(letter if letter.isprintable() else " " for letter in text)
        print(f"{name}\t{' '.join(shown.split())}")
