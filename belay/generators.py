# SPDX-License-Identifier: Apache-2.0
"""Generators that run on the board and are iterated over on the host."""

from __future__ import annotations

import contextlib
import functools
import threading
import weakref
from collections import deque
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from belay import errors
from belay.batch import refuse
from belay.session.outcomes import told_exception
from belay.session.requests import Operation, unsupported
from belay.source.capture import Captured
from belay.wire.decoding import decode_items

if TYPE_CHECKING:
    from belay.clock import Clock
    from belay.device import Device, TextSink

__all__ = ["BoardGenerator", "generator_task"]

_GENERATOR = b"g"
_EXTENSION = "generators"
_PLAIN = (int, str, bytes, float, bool, type(None))

_EXHAUSTED, _RAISED, _BY_ITSELF, _CAME_BACK = 1, 2, 3, 4
"""States of a slice, beside 0: see belay/onboard/generators.py."""


class _Options(NamedTuple):
    """How the generators of one task are pulled."""

    prefetch: int
    return_time: bool
    timeout: float | None
    stream_out: TextSink | None
    then: Callable[[Any], Any] | None


def generator_task(
    device: Device,
    captured: Captured,
    function: Callable[..., Any],
    *,
    prefetch: int = 1,
    return_time: bool = False,
    timeout: float | None = None,
    stream_out: TextSink | None,
    then: Callable[[Any], Any] | None = None,
) -> Callable[..., BoardGenerator]:
    """What calls a generator function of the board.

    Args:
        device: the board.
        captured: the function's source, which is sent by others.
        function: the function, whose name and signature the result has.
        prefetch: most items that one request brings. 1 keeps the board in step with the host.
        return_time: yield ``(item, datetime)``: when the board had it.
        timeout: seconds after which one request is interrupted; None: the Device's default.
        stream_out: takes what the generator prints; None discards it.
        then: makes what is yielded of each item.

    Returns:
        A function. Calling it makes a generator on the board, and returns what iterates over it.

    Raises:
        ValueError: ``prefetch`` is no number of items.
    """
    if type(prefetch) is not int or not 1 <= prefetch < 1 << 15:
        raise ValueError(f"prefetch={prefetch!r}: it must be a number of items from 1 to 32767")
    options = _Options(prefetch, return_time, timeout, stream_out, then)

    @functools.wraps(function)
    def make(*args: Any, **keywords: Any) -> BoardGenerator:
        return BoardGenerator(device, captured.name, args, keywords, options)

    return make


