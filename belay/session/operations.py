# SPDX-License-Identifier: Apache-2.0
"""What a session can have a board do, each as one operation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from belay import errors
from belay.session import requests
from belay.session.conversation import OutputHandler
from belay.session.requests import Operation

__all__ = ["Definition", "Operations", "perform"]

MOST_NUMBERED = 100
"""Functions that are called by a number of one byte; the others are called by name."""


class Definition(NamedTuple):
    """A function that is to be put on the board.

    Attributes:
        tag: what tracebacks call the source.
        source: the statements that define it.
        name: of the function.
        names: globals that it uses, and of which the board is asked.
    """

    tag: str
    source: str
    name: str
    names: tuple[str, ...] = ()


class Operations:
    """The operations of a :class:`belay.session.session.Session`, over its :meth:`perform`.

    Every ``options`` may hold ``timeout`` and ``output``.
    """

    agent: bool
    _numbers: dict[str, bytes]
    _extensions: set[str]
    _segment: int

    if TYPE_CHECKING:

        def perform(  # noqa: D102 - the session's
            self,
            operation: Operation,
            *,
            timeout: float | None = None,
            output: OutputHandler = ...,
        ) -> Any: ...

        def request(  # noqa: D102
            self,
            operation: bytes,
            args: tuple[Any, ...],
            *,
            timeout: float | None = None,
            output: OutputHandler = ...,
        ) -> Any: ...

    def execute(self, source: str, tag: str, **options: Any) -> None:
        """Run statements in ``__main__``; tracebacks call them ``tag``."""
        self.request(requests.EXECUTE, (tag, source), **options)

    def evaluate(self, source: str, **options: Any) -> Any:
        """The value of an expression in ``__main__``."""
        return self.request(requests.EVALUATE, (source,), **options)

    def define(
        self, tag: str, source: str, name: str, names: tuple[str, ...] = (), **options: Any
    ) -> list[str]:
        """Run statements that define the function ``name``; calls of it then cost fewer bytes.

        Args:
            tag: what tracebacks call the source.
            source: the statements.
            name: of the function.
            names: globals that it uses.
            options: as everywhere here.

        Returns:
            Those of ``names`` that the board does not have by now.
        """
        return self.define_all([Definition(tag, source, name, names)], **options)[0]

    def define_all(self, definitions: Iterable[Definition], **options: Any) -> list[list[str]]:
        """Define many functions, in as few frames as their sizes allow.

        Returns:
            For each what :meth:`define` returns.

        Raises:
            PyboardException: of the first one that failed; those before it are there.
        """
        missing: list[list[str]] = []
        room = self._segment if self.agent else 0
        for group in _groups(definitions, room):
            operations = [self._definition(one) for one in group]
            done: list[Any] = []
            try:
                if len(group) == 1:
                    done = [self.perform(operations[0], **options)]
                else:
                    done = self.batch(operations, **options)
            except errors.PyboardException as error:
                done = error.done
                raise
            finally:
                for one, answer in zip(group, done, strict=False):
                    # A byte from 0x80 on; a board counts on where the host stops.
                    if answer is not None and answer[0] < 0x80:
                        self._numbers[one.name] = bytes((0x80 + answer[0],))
            missing += [answer[1] if answer is not None else [] for answer in done]
        return missing

    def _definition(self, one: Definition) -> Operation:
        extension = requests.extension_of(one.source)
        numbered = one.name in self._numbers or len(self._numbers) >= MOST_NUMBERED
        if not self.agent or (numbered and not one.names):
            return Operation(requests.EXECUTE, (one.tag, one.source), extension, one.name)
        args = (one.tag, one.source, one.name, list(one.names))
        return Operation(requests.DEFINE, args, extension, one.name)

    def call_operation(
        self, name: str, args: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Operation:
        """The call of a global of ``__main__``, whatever it is bound to by then."""
        if keywords:
            return Operation(requests.CALL_KEYWORDS, (name, keywords, *args))
        return Operation(requests.CALL, (name, *args))

    def call(
        self, name: str, args: tuple[Any, ...], keywords: dict[str, Any], **options: Any
    ) -> Any:
        """Call a global of ``__main__``. One write, one read."""
        return self.perform(self.call_operation(name, args, keywords), **options)

    def batch(
        self, items: Iterable[Operation | tuple[bytes, tuple[Any, ...]]], **options: Any
    ) -> list[Any]:
        """Run many operations in one frame.

        Returns:
            Their results, in order.

        Raises:
            PyboardException: the first failure; its ``done`` holds the results before it and its
                message names the item.
        """
        listed = []
        new: set[str] = set()
        for item in items:
            operation = Operation(*item)
            name = operation.extension
            if name and name not in self._extensions and name not in new:
                new.add(name)
                operation = requests.using(operation)
            listed.append((operation.code[0], operation.args))
        result: list[Any] = self.request(requests.MANY, (listed,), **options)
        self._extensions |= new
        return result


def perform(session: Operations, operation: Operation, **options: Any) -> Any:
    """``session.perform``, for those who are given the session when its turn comes."""
    return session.perform(operation, **options)


def _groups(definitions: Iterable[Definition], room: int) -> Iterator[list[Definition]]:
    """Those that go together in one frame: the board holds all of their sources at once."""
    group: list[Definition] = []
    size = 0
    for one in definitions:
        if group and size + len(one.source) > room:
            yield group
            group, size = [], 0
        group.append(one)
        size += len(one.source)
    if group:
        yield group
