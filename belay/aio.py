# SPDX-License-Identifier: Apache-2.0
"""A board in an asyncio program, and ``async def`` tasks on the board."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from belay import errors
from belay.session.requests import Operation
from belay.session.turns import this_thread

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

    from belay.device import Device, TextSink
    from belay.source.capture import Captured

__all__ = ["AsyncDevice", "AsyncItems", "coroutine_task"]

P = ParamSpec("P")
T = TypeVar("T")

_COROUTINE = b"y"
_EXTENSION = "coroutines"
_NO_ASYNCIO = "belay: no asyncio"
"""What belay/onboard/coroutines.py raises where a coroutine waits and nothing can drive it."""

_NUDGE = 0.05
"""Seconds between interrupts of a cancelled call: one that was just beginning does not see it."""

_END: Any = object()


class AsyncDevice:
    """The same board, awaited: ``device.aio``.

    Every method does in one thread, which belongs to the Device, what its counterpart of the
    Device does in the caller's: one call after another, while the event loop goes on. Boards do
    not wait for each other.

    Cancelling the task that awaits a call (:func:`asyncio.timeout` does so too) interrupts the
    board as Ctrl-C does, and the cancellation is over when the board has stopped. A call that had
    not begun never runs. A second cancellation no longer waits for the board.

    Args:
        device: the board.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        if device._aio is None:
            device._aio = Worker()
        self._worker = device._aio

    async def __call__(self, cmd: str, **options: Any) -> Any:
        """``device(cmd, **options)``: run code on the board.

        Args:
            cmd: an expression, or statements.
            options: those of :meth:`belay.Device.__call__`.

        Returns:
            The value of an expression; None for statements.

        Raises:
            BelayException: as ``device(…)`` does.
            asyncio.CancelledError: the awaiting task was cancelled; the board has stopped.
        """
        return await self.in_thread(self._device, cmd, **options)

    async def run(self, code: str, **options: Any) -> Any:
        """Another name of calling it, for statements."""
        return await self.in_thread(self._device, code, **options)

    async def call(self, target: Callable[..., T] | str, /, *args: Any, **keywords: Any) -> Any:
        """Call something on the board.

        Args:
            target: a task, a method of a proxy or anything else that blocks on this board; or the
                name of a function on the board, as text; or an expression.
            args: its arguments.
            keywords: its keyword arguments.

        Returns:
            What it returned.

        Raises:
            TypeError: arguments for an expression.
            BelayException: as the same call without ``await`` does.
            asyncio.CancelledError: see the class.
        """
        if not isinstance(target, str):
            return await self.in_thread(target, *args, **keywords)
        name = target.strip()
        if name.isidentifier():
            return await self.in_thread(self._call_name, name, args, keywords)
        if args or keywords:
            raise TypeError(f"{target!r} is an expression, not a name: it takes no arguments")
        return await self.in_thread(self._device, target)

    def iterate(
        self, source: Callable[..., Iterable[T]] | Iterable[T], /, *args: Any, **keywords: Any
    ) -> AsyncItems[T]:
        """Iterate over what is on the board: ``async for item in device.aio.iterate(task, 3)``.

        Args:
            source: a generator task, which is called at the first item; or what can be iterated
                over, such as a proxy.
            args: arguments of the task.
            keywords: its keyword arguments.

        Returns:
            An asynchronous iterator. Its ``aclose()`` closes a generator before its end.
        """
        return AsyncItems(self, source, args, keywords)

    async def close(self) -> None:
        """``device.close()``, which also ends the thread."""
        # Not in the Device's thread, where a call may be under way: closing ends it.
        await asyncio.to_thread(self._device.close)

    async def in_thread(
        self, function: Callable[P, T], /, *args: P.args, **keywords: P.kwargs
    ) -> T:
        """Call any function in the Device's thread, with the context variables of this task.

        Raises:
            DeviceClosedError: the Device is closed.
            asyncio.CancelledError: see the class.
        """
        if self._device._session.closed:
            raise errors.DeviceClosedError("this Device is closed; make a new one")
        context = contextvars.copy_context()
        cancelled = threading.Event()
        work = functools.partial(context.run, functools.partial(function, *args, **keywords))
        call = self._worker.submit(work, cancelled.is_set)
        done = asyncio.wrap_future(call)
        try:
            await asyncio.wait([done])
        except asyncio.CancelledError:
            if not call.cancel():
                cancelled.set()
                await self._stop(done)
            raise
        if done.cancelled():
            raise errors.DeviceClosedError("this Device was closed while the call waited")
        result: T = done.result()
        return result

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._device!r}>"

    async def _stop(self, done: asyncio.Future[Any]) -> None:
        """Interrupt the call of our thread until it has ended, whatever it ends in."""
        done.add_done_callback(_looked_at)
        while not done.done():
            self._device._session.interrupt(self._worker.thread)
            await asyncio.wait([done], timeout=_NUDGE)

    def _call_name(self, name: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        device = self._device
        return device._perform(device._session.call_operation(name, args, keywords))


def _looked_at(done: asyncio.Future[Any]) -> None:
    """Nobody wants to know what it ended in."""
    if not done.cancelled():
        done.exception()


class Worker:
    """The thread in which a Device is awaited: made when it is needed, it ends with the Device.

    It knows no Device, so that one that is forgotten can be closed.
    """

    def __init__(self) -> None:
        self._ident: list[int] = []  # the thread refers to this, and so must not refer to more
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    def submit(self, function: Callable[[], T], given_up: Callable[[], bool]) -> Future[T]:
        """Call a function in the thread, after those that wait there.

        Args:
            function: what to call.
            given_up: tells whether it has become pointless.
        """
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, "belay-aio", _note, (self._ident,))
            return self._executor.submit(_while_wanted, function, given_up)

    def end(self) -> None:
        """End the thread when its call has ended; calls that wait are cancelled."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    @property
    def thread(self) -> int:
        """The thread's identity; 0 before the first call."""
        return self._ident[-1] if self._ident else 0