class BoardGenerator(Generator[Any, Any, Any]):
    """A generator on the board. Made by calling a task that is a generator function.

    It is used as any generator of Python: ``for``, ``next``, :meth:`send`, :meth:`throw`,
    :meth:`close`, ``yield from``; and with ``async for``, where each request is made in the
    Device's own thread. Each request is a call of its own, so that other calls run between them.
    An exception of the board's generator is raised behind the items that it yielded before.

    An interrupt (Ctrl-C, a timeout, :meth:`belay.Device.interrupt`) raises KeyboardInterrupt in
    the board's generator, which ends it unless it catches that. What it had yielded before comes
    with the next steps.

    One that is forgotten before its end is closed on the board with a later request.
    """

    def __init__(
        self,
        device: Device,
        name: str,
        args: tuple[Any, ...],
        keywords: dict[str, Any],
        options: _Options,
    ) -> None:
        self._device = device
        self._name = name
        self._options = options
        self._busy = threading.Lock()
        self._items: deque[Any] = deque()
        self._error: BaseException | None = None  # what is raised behind the items
        self._over = False
        self._doubt = False  # whether nobody knows what became of the last request
        self._requests = 0  # for slices
        self._arrived = 0  # items, those included that could not travel
        count = -options.prefetch if options.return_time else options.prefetch
        self._generation: int | None = None
        self._handle: int = self._request((name, count, keywords, *args), f"{name}()")
        session = device._session
        self._generation = generation = session.generation
        self._forgotten = weakref.finalize(
            self, session.release, self._handle, closing=True, generation=generation
        )
        self._forgotten.atexit = False

    # ---------------------------------------------------------------------------- as a generator

    @property
    def clock(self) -> Clock:
        """The board's clock."""
        return self._device.clock

    def __iter__(self) -> BoardGenerator:
        return self

    def __next__(self) -> Any:
        return self._step(())

    def send(self, value: Any, /) -> Any:
        """Resume the generator with ``value`` as what its ``yield`` returns.

        Args:
            value: travels to the board by value.

        Returns:
            The next item.

        Raises:
            StopIteration: the generator returned; its ``value`` is what it returned.
            PyboardException: it raised.
            ValueError: ``prefetch`` is more than 1, so the board is ahead.
            UnsupportedValueError: the value cannot travel, and was not sent; or the item cannot.
            StaleProxyError: the board was reset.
        """
        return self._step(self._sent(value))

    @overload
    def throw(
        self,
        typ: type[BaseException],
        val: BaseException | object = None,
        tb: TracebackType | None = None,
        /,
    ) -> Any: ...

    @overload
    def throw(
        self, typ: BaseException, val: None = None, tb: TracebackType | None = None, /
    ) -> Any: ...

    def throw(self, typ: Any, val: Any = None, tb: Any = None, /) -> Any:
        """Raise an exception on the board, where the generator waits.

        The board raises its class of the same name, or of the nearest base that it has.

        Returns:
            The next item, where the generator caught it.

        Raises:
            BaseException: the exception itself, where it did not; its cause is the board's.
            StopIteration, PyboardException, ValueError, StaleProxyError: as :meth:`send`.
        """
        error = _exception(typ, val, tb)
        return self._step(self._thrown(error), error)

    def close(self) -> None:
        """Close the generator on the board: its ``finally`` blocks run there.

        Items that were fetched and not taken are dropped. Closing one that is over, or whose
        board was reset or closed, does nothing.

        Raises:
            PyboardException: it raised, or it yielded once more; in that case it is not over.
        """
        with self._turn():
            self._items.clear()
            self._error = None
            if self._requests and not self._over and not self._device._session.closed:
                with contextlib.suppress(errors.StaleProxyError):
                    self._request((-self._handle,), f"{self._name}().close()")
            self._finish()

    def __repr__(self) -> str:
        state = "over" if self._over else "running" if self._requests else "not started"
        address = self._device._session.transport.address
        return f"<BoardGenerator {self._name}() on {address} ({state})>"

    # ---------------------------------------------------------------------------- with asyncio

    def __aiter__(self) -> BoardGenerator:
        return self

    async def __anext__(self) -> Any:
        return await self._awaited((), None)

    async def asend(self, value: Any) -> Any:
        """:meth:`send`, awaited. The end is StopAsyncIteration."""
        return await self._awaited(self._sent(value), None)

    async def athrow(self, typ: Any, val: Any = None, tb: Any = None, /) -> Any:
        """:meth:`throw`, awaited. The end is StopAsyncIteration."""
        error = _exception(typ, val, tb)
        return await self._awaited(self._thrown(error), error)

    async def aclose(self) -> None:
        """:meth:`close`, awaited."""
        await self._in_thread(self.close)

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> None:
        from belay.aio import AsyncDevice

        await AsyncDevice(self._device).in_thread(function, *args)

    async def _awaited(self, sent: tuple[Any, ...], thrown: BaseException | None) -> Any:
        while not self._ready():
            # Only asked for in the thread, and taken here: a cancellation loses no item.
            await self._in_thread(self._prepare, sent, thrown)
        try:
            with self._turn():
                return self._taken(thrown)
        except StopIteration:
            raise StopAsyncIteration from None

    # ---------------------------------------------------------------------------- one step

    def _step(self, sent: tuple[Any, ...], thrown: BaseException | None = None) -> Any:
        with self._turn():
            if not self._ready():
                self._fetch(sent, thrown)
            return self._taken(thrown)

    def _ready(self) -> bool:
        """Whether there is an item, an error or the end to be taken."""
        return bool(self._items) or self._error is not None or self._over

    def _finished(self) -> bool:
        return self._over and not self._items and self._error is None

    def _prepare(self, sent: tuple[Any, ...], thrown: BaseException | None) -> None:
        with self._turn():
            if not self._ready():
                self._fetch(sent, thrown)

    def _taken(self, thrown: BaseException | None) -> Any:
        if self._items:
            return self._items.popleft()
        error, self._error = self._error, None
        if error is None:
            error = StopIteration() if thrown is None else thrown
        try:
            raise error
        finally:
            del error, thrown  # the traceback refers to this frame

    def _sent(self, value: Any) -> tuple[Any, ...]:
        """What a request says of a value that is sent."""
        if value is None or self._finished():
            return ()
        self._in_step("send()")
        if not self._requests:
            raise TypeError("can't send non-None value to a just-started generator")
        return (value,)

    def _thrown(self, error: BaseException) -> tuple[Any, ...]:
        """What a request says of an exception that is thrown: names of its types, and args."""
        if self._finished():
            return ()
        self._in_step("throw()")
        if not self._requests:
            with self._turn():
                self._finish()  # nothing of it has run, so nothing on the board can catch it
            return ()
        names = [each.__name__ for each in type(error).__mro__[:-1]]
        args = error.args
        if isinstance(error, errors.PyboardException):
            names = [*error.bases, *names]
            args = error.value_args
        return names, [arg if type(arg) in _PLAIN else repr(arg) for arg in args]

    def _turn(self) -> _Turn:
        return _Turn(self._busy)

    def _in_step(self, what: str) -> None:
        if self._options.prefetch > 1:
            raise ValueError(
                f"{what} with prefetch={self._options.prefetch}: the board may already be ahead of "
                "the item that you have; use prefetch=1"
            )

    def _request(self, args: tuple[Any, ...], label: str) -> Any:
        refuse(self._device, f"the generator {self._name}()")
        return self._device._perform(
            Operation(_GENERATOR, args, _EXTENSION, label, self._generation),
            stream_out=self._options.stream_out,
            timeout=self._options.timeout,
        )

    def _fetch(self, sent: tuple[Any, ...], thrown: BaseException | None) -> None:
        """Ask the board for the next slice."""
        if self._doubt:
            # An interrupt: ask what the last slice had come to. It may not even have run.
            if not self._ask((self._handle, self._requests, 1, 0), None):
                self._requests -= 1
            if sent:
                # What the interrupted step yielded, nobody saw; this one answers that yield.
                self._items.clear()
            if self._ready():
                return
        self._requests += 1
        self._ask((self._handle, *sent), thrown)

    def _ask(self, args: tuple[Any, ...], thrown: BaseException | None) -> bool:
        """Take the slice that a request brings; False when there is none."""
        self._doubt = True
        try:
            answer = self._request(args, f"next({self._name}())")
        except errors.UnsupportedValueError as error:
            if not error.path.startswith("result"):
                self._doubt = False
                self._requests -= 1  # it was not sent
                raise
            self._refused(error)
            answer = b"", 0, None
        except errors.StaleProxyError:
            self._finish()
            raise errors.StaleProxyError(
                f"the board was reset since {self._name}() was called: the generator is gone. "
                "Call it again, once it is defined there."
            ) from None
        except errors.PyboardException as error:
            if error.type != "KeyboardInterrupt":  # that is an interrupt, as far as one can tell
                self._doubt = False
                self._finish(closing=True)  # in case it was not the generator that raised
            raise
        self._doubt = False
        if answer is not None:
            self._take(answer, thrown)
        return answer is not None

    def _refused(self, error: errors.UnsupportedValueError) -> None:
        """Something in the slice cannot travel: take what came before it, then this error."""
        where, state = "result[0]", _BY_ITSELF
        if not error.path.startswith(where):
            slice_ = self._request((self._handle, self._requests, 0, 0), f"next({self._name}())")
            packed, state, _, *since = slice_
            self._unpack(packed, since)
            where = "result[2][0]" if state == _BY_ITSELF else "result[2]"
            if not error.path.startswith(where):
                where = "result"  # all of it: it is too large
        if state == _EXHAUSTED:
            self._error = _moved(error, where, "result")
            self._finish()
        else:
            self._error = _moved(error, where, f"item[{self._arrived}]")
            self._arrived += 1

    # ---------------------------------------------------------------------------- slices

    def _take(self, slice_: tuple[Any, ...], thrown: BaseException | None) -> None:
        if len(slice_) < 3:
            self._add(*slice_)
            return
        packed, state, extra, *since = slice_
        self._unpack(packed, since)
        if state == _BY_ITSELF:
            self._add(*extra)
        elif state == _EXHAUSTED:
            self._error = StopIteration(extra)
            self._finish()
        elif state in (_RAISED, _CAME_BACK):
            self._error = raised = told_exception(extra)
            self._device._explain(raised)
            if self._device._builtin_errors:
                self._error = raised = errors.as_builtin(raised)
            if state == _CAME_BACK and thrown is not None:
                if thrown.__cause__ is None:
                    thrown.__cause__ = raised
                self._error = thrown
            self._finish()

    def _unpack(self, packed: bytes | bytearray, since: list[int]) -> None:
        """The items of a slice, and the times that they were yielded."""
        values, refused = decode_items(bytes(packed), self._device._session.limits)
        if since:
            for elapsed, item in zip(values[::2], values[1::2], strict=False):
                self._add(item, since[0] + elapsed)
        else:
            for item in values:
                self._add(item)
        if refused is not None:
            self._error = unsupported(refused.below(f"item[{self._arrived}]"), "item")
            self._arrived += 1

    def _add(self, item: Any, ticks: int | None = None) -> None:
        if self._options.then is not None:
            item = self._options.then(item)
        if ticks is not None:
            item = item, self._device._board_time(ticks & 0xFFFFFFFF)
        self._items.append(item)
        self._arrived += 1

    # ---------------------------------------------------------------------------- the end

    def _finish(self, *, closing: bool = False) -> None:
        """The generator is over: the board may forget it, which it does with a later request."""
        self._over = True
        if self._forgotten.detach():
            self._device._session.release(
                self._handle, closing=closing, generation=self._generation or 0
            )


