# SPDX-License-Identifier: Apache-2.0
"""The part of a Device that runs code on the board."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from belay import errors
from belay.output import STDOUT, OutputHandler, TextSink, handler
from belay.session import requests
from belay.session.adapt import numpy_results
from belay.session.operations import Definition, perform
from belay.session.requests import Operation
from belay.source.cells import (
    RESULT,
    binds_names,
    imported_names,
    is_expression,
    leaves_code,
    with_result,
)
from belay.source.linemap import HERE, Origin, SourceMap
from belay.source.lint import advice
from belay.source.minify import minify as minified

if TYPE_CHECKING:
    from belay.batch import Batch
    from belay.boardtime import BoardTime
    from belay.history import History, Replay
    from belay.proxies import ProxyObject
    from belay.recovery import Recovery
    from belay.session.session import Session
    from belay.source.capture import Captured

__all__ = ["Calling", "both"]

Then = Callable[[Any], Any]


class Calling:
    """How a Device runs code: expressions, statements, cells, proxies and batches.

    A subclass may have functions of any name: what a Device itself needs is private.
    """

    _timeout: float | None
    _builtin_errors: bool
    _session: Session
    _sources: SourceMap
    _history: History
    _recovery: Recovery
    _batches: dict[int, Batch]
    _log: TextSink | None = None
    """Takes all that the board prints, besides what each call does with it."""

    def __call__(
        self,
        cmd: str | ProxyObject,
        *,
        minify: bool = True,
        stream_out: TextSink | None = STDOUT,
        record: bool = True,
        trusted: bool = False,
        proxy: bool = False,
        delete: bool | None = None,
        with_timing: bool | None = None,
        return_time: bool = False,
        timeout: float | None = None,
        numpy: bool = False,
    ) -> Any:
        """Run code on the board, in its ``__main__``.

        Args:
            cmd: an expression, or statements; or a proxy, whose value is then fetched.
            minify: leave comments and docstrings of statements at home. Lines stay.
            stream_out: takes what is printed, as it arrives; None discards it.
            record: repeat statements when the board had to be connected again (``attempts``).
                Expressions are calls, which are never repeated.
            trusted: evaluate, on this computer, the ``repr`` of a result that cannot travel. The
                board can then run anything here.
            proxy: leave a result that is no None, bool, number, str or bytes on the board, and
                return a proxy for it. Also for an import: proxies of what it binds.
            delete: release the proxied object when the proxy is forgotten; None: all but imports.
            with_timing: taken for Belay's sake. Every answer tells the board's time.
            return_time: return a tuple of the value and the time at which it was there.
            timeout: seconds after which the code is interrupted; None: the Device's default.
            numpy: arrays in the result become numpy arrays.

        Returns:
            The value of an expression; None for statements. Inside :meth:`batch` a
            :class:`belay.batch.Pending` in their place.

        Raises:
            PyboardException: the code raised.
            CallTimeoutError: it was interrupted at ``timeout``.
            UnsupportedValueError: the value cannot travel; says where in it.
            NotImplementedError: ``proxy`` was asked of statements.
        """
        if return_time and with_timing is False:
            raise ValueError("return_time=True needs the board's time, and with_timing=False")
        then = numpy_results() if numpy else None
        operation, here, statements = self._prepared(cmd, minify)
        if proxy and isinstance(cmd, str):
            from belay import proxy_requests

            source = textwrap.dedent(cmd)
            operation, then = proxy_requests.proxied(self, source, delete)  # type: ignore[arg-type]
            statements = source if imported_names(source) else ""
        if trusted:
            from belay import proxy_requests

            operation = proxy_requests.trusting(operation)
            then = both(proxy_requests.trusted_value, then)
        if record and statements:
            again = _of_source(requests.EXECUTE, (HERE, statements))
            replay: Replay = lambda device: device._repeat(again, here)  # noqa: E731
            then = self._recording("statement", statements, replay, then)
        options: dict[str, Any] = {"stream_out": stream_out, "timeout": timeout, "here": here}
        return self._perform(operation, then=then, timed=return_time, **options)

    def _prepared(
        self, cmd: str | ProxyObject, minify: bool
    ) -> tuple[Operation, Origin | None, str]:
        """What runs code: the operation, where it came from, and its text if it is statements."""
        if not isinstance(cmd, str):
            if not hasattr(type(cmd), "__belay_reference__"):
                raise TypeError(f"code to run must be a str, not {cmd!r}")
            from belay import proxy_requests

            return proxy_requests.resolved(cmd), None, ""
        source = textwrap.dedent(cmd)
        if is_expression(source):
            source = source.strip()
            operation = _of_source(requests.EVALUATE, (source,))
            return operation, Origin(HERE, text=source), ""
        here = Origin(HERE, text=source)
        tag = self._sources.add(here) if leaves_code(source) else HERE
        text = minified(source) if minify else source
        statements = source if binds_names(source) else ""
        return _of_source(requests.EXECUTE, (tag, text)), here, statements

    def run_cell(
        self,
        source: str,
        *,
        filename: str = "<cell>",
        first_line: int = 1,
        label: str = "",
        result: bool = True,
        stream_out: TextSink | None = STDOUT,
        timeout: float | None = None,
        shown: bool = False,
    ) -> Any:
        """Run statements on the board; the value of the last one, if it is an expression.

        Args:
            source: the statements. A semicolon behind the last one asks for no value.
            filename: where the source stands, for tracebacks.
            first_line: at which line of it.
            label: what tracebacks show in place of the file name, such as ``Cell In[3]``.
            result: whether the value is wanted; False leaves it on the board.
            stream_out: takes what is printed, as it arrives; None discards it.
            timeout: seconds after which the code is interrupted; None: the Device's default.
            shown: return the text that the board's prompt would show for the value. Every value
                has one, also those that cannot travel.

        Returns:
            The value, or None.
        """
        tag = self._sources.add(Origin(filename, first_line, label, source))
        text, has_value = with_result(source) if result else (source, False)
        if shown and has_value:
            text += f"\n{RESULT}={RESULT} if {RESULT} is None else repr({RESULT})"
        operation = _of_source(requests.VALUE if has_value else requests.EXECUTE, (tag, text))
        return self._perform(operation, stream_out=stream_out, timeout=timeout)

    def proxy(self, cmd: str, delete: bool | None = None) -> Any:
        """A stand-in for an object that stays on the board.

        Args:
            cmd: the name of a global, an expression, or an import. A name is not looked up now.
            delete: release the object when the proxy is forgotten; None: all but names and
                imports.

        Returns:
            A :class:`belay.ProxyObject`; for an import of several names a tuple of them; the value
            itself where the expression is a None, bool, number, str or bytes.

        Raises:
            NotImplementedError: for other statements.
        """
        from belay import proxy_requests

        return proxy_requests.name_or_request(self, cmd, delete)  # type: ignore[arg-type]

    def batch(self, *, stream_out: TextSink | None = STDOUT, timeout: float | None = None) -> Batch:
        """Context manager: what this thread calls in it is sent at its end, in one message.

        Args:
            stream_out: takes what the calls print; None discards it.
            timeout: seconds for all of them together; None: the Device's default.
        """
        from belay.batch import Batch

        return Batch(self, stream_out=stream_out, timeout=timeout)  # type: ignore[arg-type]

    # ---------------------------------------------------------------------------- for executers

    def _perform(
        self,
        operation: Operation,
        *,
        stream_out: TextSink | None = STDOUT,
        timeout: float | None = None,
        here: Origin | None = None,
        then: Then | None = None,
        timed: bool = False,
    ) -> Any:
        """Do one thing on the board; inside a batch of this thread, later.

        Args:
            operation: what.
            stream_out: takes what is printed.
            timeout: seconds after which it is interrupted.
            here: where its source came from, if it was sent without a tag.
            then: makes the result of the board's answer.
            timed: return a tuple of the result and its time.
        """
        if timed:
            operation, then = requests.timed(operation), self._with_time(then)
        if self._batches:
            batch = self._batch_here()
            if batch is not None:
                return batch.add(operation, then, operation.label, here=here)
        answer = self._ask(perform, operation, stream_out, timeout, here)
        return answer if then is None else then(answer)

    def _ask(
        self,
        method: Callable[..., Any],
        argument: Any,
        stream_out: TextSink | None,
        timeout: float | None,
        here: Origin | None = None,
    ) -> Any:
        """Call ``method(session, argument, …)``, with the host's files in what it raises.

        A call that never ran because the board was gone is made once more, where the Device may
        connect again.
        """
        limit = self._timeout if timeout is None else timeout
        while True:
            session = self._session
            generation = session.generation
            try:
                return method(session, argument, output=self._output(stream_out), timeout=limit)
            except errors.PyboardException as caught:
                raised = self._explained(caught, argument, here)
            except (KeyboardInterrupt, errors.CallTimeoutError) as error:
                if isinstance(error.__cause__, errors.PyboardException):
                    self._explain(error.__cause__, here)
                    error.__cause__.__traceback__ = None
                raise error.with_traceback(None)  # noqa: B904 - the same exception
            except errors.ConnectionLost as lost:
                self._recovery.after(session, generation, lost)
                continue
            # What happened is on the board or in the caller's code; our own frames hide it. Not
            # inside the clause above: its context is what the caller was handling, no twin of it.
            raise raised.with_traceback(None)

    def _output(self, sink: TextSink | None) -> OutputHandler:
        """What takes the bytes that the board prints: the sink, and a log where there is one."""
        shown = handler(sink)
        if self._log is None:
            return shown
        logged = handler(self._log)

        def take(data: bytes) -> None:
            logged(data)  # first: what a failing sink does not take is of interest too
            shown(data)

        return take

    def _batch_here(self) -> Batch | None:
        """The batch that collects what this thread calls."""
        return self._batches.get(threading.get_ident())

    def _define_all(self, functions: list[tuple[Captured, str | None]]) -> list[list[str]]:
        """Put functions on the board, in as few messages as their sizes allow.

        Args:
            functions: each with what to send in place of its source, line by line the same.

        Returns:
            For each, those of the host's names that it uses and that the board does not have.
        """
        definitions = []
        for captured, text in functions:
            origin = Origin(captured.filename, captured.first_line, "", captured.text)
            names = tuple(getattr(captured, "host_names", ()))
            definitions.append(
                Definition(self._sources.add(origin), text or captured.text, captured.name, names)
            )
        missing: list[list[str]] = self._ask(_define_all, definitions, STDOUT, None)
        for definition in definitions:
            self._record("define", definition.name, _redefine(definition))
        return missing

    def _record(self, kind: str, key: str, replay: Callable[[Any], object]) -> None:
        """Remember what was done, for the time when the board has to be connected again.

        Args:
            kind: ``define``, ``setup``, ``statement`` or ``call``.
            key: a name or text that tells it from others of its kind.
            replay: does it again; called with the Device, to which it must hold no reference.
        """
        self._history.record(kind, key, replay)

    def _recording(
        self, kind: str, key: str, replay: Callable[[Any], object], then: Then | None = None
    ) -> Then:
        """A ``then`` that records as well: what was done, not what was only asked for."""

        def recorded(answer: Any) -> Any:
            self._record(kind, key, replay)
            return answer if then is None else then(answer)

        return recorded

    def _repeat(self, operation: Operation, here: Origin | None = None) -> None:
        """Do once more what was done before; what it prints was seen then."""
        self._ask(perform, operation, None, None, here)

    def _with_time(self, then: Then | None) -> Then:
        def timed(answer: Any) -> tuple[Any, BoardTime]:
            ticks, value = answer
            return value if then is None else then(value), self._board_time(ticks)

        return timed

    if TYPE_CHECKING:

        def _board_time(self, ticks: int) -> BoardTime: ...

    def _explained(
        self, error: errors.PyboardException, argument: Any, here: Origin | None
    ) -> errors.PyboardException:
        """The exception that the caller gets."""
        self._explain(error, here)
        if error.type == "SyntaxError" and isinstance(argument, Operation):
            _advise(error, argument)
        return errors.as_builtin(error) if self._builtin_errors else error

    def _explain(self, error: errors.PyboardException, here: Origin | None = None) -> None:
        """Put the host's files and lines into a board's traceback."""
        text, error.frames = self._sources.translate(str(error.args[0]), here)
        error.args = (text,)


def _define_all(session: Session, definitions: list[Definition], **options: Any) -> Any:
    return session.define_all(definitions, **options)


def _redefine(definition: Definition) -> Callable[[Calling], object]:
    return lambda device: device._ask(_define_all, [definition], None, None)


_TEXTS = {requests.EVALUATE: 0, requests.EXECUTE: 1, requests.VALUE: 1}
"""Which argument of an operation is source."""


def _advise(error: errors.PyboardException, operation: Operation) -> None:
    """Say what it is that the board's compiler does not know, and what to write instead."""
    place = _TEXTS.get(operation.code)
    if place is not None and (text := advice(operation.args[place])):
        error.args = (f"{str(error.args[0]).rstrip()}\n{text}\n",)


def _of_source(code: bytes, args: tuple[str, ...]) -> Operation:
    """Source to run."""
    return Operation(code, args, requests.extension_of(args[-1]))


def both(first: Then, second: Then | None) -> Then:
    """One ``then`` behind the other."""
    return first if second is None else lambda answer: second(first(answer))
