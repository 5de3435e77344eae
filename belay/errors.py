# SPDX-License-Identifier: Apache-2.0
"""Every exception that belay raises, as one tree: what happened, where, and what to try.

The names that Belay 0.30 had keep their meaning, so ``except belay.PyboardException`` in an
existing program still catches what it caught.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AddressError",
    "AuthenticationError",
    "BelayException",
    "BoardBusyError",
    "BoardResetError",
    "BoardSilentError",
    "CallTimeoutError",
    "ConnectionFailedError",
    "ConnectionLost",
    "DeviceClosedError",
    "FeatureUnavailableError",
    "ForeignBelayError",
    "NoMatchingExecuterError",
    "NotPythonBoardError",
    "PortBusyError",
    "PortNotFoundError",
    "PyboardError",
    "PyboardException",
    "SourceError",
    "SpecialFunctionNameError",
    "UnsupportedValueError",
]


class BelayException(Exception):
    """Root of all exceptions of this package."""


class AddressError(BelayException, ValueError):
    """A board address that cannot be understood; the message names the part that is wrong."""


class ConnectionFailedError(BelayException):
    """No usable connection to the board could be made."""


class PortNotFoundError(ConnectionFailedError):
    """The named port, host or program does not exist."""


class PortBusyError(ConnectionFailedError):
    """The port exists, but another program (or another Device) holds it."""


class AuthenticationError(ConnectionFailedError):
    """The board refused the password. The password itself is never part of the message."""


class BoardSilentError(ConnectionFailedError):
    """The port opened, but nothing at all came back."""


class BoardBusyError(ConnectionFailedError):
    """The board runs a program that does not react to interrupts."""


class NotPythonBoardError(ConnectionFailedError):
    """Something answered, but not as a MicroPython or CircuitPython REPL does."""


class ConnectionLost(ConnectionFailedError):
    """The link ended while it was in use.

    Attributes:
        ran: whether the call in flight ran on the board: True, False, or None for unknown.
    """

    def __init__(self, message: str = "", *, ran: bool | None = None) -> None:
        super().__init__(message)
        self.ran = ran


class BoardResetError(ConnectionLost):
    """The board was reset while the session was in use: what it held in memory is gone."""


class DeviceClosedError(BelayException):
    """The Device was closed; make a new one."""


class CallTimeoutError(BelayException, TimeoutError):
    """A call did not finish within its ``timeout``.

    Attributes:
        ran: True when the call had started (it was interrupted), False when it never ran,
            None when the board could not be asked.
    """

    def __init__(self, message: str = "", *, ran: bool | None = None) -> None:
        super().__init__(message)
        self.ran = ran


class PyboardError(BelayException):
    """The conversation with the board broke down in a way that repeating did not mend."""


class PyboardException(BelayException):
    """An exception that was raised on the board and not caught there.

    Attributes:
        args: ``(traceback_text,)`` as in Belay 0.30.
        type: name of the exception's class on the board, such as ``"ValueError"``.
        value_args: the ``args`` of the exception on the board, decoded; an element that is
            no plain value is replaced by its ``repr`` on the board.
        done: in a batch, the results of the items before the one that failed.
        frames: the traceback's frames, outermost first, as
            :class:`belay.source.linemap.BoardFrame`: host file or cell, line and source.
    """

    def __init__(
        self,
        traceback: str = "",
        *,
        type: str = "",
        value_args: tuple[Any, ...] = (),
        done: list[Any] | None = None,
    ) -> None:
        super().__init__(traceback)
        self.type = type
        self.value_args = value_args
        self.done = done or []
        self.frames: tuple[Any, ...] = ()

    def __str__(self) -> str:
        # Two newlines first: the board's own traceback then stands apart from the host's.
        return "\n\n" + str(self.args[0])


class FeatureUnavailableError(BelayException):
    """This board, or this firmware, lacks what was asked for."""


class SourceError(BelayException):
    """A function whose source cannot be found, or cannot run on the board as it stands."""


class SpecialFunctionNameError(BelayException):
    """A function name that belay keeps for itself."""


class NoMatchingExecuterError(BelayException):
    """No overload of a method fits the implementation that this board runs."""


class UnsupportedValueError(BelayException, TypeError):
    """A value that cannot travel between host and board.

    Attributes:
        type_name: the type that cannot travel.
        path: where it sits, such as ``result['log'][3]``.
    """

    def __init__(self, message: str, *, type_name: str = "", path: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name
        self.path = path


class ForeignBelayError(BelayException):
    """Another distribution has installed its own ``belay`` package over this one."""
