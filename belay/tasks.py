# SPDX-License-Identifier: Apache-2.0
"""Tasks and threads: functions that go to the board when they are defined."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, overload

from belay import errors
from belay.calling import both
from belay.executers import ActionDecorator, Executer, Made, again, text_of_call
from belay.output import STDOUT
from belay.session.adapt import numpy_results
from belay.session.requests import Operation
from belay.source.capture import Captured

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "TaskDecorator",
    "TaskExecuter",
    "TaskOptions",
    "ThreadExecuter",
    "ThreadOptions",
    "TimedTaskDecorator",
]

P = ParamSpec("P")
R = TypeVar("R")

START_THREAD = b"h"
"""``(name, args, keywords)``: start a thread in a global function; extension ``threads``."""
_calls = itertools.count()  # recorded ones: what was done twice is to be done twice
_YIELDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


# ---- options: names and defaults as in Belay 0.30, then ours


@dataclass(frozen=True)
class TaskOptions:
    """Keywords of ``task``.

    Attributes:
        minify: send the source without comments, docstrings and spare white space; line numbers
            stay.
        register: offer the function as ``device.task.NAME`` too.
        record: repeat calls when the board was connected again.
        trusted: evaluate the ``repr`` of a result that cannot travel, **on the host**. Whoever
            controls the board can then run anything here.
        return_time: results are ``(value, time)``: the time when the board had the value.
        timeout: seconds after which a call is interrupted; None: the Device's default.
        prefetch: most items of a generator that one request brings.
        numpy: arrays and memoryviews arrive as numpy arrays.
    """

    minify: bool = True
    register: bool = True
    record: bool = False
    trusted: bool = False
    return_time: bool = False
    timeout: float | None = None
    prefetch: int = 1
    numpy: bool = False


@dataclass(frozen=True)
class ThreadOptions:
    """Keywords of ``thread``; see :class:`TaskOptions`.

    Attributes:
        record: start the thread again when the board was connected again.
    """

    minify: bool = True
    register: bool = True
    record: bool = True


# ---- types of decorators that were given options


class TaskDecorator(Protocol):
    """What ``device.task(…)`` returns."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Callable[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]: ...


class TimedTaskDecorator(Protocol):
    """What ``device.task(return_time=True)`` returns."""

    def __call__(self, function: Callable[P, R], /) -> Callable[P, tuple[R, datetime]]:
        """Decorate."""


# ---- executers


