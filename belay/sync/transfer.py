# SPDX-License-Identifier: Apache-2.0
"""What changes the files of a board, as few requests that may be repeated without harm."""

from __future__ import annotations

import contextlib
import hashlib
from binascii import crc32
from collections.abc import Callable, Sequence
from typing import NamedTuple

from belay import errors
from belay.session import requests
from belay.session.requests import Operation
from belay.session.session import Session
from belay.sync.encoding import Form, pack

__all__ = ["FIRST_TRIES", "REPEATS", "Step", "Transfer"]

CALL, PUT = 0, 2
"""Two of what :mod:`belay.onboard.files` does."""

SMALLEST = 64
"""Bytes of contents below which a request is not made smaller any more."""

NARROW, WIDE = 10, 12
"""Bits of the window for deflate: 1 KB, and 4 KB for boards with room, which saves a tenth."""

REPEATS = 3
"""Times that one request is sent again as it is, before a smaller one takes its place."""

TRIES = 12
"""Requests in a row that may get lost before the link counts as broken."""

FIRST_TRIES = 3
"""The same for what brings the board its own part, which cannot be made smaller."""

_AROUND = 96
"""Bytes of a request around the contents and the path."""

_ENOENT, _EEXIST, _ENOSPC, _EROFS = 2, 17, 28, 30

_ALREADY = {"mkdir": _EEXIST, "remove": _ENOENT, "rmdir": _ENOENT}
"""What the board says where it was done before, perhaps by a request whose answer was lost."""

_TOO_MUCH = (errors.BoardMemoryError, errors.ConnectionLost)


class Step(NamedTuple):
    """One change.

    Attributes:
        kind: ``put``, or a function of ``os``: ``mkdir``, ``remove`` or ``rmdir``.
        path: of what.
        data: contents, for ``put``.
    """

    kind: str
    path: str
    data: bytes = b""


