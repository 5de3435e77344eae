# SPDX-License-Identifier: Apache-2.0
"""Every exception that belay raises, as one tree: what happened, where, and what to try.

The names that Belay 0.30 had keep their meaning, so ``except belay.PyboardException`` in an
existing program still catches what it caught.
"""

from __future__ import annotations

import builtins
from typing import Any

__all__ = [
    "AddressError",
    "AuthenticationError",
    "BatchError",
    "BelayException",
    "BoardBusyError",
    "BoardFileError",
    "BoardMemoryError",
    "BoardResetError",
    "BoardSilentError",
    "CallTimeoutError",
    "CassetteError",
    "ConnectionFailedError",
    "ConnectionLost",
    "DeviceClosedError",
    "DeviceNotFoundError",
    "DownloadError",
    "FeatureUnavailableError",
    "ForeignBelayError",
    "InsufficientSpecifierError",
    "IntegrityError",
    "LockError",
    "MaxHistoryLengthError",
    "NoMatchingExecuterError",
    "NoSpaceError",
    "NotBelayResponseError",
    "NotPythonBoardError",
    "PackageError",
    "PackageNotFoundError",
    "PortBusyError",
    "PortNotFoundError",
    "ProjectError",
    "PyboardError",
    "PyboardException",
    "ReadOnlyError",
    "ReplayError",
    "ResolutionError",
    "SourceError",
    "SourceWarning",
    "SpecialFunctionNameError",
    "StaleProxyError",
    "SyncError",
    "TransferError",
    "UnsafePathError",
    "UnsupportedValueError",
    "as_builtin",
    "board_exception",
    "board_file_error",
]


class BelayException(Exception):
    """Root of all exceptions of this package."""


class AddressError(BelayException, ValueError):
    """A board address that cannot be understood; the message names the part that is wrong."""


class ConnectionFailedError(BelayException):
    """No usable connection to the board could be made."""


class PortNotFoundError(ConnectionFailedError):
    """The named port, host or program does not exist."""


class DeviceNotFoundError(ConnectionFailedError):
    """No USB device fits the specifier."""


class InsufficientSpecifierError(ConnectionFailedError):
    """More than one USB device fits the specifier; the message lists them."""


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

    To catch one kind only, name it in brackets: ``except PyboardException[ValueError]:`` catches
    what the board's ``except ValueError`` would have caught. A class that only the board knows is
    given by name: ``PyboardException["SensorError"]``.

    Attributes:
        args: ``(traceback_text,)`` as in Belay 0.30.
        type: name of the exception's class on the board, such as ``"ValueError"``.
        value_args: the ``args`` of the exception on the board, decoded; an element that cannot
            travel is replaced by its ``repr`` on the board.
        bases: names of its classes on the board, its own first, without ``Exception``.
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
        bases: tuple[str, ...] = (),
    ) -> None:
        super().__init__(traceback)
        self.type = type
        self.value_args = value_args
        self.bases = bases or ((type,) if type else ())
        self.done = done or []
        self.frames: tuple[Any, ...] = ()

    def __str__(self) -> str:
        # Two newlines first: the board's own traceback then stands apart from the host's.
        return "\n\n" + str(self.args[0])

    def __class_getitem__(cls, kind: Any) -> Any:
        name = kind if isinstance(kind, str) else getattr(kind, "__name__", None)
        if not isinstance(name, str):
            raise TypeError(
                f"PyboardException[{kind!r}]: give an exception class, or the name of one"
            )
        return PyboardException if name in _ROOTS else _named(name)

    def __reduce__(self) -> tuple[Any, ...]:
        builtin = isinstance(self, _builtin_among(self.bases) or ())
        return _rebuild, (self.bases, builtin, self.args, self.__dict__)


_ROOTS = ("BaseException", "Exception")
_LEFT_TO_THE_HOST = ("StopIteration", "StopAsyncIteration", "GeneratorExit")
"""Raised out of a generator or a coroutine of the host, these would mean something else."""


_classes: dict[Any, type[PyboardException]] = {}


def _named(name: str) -> type[PyboardException]:
    """What ``PyboardException[name]`` stands for: every exception below it on a board is one."""
    return _made(name, (PyboardException,))