class _Turn:
    """What Python does when a generator is resumed while it runs."""

    def __init__(self, busy: threading.Lock) -> None:
        self._busy = busy

    def __enter__(self) -> None:
        if not self._busy.acquire(blocking=False):
            raise ValueError("generator already executing")

    def __exit__(self, *exc_info: object) -> None:
        self._busy.release()


def _exception(typ: Any, val: Any, tb: TracebackType | None) -> BaseException:
    """The exception that the arguments of ``throw`` stand for."""
    if isinstance(typ, BaseException):
        if val is not None:
            raise TypeError("instance exception may not have a separate value")
        error = typ
    elif isinstance(typ, type) and issubclass(typ, BaseException):
        if isinstance(val, typ):
            error = val
        else:
            error = typ() if val is None else typ(*val) if isinstance(val, tuple) else typ(val)
    else:
        raise TypeError(
            "exceptions must be classes or instances deriving from BaseException, "
            f"not {type(typ).__name__}"
        )
    return error if tb is None else error.with_traceback(tb)


def _moved(error: errors.UnsupportedValueError, old: str, new: str) -> errors.UnsupportedValueError:
    """The same error, its path beginning with ``new`` in place of ``old``."""
    path = new + error.path[len(old) :]
    why = str(error).removeprefix(error.path).removeprefix(": ")
    return errors.UnsupportedValueError(f"{path}: {why}", type_name=error.type_name, path=path)
