# SPDX-License-Identifier: Apache-2.0
"""Resets, soft and hard."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from belay.errors import BelayException, BoardBusyError, ConnectionLost
from belay_jupyter.boards import Board

__all__ = ["hard_reset", "soft_reset", "telling"]

_ATTEMPTS = 20
"""How often a board that was reset is looked for, 1 s apart: one on USB goes and comes back."""

_PATIENCE = 5.0

_RESET = """\
try:
    from machine import reset
except ImportError:
    from microcontroller import reset
reset()
"""


@contextmanager
def telling(board: Board) -> Iterator[None]:
    """Errors that are raised inside say what to type, and show no traceback through our code."""
    try:
        yield
    except (BelayException, KeyboardInterrupt) as error:
        board.boards.prepare(board, error)
        raise


def soft_reset(board: Board) -> None:
    """Clear the board's memory, and run ``boot.py``. What runs in the background is stopped."""
    if board.background is not None and not board.background.stop(_PATIENCE):
        raise BoardBusyError(f"{board.background.label} does not react to interrupts.")
    board.device.soft_reset()


def hard_reset(board: Board) -> None:
    """Reset the chip, or start the program that the board is, and connect again."""
    device = board.device
    if board.background is not None:
        board.background.stop(_PATIENCE)
    if not device._session.transport.board_address.startswith(("virtual:", "exec:")):
        with contextlib.suppress(ConnectionLost):
            device(_RESET, record=False, timeout=_PATIENCE)
    # A virtual board ends with its link: the next one is a new one.
    device.reconnect(_ATTEMPTS)