def _made(name: str, parents: tuple[type, ...]) -> type[PyboardException]:
    """A class with these parents, always the same one."""
    key = (name, parents)
    if key not in _classes:
        # Programs that print the class's name print what Belay's did; a traceback says which kind.
        shown = {"__module__": __name__, "__qualname__": f"PyboardException[{name}]"}
        _classes[key] = type("PyboardException", parents, shown)
    return _classes[key]


def _class_of(bases: tuple[str, ...], builtin: type[Exception] | None) -> type[PyboardException]:
    """The class of a board's exception: a subclass of all that may be named to catch it."""
    if not bases:
        return PyboardException
    parents: tuple[type, ...] = tuple(_named(name) for name in dict.fromkeys(bases))
    if len(parents) == 1 and builtin is None:
        return parents[0]
    return _made(bases[0], parents if builtin is None else (*parents, builtin))


def _builtin_among(names: tuple[str, ...]) -> type[Exception] | None:
    """The closest of the host's own exception classes."""
    for name in names:
        found = getattr(builtins, name, None)
        if isinstance(found, type) and issubclass(found, Exception) and name not in _ROOTS:
            # Its two kinds of UnicodeError want five arguments, which a board does not tell.
            return UnicodeError if issubclass(found, UnicodeError) else found
    return None


def _rebuild(
    bases: tuple[str, ...], builtin: bool, args: tuple[Any, ...], state: dict[str, Any]
) -> PyboardException:
    """An exception that was pickled."""
    error = _class_of(bases, _builtin_among(bases) if builtin else None)(*args)
    error.__dict__.update(state)
    return error


def board_exception(
    traceback: str, bases: tuple[str, ...], value_args: tuple[Any, ...], done: list[Any]
) -> PyboardException:
    """An exception as the board told it.

    Args:
        traceback: the board's text.
        bases: names of its classes there, its own first.
        value_args: its arguments.
        done: in a batch, what was done before it.
    """
    names = tuple(dict.fromkeys(bases))
    known = _builtin_among(bases)
    if known is not None:  # a board tells one base of each class; the host knows all of its own
        names += tuple(
            each.__name__
            for each in known.__mro__
            if issubclass(each, Exception) and each is not Exception
        )
    names = tuple(dict.fromkeys(names))
    kind = _class_of(names, None)
    return kind(traceback, type=bases[0], value_args=value_args, done=done, bases=names)


def as_builtin(error: PyboardException) -> PyboardException:
    """The same exception, also as an instance of Python's own class, such as ``ValueError``.

    ``except ValueError:`` then catches it, and so does ``except PyboardException:``. One that the
    host has no class for, or that means something else to it, comes back as it is.
    """
    builtin = _builtin_among(error.bases)
    if builtin is None or isinstance(error, builtin) or error.type in _LEFT_TO_THE_HOST:
        return error
    twin = _class_of(error.bases, builtin)(error.args[0])
    twin.__dict__.update(error.__dict__)
    twin.__cause__, twin.__suppress_context__ = error.__cause__, error.__suppress_context__
    if isinstance(twin, OSError) and error.value_args and isinstance(error.value_args[0], int):
        twin.errno = error.value_args[0]
    return twin


class FeatureUnavailableError(BelayException):
    """This board, or this firmware, lacks what was asked for."""


class SourceError(BelayException):
    """A function whose source cannot be found, or cannot run on the board as it stands."""


class SourceWarning(UserWarning):
    """A function uses something that the board does not have, as far as can be told."""


class StaleProxyError(BelayException):
    """The board was reset since this was made, so what it stood for is gone.

    The message says where the proxy, generator or Pending was made.
    """


class BatchError(BelayException, RuntimeError):
    """A batch cannot do what was asked of it, or a call of it has no result: it says which."""


class SpecialFunctionNameError(BelayException):
    """A function name that belay keeps for itself."""


class NoMatchingExecuterError(BelayException):
    """No overload of a method fits the implementation that this board runs."""


class MaxHistoryLengthError(BelayException):
    """Belay 0.30 raised it after 1000 commands. Nothing here does: there is no such limit."""


class NotBelayResponseError(BelayException):
    """Belay 0.30 used it inside. Nothing here raises it."""


