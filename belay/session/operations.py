# SPDX-License-Identifier: Apache-2.0
"""What a session can have a board do, each as one operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from belay.session import requests
from belay.session.conversation import OutputHandler
from belay.session.requests import Operation

__all__ = ["Operations"]

MOST_NUMBERED = 100
"""Functions that are called by a number of one byte; the others are called by name."""


class Operations:
    """The operations of a :class:`belay.session.session.Session`, over its :meth:`perform`.

    Every ``options`` may hold ``timeout`` and ``output``.
    """

    agent: bool
    _numbers: dict[str, bytes]
    _extensions: set[str]

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
        if name in self._numbers or len(self._numbers) >= MOST_NUMBERED or not self.agent:
            self.execute(source, tag, **options)
            return []
        answer = self.request(requests.DEFINE, (tag, source, name, list(names)), **options)
        self._numbers[name] = bytes((0x80 + answer[0],))
        missing: list[str] = answer[1]
        return missing

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
