# SPDX-License-Identifier: Apache-2.0
"""``@Device.task`` and its like in class bodies, and ``device.task`` on what is made of them."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, Protocol, TypeVar, overload

from belay.executers import Executer, again, check_name, define, warn_of_host_names
from belay.overloads import Metadata, fitting, mark, marked
from belay.session.requests import EXECUTE, Operation, extension_of
from belay.setups import SetupExecuter, TeardownExecuter
from belay.tasks import TaskExecuter, ThreadExecuter

if TYPE_CHECKING:
    from datetime import datetime

    from belay.device import Device

__all__ = [
    "EXECUTERS",
    "ExecuterAttribute",
    "SetupMarker",
    "TaskMarker",
    "TeardownMarker",
    "ThreadMarker",
    "bind_class_executers",
    "has_class_executers",
]

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound="Marker")
E = TypeVar("E", bound=Executer)

EXECUTERS: dict[str, type[Executer]] = {
    one._kind: one for one in (SetupExecuter, TaskExecuter, ThreadExecuter, TeardownExecuter)
}


class StaticTask(Protocol):
    """What ``Device.task(…)`` returns: a decorator."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> staticmethod[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> staticmethod[P, R]: ...


class StaticTimedTask(Protocol):
    """What ``Device.task(return_time=True)`` returns: a decorator."""

    def __call__(self, function: Callable[P, R], /) -> staticmethod[P, tuple[R, datetime]]:
        """Mark a function."""


class StaticAction(Protocol):
    """What ``Device.setup(…)``, ``.thread(…)`` and ``.teardown(…)`` return: a decorator."""

    def __call__(self, function: Callable[P, Any], /) -> staticmethod[P, None]:
        """Mark a function."""


class Marker:
    """Marks functions of a class body, which take no ``self``, for the executer of one kind.

    On the class they stay what they are; each Device that is made of it puts them on its board and
    has what calls them there in their place.

    Args:
        executer: what the Device will use.
    """

    def __init__(self, executer: type[Executer]) -> None:
        self._executer = executer
        self.__doc__ = executer.__call__.__doc__

    def _mark(
        self,
        function: Callable[..., Any] | None,
        implementation: str,
        options: dict[str, Any],
        autoinit: bool = False,
    ) -> Any:
        self._executer._read_options(options)  # a wrong one is an error here, not at a Device
        metadata = Metadata(self._executer._kind, implementation, autoinit, options)
        mark_one = functools.partial(self._mark_one, metadata=metadata)
        return mark_one if function is None else mark_one(function)

    def _mark_one(self, function: Callable[..., Any], metadata: Metadata) -> staticmethod[..., Any]:
        marked = mark(function, metadata)
        inner = inspect.unwrap(marked.__func__)
        check_name(getattr(inner, "__name__", ""))
        if (metadata.autoinit or metadata.executer == "teardown") and (
            inspect.signature(inner).parameters
        ):
            when = "a Device is made" if metadata.autoinit else "a Device is closed"
            raise ValueError(
                f"{inner.__name__}() runs by itself when {when}, so it can have no parameters"
            )
        return marked