class SyncError(BelayException):
    """Files could not be put on the board, or taken off it.

    Attributes:
        path: on the board, or of the host where that is what is wrong; ``""`` if it is no one file.
    """

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class BoardFileError(SyncError, OSError):
    """A file of the board cannot be had, or not be changed in this way.

    It is also Python's own ``FileNotFoundError``, ``FileExistsError``, ``IsADirectoryError``,
    ``NotADirectoryError`` or ``PermissionError`` where it is one.

    Attributes:
        errno: the board's number, which is Linux's.
        filename: the path on the board, as ``path``.
    """

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        text = str(self.args[0]).removeprefix(f"{self.path}: ")
        return board_file_error, (self.errno, self.path, text)


_FILE_ERRORS: dict[int, tuple[type[OSError], str]] = {
    1: (PermissionError, "the board does not permit it"),
    2: (FileNotFoundError, "there is no such file or folder on the board"),
    13: (PermissionError, "the board does not permit it, or the folder is not empty"),
    16: (OSError, "it is in use on the board, or something is mounted there"),
    17: (FileExistsError, "the board has a file or folder of this name"),
    20: (NotADirectoryError, "a part of this path is a file on the board, not a folder"),
    21: (IsADirectoryError, "this is a folder on the board"),
    22: (OSError, "the board can make nothing of this path"),
    39: (OSError, "this folder of the board is not empty"),
}


_file_errors: dict[str, type[BoardFileError]] = {}


def _file_error(kind: type[OSError]) -> type[BoardFileError]:
    name = kind.__name__
    if name not in _file_errors:
        shown = {"__module__": __name__, "__qualname__": f"BoardFileError[{name}]"}
        _file_errors[name] = type("BoardFileError", (BoardFileError, kind), shown)
    return _file_errors[name]


def board_file_error(number: int, path: str, text: str = "") -> BoardFileError:
    """An ``OSError`` of the board as one that names the file.

    Args:
        number: the board's errno.
        path: on the board.
        text: what is wrong, where the number does not say it.
    """
    kind, known = _FILE_ERRORS.get(number, (OSError, f"OSError {number} on the board"))
    made = BoardFileError if kind is OSError else _file_error(kind)
    error = made(f"{path}: {text or known}", path=path)
    error.errno, error.filename = number, path
    return error


class NoSpaceError(SyncError):
    """The board's flash cannot hold it.

    Attributes:
        missing: bytes by which it is too small; 0 where only the board knows.
    """

    def __init__(self, message: str, *, path: str = "", missing: int = 0) -> None:
        super().__init__(message, path=path)
        self.missing = missing


class ReadOnlyError(SyncError):
    """The board's file system does not take changes now."""


class TransferError(SyncError):
    """What the board has stored is not what was sent; the file that was there before still is."""


class PackageError(BelayException):
    """Packages could not be found, resolved, downloaded, kept or put in place."""


class ProjectError(PackageError, ValueError):
    """A project's ``pyproject.toml`` says what cannot be; the message begins with file and line.

    Attributes:
        path: the file.
        line: in it, from 1; 0 where it is no one line.
    """

    def __init__(self, message: str, *, path: str = "", line: int = 0) -> None:
        where = f"{path}:{line}: " if line else f"{path}: " if path else ""
        super().__init__(where + message)
        self.path = path
        self.line = line


class PackageNotFoundError(PackageError):
    """No source has this package, or not this version of it."""


class ResolutionError(PackageError):
    """No choice of versions fulfils all requirements; the message says how they conflict."""


class IntegrityError(PackageError):
    """Bytes are not what the lock, the index or the store says that they are."""


class UnsafePathError(PackageError):
    """A package has a destination outside its folder, or one that another package has too."""


class LockError(PackageError):
    """``belay.lock`` is missing, does not fit ``pyproject.toml``, or cannot be read."""


class DownloadError(PackageError):
    """Something could not be downloaded.

    Attributes:
        url: what was asked for, without user and password.
    """

    def __init__(self, message: str, *, url: str = "") -> None:
        super().__init__(message)
        self.url = url


class BoardMemoryError(BelayException, MemoryError):
    """The board has not enough free memory to take a request; it did not run."""


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


class CassetteError(BelayException, ValueError):
    """A recording cannot be read, or not be written."""


class ReplayError(BelayException, AssertionError):
    """A program asks for something else than what was recorded; the message shows both."""


class ForeignBelayError(BelayException):
    """Another distribution has installed its own ``belay`` package over this one."""
