# SPDX-License-Identifier: Apache-2.0
"""``input()`` on a board: asks in the notebook."""

from __future__ import annotations

import builtins
import threading

from belay.errors import BelayException

__all__ = ["NoInputError", "ask"]


class NoInputError(BelayException):
    """A program on the board asked for a line, and nobody can be asked for it."""


def ask() -> str:
    """A line from the user of the notebook.

    Raises:
        NoInputError: there is none to ask: the notebook runs by itself, or the cell in the
            background.
        EOFError: the user ended the input.
    """
    if threading.current_thread() is not threading.main_thread():
        raise NoInputError(
            "the program asked for input(), and it runs where nobody can be asked: in the "
            "background, or on several boards at once"
        )
    try:
        return builtins.input()
    except Exception as error:
        if type(error).__name__ != "StdinNotImplementedError":
            raise
        raise NoInputError(
            "the program asked for input(), and this notebook runs without a user: give the "
            "value in the cell, for example in a variable that is set with -i"
        ) from None