def _note(ident: list[int]) -> None:
    ident.append(threading.get_ident())


def _while_wanted(function: Callable[[], T], given_up: Callable[[], bool]) -> T:
    this_thread.given_up = given_up
    try:
        return function()
    finally:
        this_thread.given_up = None


class AsyncItems(AsyncIterator[T]):
    """What :meth:`AsyncDevice.iterate` returns."""

    def __init__(
        self,
        board: AsyncDevice,
        source: Callable[..., Iterable[T]] | Iterable[T],
        args: tuple[Any, ...],
        keywords: dict[str, Any],
    ) -> None:
        self._board = board
        self._source = source
        self._given = args, keywords
        self._iterator: Iterator[T] | None = None
        self._over = False

    def __aiter__(self) -> AsyncItems[T]:
        return self

    async def __anext__(self) -> T:
        if self._over:
            raise StopAsyncIteration
        iterator = self._iterator
        if iterator is None:
            iterator = self._iterator = await self._board.in_thread(self._begin)
        if isinstance(iterator, AsyncIterator):  # a generator: what it has fetched, needs no thread
            return await iterator.__anext__()  # type: ignore[no-any-return]
        item: T = await self._board.in_thread(next, iterator, _END)
        if item is _END:
            self._over = True
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Close the generator on the board, if there is one: its ``finally`` blocks run."""
        self._over = True
        close = getattr(self._iterator, "close", None)
        if close is not None:
            await self._board.in_thread(close)

    def _begin(self) -> Iterator[T]:
        args, keywords = self._given
        source: Any = self._source
        if args or keywords or not isinstance(source, Iterable):
            source = source(*args, **keywords)
        return iter(source)


def coroutine_task(
    device: Device,
    captured: Captured,
    function: Callable[..., Any],
    *,
    return_time: bool = False,
    timeout: float | None = None,
    stream_out: TextSink | None,
    then: Callable[[Any], Any] | None = None,
) -> Callable[..., Any]:
    """What calls an ``async def`` of the board.

    Args:
        device: the board.
        captured: the function's source, which is sent by others.
        function: the function, whose name and signature the result has.
        return_time: return ``(result, datetime)``.
        timeout: seconds after which a call is interrupted; None: the Device's default.
        stream_out: takes what it prints; None discards it.
        then: makes what is returned of the result.

    Returns:
        A plain function: calling it runs the coroutine to its end, on the board, with its
        ``asyncio.run``.
    """
    name = captured.name

    @functools.wraps(function)
    def task(*args: Any, **keywords: Any) -> Any:
        try:
            return device._perform(
                Operation(_COROUTINE, (name, keywords, *args), _EXTENSION, f"{name}()"),
                stream_out=stream_out,
                timeout=timeout,
                timed=return_time,
                then=then,
            )
        except errors.PyboardException as error:
            if error.value_args != (_NO_ASYNCIO,):
                raise
            raise errors.FeatureUnavailableError(
                f"{name}() waits for something, and this board's firmware has no asyncio.run to "
                "wait with. Write it as a plain def, or install a firmware with asyncio."
            ) from None

    return task