class TaskMarker(Marker):
    """``Device.task``; see :class:`Marker`."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> staticmethod[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> staticmethod[P, R]: ...
    @overload
    def __call__(
        self,
        function: None = None,
        /,
        *,
        implementation: str = ...,
        minify: bool = ...,
        register: bool = ...,
        record: bool = ...,
        trusted: bool = ...,
        return_time: Literal[False] = ...,
        timeout: float | None = ...,
        prefetch: int = ...,
        numpy: bool = ...,
    ) -> StaticTask: ...
    @overload
    def __call__(
        self,
        function: None = None,
        /,
        *,
        implementation: str = ...,
        minify: bool = ...,
        register: bool = ...,
        record: bool = ...,
        trusted: bool = ...,
        return_time: Literal[True],
        timeout: float | None = ...,
        prefetch: int = ...,
        numpy: bool = ...,
    ) -> StaticTimedTask: ...

    def __call__(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        implementation: str = "",
        **options: Any,
    ) -> Any:
        """Mark a function that runs on the board; see :class:`belay.executers.TaskOptions`.

        Args:
            function: it takes no ``self``.
            implementation: the boards it is for: ``"micropython"``, ``"circuitpython"``, or
                ``""`` for all that have no other function of this name.
            options: as for ``device.task``.
        """
        return self._mark(function, implementation, options)


class ThreadMarker(Marker):
    """``Device.thread``; see :class:`Marker`."""

    @overload
    def __call__(self, function: Callable[P, Any], /) -> staticmethod[P, None]: ...
    @overload
    def __call__(
        self,
        function: None = None,
        /,
        *,
        implementation: str = ...,
        minify: bool = ...,
        register: bool = ...,
        record: bool = ...,
    ) -> StaticAction: ...

    def __call__(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        implementation: str = "",
        **options: Any,
    ) -> Any:
        """Mark a function that runs in a thread of the board.

        Args:
            function: it takes no ``self``. Where a board has no threads, its call raises
                FeatureUnavailableError.
            implementation: as for ``Device.task``.
            options: as for ``device.thread``.
        """
        return self._mark(function, implementation, options)


class SetupMarker(Marker):
    """``Device.setup``; see :class:`Marker`."""

    @overload
    def __call__(self, function: Callable[P, Any], /) -> staticmethod[P, None]: ...
    @overload
    def __call__(
        self,
        function: None = None,
        /,
        *,
        autoinit: bool = ...,
        implementation: str = ...,
        minify: bool = ...,
        register: bool = ...,
        record: bool = ...,
        ignore_errors: bool = ...,
        timeout: float | None = ...,
    ) -> StaticAction: ...

    def __call__(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        autoinit: bool = False,
        implementation: str = "",
        **options: Any,
    ) -> Any:
        """Mark a function whose body runs in the board's global scope.

        Args:
            function: it takes no ``self``.
            autoinit: run it when a Device is made, in the order of definition.
            implementation: as for ``Device.task``.
            options: as for ``device.setup``.

        Raises:
            ValueError: ``autoinit``, and it has parameters.
        """
        return self._mark(function, implementation, options, autoinit)


class TeardownMarker(Marker):
    """``Device.teardown``; see :class:`Marker`."""

    @overload
    def __call__(self, function: Callable[P, Any], /) -> staticmethod[P, None]: ...
    @overload
    def __call__(
        self,
        function: None = None,
        /,
        *,
        implementation: str = ...,
        minify: bool = ...,
        register: bool = ...,
        record: bool = ...,
        ignore_errors: bool = ...,
        timeout: float | None = ...,
    ) -> StaticAction: ...

    def __call__(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        implementation: str = "",
        **options: Any,
    ) -> Any:
        """Mark a function whose body runs when the Device is closed.

        Args:
            function: it takes neither ``self`` nor anything else.
            implementation: as for ``Device.task``.
            options: as for ``device.teardown``.

        Raises:
            ValueError: it has parameters.
        """
        return self._mark(function, implementation, options)


class ExecuterAttribute(Generic[M, E]):
    """``Device.task`` is a marker for class bodies, ``device.task`` the executer of that board.

    Not a data descriptor: what a Device has under the same name wins, such as its own ``setup``.
    """

    def __init__(self, marker: Callable[[type[Executer]], M], executer: type[E]) -> None:
        self._marker = marker(executer)
        self._executer = executer

    @overload
    def __get__(self, instance: None, owner: type) -> M: ...
    @overload
    def __get__(self, instance: Device, owner: type) -> E: ...
    def __get__(self, instance: Device | None, owner: type) -> M | E:
        return self._marker if instance is None else self._executer(instance)


def has_class_executers(cls: type) -> bool:
    """Whether any class of a Device marks functions for its board."""
    return any(marked(value) for owner in cls.__mro__ for value in vars(owner).values())


def bind_class_executers(device: Device, startup: str = "") -> list[Callable[[], None]]:
    """Put the marked functions of a Device's classes on its board, in as few frames as they fit.

    Each name then is, on the Device, what calls the function there.

    Args:
        device: the Device.
        startup: statements to run behind them; as in Belay, they can call the tasks.

    Returns:
        The setups that run by themselves, in the order of definition.

    Raises:
        NoMatchingExecuterError: there are overloads of a name, but none for this board.
        SourceError, PyboardException: as for the executers.
    """
    bound = []
    for name, function, metadata in fitting(type(device), device.implementation.name):
        executer = EXECUTERS[metadata.executer](device)
        options = executer._read_options(metadata.options)
        bound.append((name, metadata, executer, options, executer._make(function, options)))
    lacking = define(device, [made.definition for *_, made in bound if made.definition is not None])
    if startup:
        operation = Operation(EXECUTE, ("<startup>", startup), extension_of(startup))
        device._perform(operation)
        device._record("startup", "", again(operation))
    if lacking:
        later = _names_in([startup, *(made.body for *_, made in bound)])
        still = [(captured, [n for n in names if n not in later]) for captured, names in lacking]
        warn_of_host_names([(captured, names) for captured, names in still if names])
    autoinit = []
    for name, metadata, executer, options, made in bound:
        vars(device)[name] = made.call
        executer._publish(made, options)
        if metadata.autoinit:
            autoinit.append(made.call)
    return autoinit


def _names_in(sources: list[str]) -> set[str]:
    """What statements may bind in the board's global scope, and what they use there."""
    names: set[str] = set()
    for source in sources:
        with contextlib.suppress(SyntaxError, ValueError):
            names.update(compile(source, "<body>", "exec", dont_inherit=True).co_names)
    return names
