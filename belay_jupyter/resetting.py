# SPDX-License-Identifier: Apache-2.0
"""Resets, soft and hard."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from belay.errors import BelayException, ConnectionLost
from belay_jupyter.boards import Board

__all__ = ["hard_reset", "soft_reset", "telling"]

_ATTEMPTS = 20
"""How often a board that was reset is looked for, 1 s apart: one on USB goes and comes back."""

_PATIENCE = 5.0


@contextmanager
def telling(board: Board) -> Iterator[None]:
    """Errors that are raised inside say what to type, and show no traceback through our code."""
    try:
        yield
    except (BelayException, KeyboardInterrupt) as error:
        board.boards.prepare(board, error)
        raise


def soft_reset(board: Board) -> None:
    """Clear the board's memory, and run ``boot.py``."""
    board.device.soft_reset()


def hard_reset(board: Board) -> None:
    """Reset the chip, or start the program that the board is, and connect again."""
    device = board.device
    if not device.address.startswith(("virtual:", "exec:")):
        with contextlib.suppress(ConnectionLost):
            device("import machine\nmachine.reset()", record=False, timeout=_PATIENCE)
    # A virtual board ends with its link: the next one is a new one.
    device.reconnect(_ATTEMPTS)