class TaskExecuter(Executer):
    """``device.task``: the function goes to the board, and calling it runs it there."""

    _kind = "task"
    _options = TaskOptions

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Callable[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def __call__(
        self,
        function: None = None,
        /,
        *,
        minify: bool = ...,
        register: bool = ...,
        record: bool = ...,
        trusted: bool = ...,
        return_time: Literal[False] = ...,
        timeout: float | None = ...,
        prefetch: int = ...,
        numpy: bool = ...,
    ) -> TaskDecorator: ...
    @overload
    def __call__(
        self,
        function: None = None,
        /,
        *,
        minify: bool = ...,
        register: bool = ...,
        record: bool = ...,
        trusted: bool = ...,
        return_time: Literal[True],
        timeout: float | None = ...,
        prefetch: int = ...,
        numpy: bool = ...,
    ) -> TimedTaskDecorator: ...

    def __call__(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Send a function's source to the board now; calling the result runs it there.

        A generator function gives a generator whose items the board makes; an ``async def`` runs
        to its end in the board's event loop.

        Args:
            function: a ``def``. Decorators other than ``@micropython.…`` stay on the host.
            options: see :class:`TaskOptions`.

        Returns:
            A function with the same signature. It returns what the board's returned, by value.

        Raises:
            SourceError: the source cannot be found or cannot run on a board.
            SpecialFunctionNameError: belay keeps that name for itself.
            PyboardException: the board cannot compile it.
        """
        return self._decorate(function, options)

    def _convert(self, function: Callable[..., Any], options: TaskOptions) -> Made:
        definition = captured, _ = self._captured(function, options)
        inner = inspect.unwrap(function)
        if inspect.isasyncgenfunction(inner):
            raise errors.SourceError(
                f"{_place(inner)}: MicroPython has no asynchronous generators. Yield from a plain "
                "def: its items can be had with `async for` all the same"
            )
        if inspect.isgeneratorfunction(inner) or inspect.iscoroutinefunction(inner):
            return Made(self._stepwise(captured, inner, options), definition)
        return Made(self._caller(captured.name, options), definition)

    def _stepwise(
        self, captured: Captured, function: Callable[..., Any], options: TaskOptions
    ) -> Callable[..., Any]:
        """What runs a generator or a coroutine of the board."""
        if options.record or options.trusted:
            raise NotImplementedError(
                f"{captured.name}(): neither record=True nor trusted=True works for a generator "
                "or an async def"
            )
        more: dict[str, Any] = {"timeout": options.timeout, "return_time": options.return_time}
        if options.numpy:
            more["then"] = numpy_results()
        if inspect.iscoroutinefunction(function):
            from belay.aio import coroutine_task

            return coroutine_task(self._device, captured, function, stream_out=STDOUT, **more)
        from belay.generators import generator_task

        more["prefetch"] = options.prefetch
        return generator_task(self._device, captured, function, stream_out=STDOUT, **more)

    def _caller(self, name: str, options: TaskOptions) -> Callable[..., Any]:
        """What calls a global function of the board."""
        device, perform = self._device, self._device._perform
        timeout, timed, record = options.timeout, options.return_time, options.record
        then = numpy_results() if options.numpy else None
        trusting: Callable[[Operation], Operation] | None = None
        if options.trusted:
            from belay import proxy_requests

            trusting, then = proxy_requests.trusting, both(proxy_requests.trusted_value, then)

        def task(*args: Any, **keywords: Any) -> Any:
            operation = device._session.call_operation(name, args, keywords)
            if trusting is not None:
                operation = trusting(operation)
            done = then
            if record:
                done = device._recording("call", f"{name} {next(_calls)}", again(operation), then)
            return perform(operation, timeout=timeout, then=done, timed=timed)

        return task


class ThreadExecuter(Executer):
    """``device.thread``: calling the function starts it in a thread of the board."""

    _kind = "thread"
    _options = ThreadOptions

    @overload
    def __call__(self, function: Callable[P, Any], /) -> Callable[P, None]: ...
    @overload
    def __call__(
        self,
        function: None = None,
        /,
        *,
        minify: bool = ...,
        register: bool = ...,
        record: bool = ...,
    ) -> ActionDecorator: ...

    def __call__(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Send a function's source to the board now; a call starts it there and returns.

        What the thread prints arrives with the next call.

        Args:
            function: a ``def``.
            options: see :class:`ThreadOptions`.

        Raises:
            FeatureUnavailableError: this firmware has no ``_thread``.
            SourceError, SpecialFunctionNameError, PyboardException: as for ``task``.
        """
        return self._decorate(function, options)

    def _send(self, function: Callable[..., Any], options: Any) -> Callable[..., Any]:
        self._require_threads()
        return super()._send(function, options)

    def _convert(self, function: Callable[..., Any], options: ThreadOptions) -> Made:
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is not None and code.co_flags & _YIELDS:
            raise ValueError(f"{code.co_name}(): a thread cannot be a generator or an async def")
        definition = captured, _ = self._captured(function, options)
        device, name = self._device, captured.name

        def thread(*args: Any, **keywords: Any) -> None:
            self._require_threads()
            operation = Operation(START_THREAD, (name, args, keywords), "threads", f"{name}()")
            done = None
            if options.record:
                key = text_of_call(name, args, keywords)
                done = device._recording("setup", key, again(operation))
            device._perform(operation, then=done)

        return Made(thread, definition)

    def _require_threads(self) -> None:
        facts = self._device._session.facts
        if not facts.thread:
            raise errors.FeatureUnavailableError(
                f"this board ({facts.name} on {facts.platform}) has no threads: its firmware lacks "
                "the module _thread. Call the function as a task instead, or from a timer"
            )


def _place(function: Callable[..., Any]) -> str:
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
