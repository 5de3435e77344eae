# SPDX-License-Identifier: Apache-2.0
"""Setups and teardowns: functions whose bodies run in the board's global scope."""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, overload

from belay import errors
from belay.executers import ActionDecorator, Executer, Made, again, text_of_call
from belay.output import STDOUT, handler
from belay.session.requests import EXECUTE, Operation, extension_of
from belay.source.capture import capture_body
from belay.source.linemap import Origin

if TYPE_CHECKING:
    from belay.session.session import Session

__all__ = ["Farewell", "SetupExecuter", "SetupOptions", "TeardownExecuter"]

P = ParamSpec("P")


@dataclass(frozen=True)
class SetupOptions:
    """Keywords of ``setup`` and ``teardown``; see :class:`TaskOptions`.

    Attributes:
        record: run a setup again when the board was connected again.
        ignore_errors: what the body raises on the board is dropped.
    """

    minify: bool = True
    register: bool = True
    record: bool = True
    ignore_errors: bool = False
    timeout: float | None = None


class SetupExecuter(Executer):
    """``device.setup``: a call runs the function's body in the board's global scope."""

    _kind = "setup"
    _options = SetupOptions

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
        ignore_errors: bool = ...,
        timeout: float | None = ...,
    ) -> ActionDecorator: ...

    def __call__(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """A call assigns the arguments to globals of the board, and runs the body there.

        What the body assigns is global too: tasks see it.

        Args:
            function: a ``def`` that does not yield.
            options: see :class:`SetupOptions`.

        Raises:
            ValueError: it is a generator or an ``async def``.
            SourceError, SpecialFunctionNameError: as for ``task``.
        """
        return self._decorate(function, options)

    def _convert(self, function: Callable[..., Any], options: SetupOptions) -> Made:
        device, body = self._device, self._body(function, options)

        def setup(*args: Any, **keywords: Any) -> None:
            operation = body.operation(args, keywords)
            done = None
            if options.record:
                replay = again(operation, body.lenient)
                key = text_of_call(body.name, args, keywords)
                done = device._recording("setup", key, replay)
            failed = True
            with body.lenient():
                device._perform(operation, timeout=options.timeout, then=done)
                failed = False
            if failed and done is not None:
                done(None)  # it failed, which was to be ignored, as it will be the next time

        return Made(setup, body=body.text)

    def _body(self, function: Callable[..., Any], options: SetupOptions) -> _Body:
        captured = capture_body(function, self._is_on_board)
        origin = Origin(captured.filename, captured.first_line, "", captured.text)
        tag, text = self._device._sources.add(origin), self._text(captured, options)
        return _Body(captured.name, tag, text, inspect.signature(function), options.ignore_errors)


class TeardownExecuter(SetupExecuter):
    """``device.teardown``: as a setup, and it runs by itself when the Device is closed."""

    _kind = "teardown"

    def _convert(self, function: Callable[..., Any], options: SetupOptions) -> Made:
        body = self._body(function, options)
        if options.register:
            try:
                body.operation((), {})
            except TypeError as error:
                raise ValueError(f"{error}; a teardown runs without arguments") from None
        sources = self._device._sources  # and not the Device: see Farewell

        def at_end(session: Session) -> None:
            with body.lenient():
                try:
                    operation = body.operation((), {})
                    session.perform(operation, timeout=options.timeout, output=handler(STDOUT))
                except errors.PyboardException as error:
                    text, error.frames = sources.translate(str(error.args[0]))
                    error.args = (text,)
                    raise error.with_traceback(None)  # noqa: B904 - the same exception

        return super()._convert(function, options)._replace(at_end=at_end)


class _Body(NamedTuple):
    """The body of a function, ready to run on the board."""

    name: str
    tag: str
    text: str
    signature: inspect.Signature
    ignore_errors: bool

    def operation(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Operation:
        """The run with these arguments; defaults are the host's values."""
        try:
            bound = self.signature.bind(*args, **keywords)
        except TypeError as error:
            raise TypeError(f"{self.name}(): {error}") from None
        bound.apply_defaults()
        values = (bound.arguments,) if bound.arguments else ()
        extension = extension_of(self.text)
        return Operation(EXECUTE, (self.tag, self.text, *values), extension, f"{self.name}()")

    def lenient(self) -> contextlib.AbstractContextManager[None]:
        """Drops what the body raises, if that is what was asked for."""
        return contextlib.suppress(*(errors.PyboardException,) * self.ignore_errors)


class Farewell:
    """The teardowns of one Device, to be run when it is closed or forgotten.

    It must not refer to the Device: the finalizer that closes a forgotten one refers to this.
    """

    def __init__(self) -> None:
        self._runs: dict[str, Callable[[Session], None]] = {}

    def __bool__(self) -> bool:
        return bool(self._runs)

    def clear(self) -> None:
        """Forget all teardowns."""
        self._runs.clear()

    def add(self, name: str, run: Callable[[Session], None]) -> None:
        """Add a teardown; one of that name gives way."""
        self._runs.pop(name, None)
        self._runs[name] = run

    def __call__(self, session: Session) -> None:
        """Run all of them, once, in the order of definition; one that fails stops no other.

        Raises:
            BaseException: the first error. Later ones become RuntimeWarnings.
        """
        failed: list[tuple[str, BaseException]] = []
        runs, self._runs = self._runs, {}
        for name, run in runs.items():
            try:
                run(session)
            except errors.ConnectionFailedError as error:
                failed.append((name, error))
                break  # the others cannot run either
            except BaseException as error:  # Ctrl-C as well: it stops this one
                failed.append((name, error))
        for name, later in failed[1:]:
            warnings.warn(f"teardown {name}() failed too: {later}", RuntimeWarning, stacklevel=2)
        if failed:
            raise failed[0][1]
