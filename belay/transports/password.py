# SPDX-License-Identifier: Apache-2.0
"""Where the password of a board comes from, and how it is kept out of sight.

A password given as an argument comes first, then the environment variable ``BELAY_PASSWORD``, then
the person at the terminal or notebook. One that was typed is kept in memory until the process ends,
so that reconnecting does not ask again; it is written nowhere.
"""

from __future__ import annotations

import getpass
import os
import sys
import threading
from typing import NoReturn

from belay.errors import AuthenticationError

__all__ = ["PasswordSource", "Secret"]

_TRIES = 3

_typed: dict[str, Secret] = {}


class Secret:
    """Text that appears in no repr, traceback or pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text: hand it on, and keep it in no variable."""
        return self._text

    def hidden_in(self, text: str) -> str:
        """The same text, with the secret blotted out wherever it stands in it."""
        return text.replace(self._text, "…") if self._text else text

    def __repr__(self) -> str:
        return "<password>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a password is not pickled")


class PasswordSource:
    """The passwords to try with one board.

    Args:
        given: the caller's; None or empty where there is none.
        address: of the board, without a password.
    """

    def __init__(self, given: Secret | None, address: str) -> None:
        self._given = given if given is not None and given.reveal() else None
        self._address = address
        self._prompts = 0
        self.origin = ""

    def get(self) -> Secret:
        """The password to use; may ask a person, and wait for them.

        Raises:
            AuthenticationError: there is none, and nobody to ask.
        """
        if self._given is not None:
            self.origin = "the password that was given"
            return self._given
        if from_environment := os.environ.get("BELAY_PASSWORD"):
            self.origin = "the password in BELAY_PASSWORD"
            return Secret(from_environment)
        self.origin = "the password that was typed"
        if self._address not in _typed:
            _typed[self._address] = self._ask()
        return _typed[self._address]

    def try_again(self) -> bool:
        """The board has refused it; returns whether another one can be had."""
        if _typed.pop(self._address, None) is None or self._given is not None:
            return False
        return self._prompts < _TRIES and _someone_is_there()

    def _ask(self) -> Secret:
        if not _someone_is_there():
            raise AuthenticationError(
                f"{self._address} asks for a password, and none was given. Set the environment "
                "variable BELAY_PASSWORD, or give password=… to Device, --password to a command."
            )
        again = "It was refused. " if self._prompts else ""
        self._prompts += 1
        try:
            return Secret(getpass.getpass(f"{again}Password of {self._address}: "))
        except (EOFError, NotImplementedError, RuntimeError) as error:
            raise AuthenticationError(f"No password for {self._address} was typed.") from error


def _someone_is_there() -> bool:
    """Whether a prompt reaches a person: a terminal, or a notebook, whose kernel patches getpass.

    Not from another thread: one that reconnects in the background must not take the keyboard.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    if getpass.getpass.__module__ != "getpass":
        return True
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
