# SPDX-License-Identifier: Apache-2.0
"""Decorators that move a function to the board."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from belay.source.capture import capture

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["TaskDecorator"]

P = ParamSpec("P")
R = TypeVar("R")
_OWNER = "_belay_device"


class TaskDecorator:
    """``device.task``: bare, or called with options.

    Args:
        device: the board that the function moves to.
    """

    def __init__(self, device: Device) -> None:
        self._device = device

    @overload
    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]: ...

    @overload
    def __call__(
        self, function: None = None, /, *, timeout: float | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...

    def __call__(
        self, function: Callable[..., Any] | None = None, /, *, timeout: float | None = None
    ) -> Any:
        """Send the function's source to the board now; calling the result runs it there.

        Args:
            function: a ``def``. Decorators other than ``@micropython.…`` stay on the host.
            timeout: seconds after which a call is interrupted; None: the Device's default.

        Returns:
            A function with the same signature. It returns what the board's returned, by value.

        Raises:
            SourceError: the source cannot be found or cannot run on a board.
            PyboardException: the board cannot compile it.
        """
        if function is None:
            return functools.partial(self._send, timeout=timeout)
        return self._send(function, timeout=timeout)

    def _send(self, function: Callable[..., Any], *, timeout: float | None) -> Callable[..., Any]:
        from belay.device import STDOUT

        captured = capture(function, self._is_on_board)
        self._device._define(captured)
        call, name = self._device._call, captured.name

        @functools.wraps(function)
        def task(*args: Any, **keywords: Any) -> Any:
            return call(name, args, keywords, STDOUT, timeout)

        setattr(task, _OWNER, self._device)
        return task

    def _is_on_board(self, name: str, value: object) -> bool:
        """Whether a host variable is a task of this board, which knows it by the same name."""
        owner = getattr(value, _OWNER, None)
        return owner is self._device and getattr(value, "__name__", "") == name