class Transfer:
    """Carries out steps.

    A piece of a file says where in the file it belongs, so it can be sent again after any doubt.
    Where the board has not the memory for a request, or a bad line swallows it again and again,
    the next ones are half as large.

    Args:
        session: the board's.
        timeout: seconds that one request may take; None for no limit.
        progress: called with a path, and how many bytes of it are done.

    Attributes:
        room: bytes of contents that go into one request.
    """

    def __init__(
        self,
        session: Session,
        timeout: float | None,
        progress: Callable[[str, int], object],
    ) -> None:
        self.room = session.segment - _AROUND
        self._session = session
        self._timeout = timeout
        self._progress = progress
        self._lost = 0
        window = (WIDE if session.segment >= 8192 else NARROW) if session.facts.deflate else 0
        self._form = Form(window, text=session.text)

    def run(self, steps: Sequence[Step]) -> None:
        """Do all of it, in order."""
        at = 0
        while at < len(steps):
            group = self._group(steps[at:])
            at += self._together(group) if len(group) > 1 else self._alone(steps[at])

    def _group(self, steps: Sequence[Step]) -> list[Step]:
        """The first steps, as many as go into one request."""
        group: list[Step] = []
        size = 0
        for step in steps:
            size += len(step.data) + len(step.path) + _AROUND
            if group and size > self.room:
                break
            group.append(step)
        return group

    def _together(self, group: Sequence[Step]) -> int:
        """Do steps with one request; returns how many are done."""
        operations = [_operation(step) for step in group]
        try:
            self._session.perform(_batch(operations), timeout=self._timeout)
        except errors.PyboardException as error:
            done = min(len(error.done), len(group) - 1)
            if _is_done(group[done], error):
                return done + 1
            if error.type == "MemoryError" and self.room > SMALLEST:
                self.room //= 2
                return done
            failed = _explained(group[done], error)
            raise failed from error
        except _TOO_MUCH as error:
            self._give_way(error)
            # Which of them are done is not known: one by one, each may find itself done.
            for step in group:
                self._alone(step)
        self._lost = 0
        for step in group:
            if step.kind == "put":
                self._progress(step.path, len(step.data))
        return len(group)

    def _alone(self, step: Step) -> int:
        """Do one step, in as many requests as it needs."""
        try:
            if step.kind == "put":
                self._put(step.path, step.data)
            else:
                self._persist(_operation(step))
        except errors.PyboardException as error:
            if not _is_done(step, error):
                raise _explained(step, error) from error
        return 1

    def _persist(self, operation: Operation) -> object:
        """Have an operation done that may be done twice."""
        while True:
            try:
                answer = self._session.perform(operation, timeout=self._timeout)
            except _TOO_MUCH as error:
                self._give_way(error)
            else:
                self._lost = 0
                return answer

    def _put(self, path: str, data: bytes) -> None:
        """Write a file in pieces. The board says how much it has, and that is where to go on."""
        label = f"writing {path}"
        proof = len(data), _digests(data)
        at, last = 0, False
        try:
            while not (last and at == len(data)):
                room = (self.room - len(path.encode())) * 64 // 65  # with a key for each 64
                piece = data[at : at + max(SMALLEST, room)]
                last = at + len(piece) == len(data)
                args = (PUT, path, at, *pack(piece, self._form), *(proof if last else ()))
                at = self._piece(_request(*args, label=label), at)
                self._progress(path, at)
        except (KeyboardInterrupt, errors.CallTimeoutError):
            with contextlib.suppress(errors.BelayException):  # an empty file with a wrong hash
                self._session.perform(
                    _request(PUT, path, 0, b"", 0, None, 0, b"", label=label), timeout=5.0
                )
            raise

    def _piece(self, request: Operation, at: int) -> int:
        """Send a piece once; returns how much of the file is there."""
        try:
            there = self._session.perform(request, timeout=self._timeout)
        except errors.PyboardException as error:
            if error.type != "MemoryError":
                raise
            self._give_way(error)
        except _TOO_MUCH as error:
            self._give_way(error)
        else:
            if there >= 0:
                self._lost = 0
                return int(there)
            if there == -2:
                self._form = self._form._replace(masked=False)
                return at
            # An earlier piece got lost with the board's memory of it: from the beginning.
            self._lost += 1
            if self._lost >= TRIES:
                raise errors.TransferError(f"{request.label}: the board loses what it was sent")
            return 0
        return at

    def _give_way(self, error: Exception) -> None:
        """After a request that did not arrive: make the next ones smaller, or give up."""
        if isinstance(error, errors.BoardResetError):
            raise error
        self._lost += 1
        if isinstance(error, errors.ConnectionLost):
            tries = TRIES if self._session.has("files") else FIRST_TRIES
            if self._lost >= tries or not self._session.alive():
                raise error
        elif self.room <= SMALLEST:
            raise error
        self.room = max(SMALLEST, self.room // 2)


def _is_done(step: Step, error: errors.PyboardException) -> bool:
    return error.type == "OSError" and error.value_args[:1] == (_ALREADY.get(step.kind),)


def _digests(data: bytes) -> bytes:
    """Of the kinds that boards have: the board looks for its own in it."""
    return hashlib.sha256(data).digest() + crc32(data).to_bytes(4, "little")


def _request(*args: object, label: str) -> Operation:
    return Operation(b"F", args, "files", label, repeats=REPEATS)


def _batch(operations: list[Operation]) -> Operation:
    listed = [(operation.code[0], operation.args) for operation in operations]
    return Operation(requests.MANY, (listed,), "files", "writing files", repeats=REPEATS)


def _operation(step: Step) -> Operation:
    if step.kind == "put":
        proof = len(step.data), _digests(step.data)
        return _request(PUT, step.path, 0, step.data, 0, None, *proof, label=f"writing {step.path}")
    return _request(CALL, step.kind, step.path, label=f"os.{step.kind} {step.path}")


_REFUSALS: dict[int, tuple[type[errors.SyncError], str]] = {
    _ENOSPC: (errors.NoSpaceError, "the board's flash is full"),
    _EROFS: (errors.ReadOnlyError, "the board's file system is read-only"),
    _ENOENT: (errors.SyncError, "there is no such file or folder on the board"),
    _EEXIST: (errors.SyncError, "the board has a file or folder of this name"),
    13: (errors.SyncError, "the board does not permit it, or the folder is not empty"),
    20: (errors.SyncError, "a part of this path is a file on the board, not a folder"),
    21: (errors.SyncError, "this is a folder on the board"),
    39: (errors.SyncError, "this folder of the board is not empty"),
}


def _explained(step: Step, error: errors.PyboardException) -> Exception:
    """What to raise for a step that the board refused."""
    path = step.path
    if error.type == "MemoryError":
        return errors.BoardMemoryError(f"{path}: the board has not enough free memory for it")
    if error.type == "ValueError" and step.kind == "put":
        return errors.TransferError(
            f"{path}: what the board has stored is not what was sent; what was there before still "
            "is. Try: once more; if it stays so, the flash is worn or the power is weak.",
            path=path,
        )
    if error.type != "OSError":
        return error
    doing = "writing" if step.kind == "put" else step.kind
    number = error.value_args[0] if error.value_args else None
    known = _REFUSALS.get(number) if isinstance(number, int) else None
    kind, text = known or (errors.SyncError, f"OSError {number}")
    return kind(f"{path}: {text} ({doing})", path=path)
