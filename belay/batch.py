# SPDX-License-Identifier: Apache-2.0
"""Many calls in one round trip: what is called inside ``with device.batch():`` goes at its end."""

from __future__ import annotations

import threading
import weakref
from array import array
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from belay import errors
from belay.labels import label_of
from belay.pending import DONE, FAILED, NOT_RUN, WAITING, Pending
from belay.places import place_of_caller, shown
from belay.proxy_operations import GET, MANY, METHOD, RESOLVE
from belay.session import requests
from belay.session.adapt import adapt
from belay.session.operations import perform
from belay.session.outcomes import told_exception
from belay.session.requests import Operation

if TYPE_CHECKING:
    from belay.device import Device, TextSink
    from belay.proxies import ProxyObject
    from belay.session.session import Session
    from belay.source.linemap import Origin

__all__ = ["Batch", "Pending", "refuse"]

MOST_ITEMS = 500
"""Items of one frame: a board holds all of their arguments and results at once."""


_collecting = threading.local()


def collecting_for() -> Session | None:
    """The session for which a batch of this thread is just checking arguments."""
    session: Session | None = getattr(_collecting, "session", None)
    return session


def refuse(device: Device, what: str) -> None:
    """Raise BatchError where this thread is inside a batch, which ``what`` cannot be part of."""
    if device._batch_here() is not None:
        raise errors.BatchError(
            f"{what} cannot be part of a batch: Python needs its result at once, and a batch is "
            "sent at its end. Do it before or after the batch."
        )


class PendingAttribute(Pending):
    """An attribute of a proxy inside a batch; calling it makes a method call of it."""

    __slots__ = ("_attribute", "_batch", "_item", "_proxy")

    def __init__(self, batch: Batch, item: _Item, proxy: ProxyObject, attribute: str) -> None:
        super().__init__(str(item))
        self._batch = batch
        self._item: _Item | None = item
        self._proxy = proxy
        self._attribute = attribute

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Call the method of this name, in place of reading the attribute."""
        if self._state != WAITING or self._item is None:
            return self._refuse()
        self._batch._withdraw(self._item)
        self._item = None
        return self._proxy._belay_operate(METHOD, self._attribute, keywords, *args)


class _Item:
    """One call of a batch."""

    __slots__ = ("here", "label", "operation", "pending", "place", "then")

    def __init__(
        self,
        operation: Operation,
        then: Callable[[Any], Any] | None,
        label: str,
        here: Origin | None,
    ) -> None:
        self.operation = operation
        self.then = then
        self.label = label
        self.here = here
        self.place = place_of_caller()
        self.pending: weakref.ref[Pending] | None = None

    def __str__(self) -> str:
        return f"{self.label} ({shown(self.place)})"

    def settle(self, state: int, value: Any = None, error: BaseException | None = None) -> bool:
        """Give the result to whoever holds the Pending -> whether anybody does."""
        pending = self.pending() if self.pending is not None else None
        if pending is None:
            return False
        pending._state, pending._value, pending._error = state, value, error
        return True


class Batch:
    """Collects what this thread calls on a device, and sends it at the end of the ``with`` block.

    Inside the block, task calls, ``device("…")`` and operations of proxies return a
    :class:`Pending`. An exception that leaves the block sends nothing.

    Args:
        device: the board.
        stream_out: takes what the calls print; as for ``device("…")``.
        timeout: seconds for all of them together; None: the Device's default.
    """

    def __init__(
        self, device: Device, *, stream_out: TextSink | None = None, timeout: float | None = None
    ) -> None:
        self._device = device
        self._stream_out = stream_out
        self._timeout = timeout
        self._items: list[_Item] = []
        self._state = WAITING

    def __len__(self) -> int:
        """How many calls have been collected."""
        return len(self._items)

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Batch:
        refuse(self._device, "another batch")
        if self._state != WAITING or self._items:
            raise errors.BatchError("a batch runs once; make a new one with device.batch()")
        self._device._batches[threading.get_ident()] = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._device._batches.pop(threading.get_ident(), None)
        self._state = DONE
        if kind is None:
            self._send()
            return
        reason = f"nothing of the batch was sent, because its block raised {kind.__name__}"
        for item in self._items:
            item.settle(NOT_RUN, error=errors.BatchError(f"{item} did not run: {reason}"))
        self._items.clear()

    # ---------------------------------------------------------------------------- collecting

    def add(
        self,
        operation: Operation,
        then: Callable[[Any], Any] | None = None,
        label: str = "",
        here: Origin | None = None,
    ) -> Pending:
        """Collect a call.

        Args:
            operation: what the board is to do.
            then: makes the result of the board's answer.
            label: how errors call it; by default what the operation says.
            here: where an expression came from, for tracebacks.

        Raises:
            UnsupportedValueError: an argument cannot travel. The batch is as it was before.
        """
        item = self._collect(operation, then, label, here)
        pending = Pending(str(item))
        item.pending = weakref.ref(pending)
        return pending

    def attribute(self, proxy: ProxyObject, name: str) -> Pending:
        """Collect the reading of an attribute, which is a method's call if it is called."""
        proxy._belay_check()
        operation = Operation(b"p", (GET, proxy._belay_operand, name), "proxies")
        item = self._collect(operation, lambda answer: proxy._belay_got(name, answer), "", None)
        pending = PendingAttribute(self, item, proxy, name)
        item.pending = weakref.ref(pending)
        return pending

    def _collect(
        self,
        operation: Operation,
        then: Callable[[Any], Any] | None,
        label: str,
        here: Origin | None,
    ) -> _Item:
        # Encoded once now, so that a value that cannot travel is refused at its line; and copied,
        # because what the program does to a list afterwards is no part of this call.
        _collecting.session = self._device._session
        try:
            requests.payloads(operation.code, operation.args, size=1 << 13, deflate=False)
        finally:
            _collecting.session = None
        label = label or operation.label or label_of(operation, here.text if here else "")
        item = _Item(operation._replace(args=_copy(operation.args)), then, label, here)
        self._items.append(item)
        return item

    def _withdraw(self, item: _Item) -> None:
        self._items.remove(item)

    # ---------------------------------------------------------------------------- the end

    def _send(self) -> None:
        """Send what was collected, and settle every Pending.

        Raises:
            PyboardException: a call failed whose Pending nobody holds.
        """
        unheld: list[BaseException] = []
        for start in range(0, len(self._items), MOST_ITEMS):
            part = self._items[start : start + MOST_ITEMS]
            many = _many(item.operation for item in part)
            try:
                results, handles, fault = self._device._ask(
                    perform, many, self._stream_out, self._timeout
                )
            except BaseException as error:
                self._lost(start, error)
                raise
            unheld += self._settle(part, results, set(handles))
            if fault is not None:
                unheld += self._failed(start + len(results), told_exception(fault))
                break
        self._items.clear()
        if unheld:
            raise unheld[0]

    def _settle(
        self, items: list[_Item], results: list[Any], handles: set[int]
    ) -> list[BaseException]:
        """Hand out what the board answered -> errors that nobody can ask for."""
        unheld: list[BaseException] = []
        for index, (item, value) in enumerate(zip(items, results, strict=False)):
            try:
                if index in handles:
                    value = self._fetch(value)
                if item.then is not None:
                    value = item.then(value)
            except Exception as error:
                if not item.settle(FAILED, error=error.with_traceback(None)):
                    unheld.append(error)
            else:
                item.settle(DONE, value)
        return unheld

    def _fetch(self, handle: int) -> Any:
        """A result that cannot travel, asked for by itself: the error then says what and where."""
        from belay.proxies import ProxyObject  # which imports this module

        session, kept = self._device._session, ProxyObject(self._device, handle, delete=False)
        try:
            return session.perform(Operation(b"p", (RESOLVE, kept), "proxies"))
        finally:
            session.release(handle)

    def _failed(self, index: int, error: errors.PyboardException) -> list[BaseException]:
        """One call raised on the board, and those behind it did not run."""
        failed = self._items[index]
        self._device._explain(error, failed.here)
        error.args = (f"item {index + 1} of a batch, {failed}:\n{error.args[0]}",)
        if failed.operation.extension == "proxies" or self._device._builtin_errors:
            error = errors.as_builtin(error)
        why = ": ".join([error.type, *map(str, error.value_args[:1])])
        for number, item in enumerate(self._items[index + 1 :], index + 2):
            item.settle(
                NOT_RUN,
                error=errors.BatchError(
                    f"item {number}, {item}, did not run: item {index + 1}, {failed}, failed "
                    f"before it ({why})"
                ),
            )
        return [] if failed.settle(FAILED, error=error) else [error]

    def _lost(self, start: int, error: BaseException) -> None:
        """The batch ended in something that is no exception of one of its calls."""
        for item in self._items[start:]:
            unknown = errors.BatchError(
                f"nobody knows whether {item} ran: the batch ended in {type(error).__name__}"
            )
            unknown.__cause__ = error
            item.settle(NOT_RUN, error=unknown)


def _many(operations: Iterable[Operation]) -> Operation:
    """One operation that does many; see ``many`` in belay/onboard/proxies.py."""
    listed = []
    for operation in operations:
        if operation.extension not in ("", "proxies"):
            operation = requests.using(operation)
        listed.append((operation.code[0], operation.args))
    return Operation(b"p", (MANY, listed), "proxies", "a batch")


def _copy(value: Any) -> Any:
    """An argument as it is now, whatever the program does to it later."""
    kind = type(value)
    if kind is list or kind is tuple or kind is set or kind is frozenset:
        return kind(_copy(item) for item in value)
    if kind is dict:
        return {_copy(key): _copy(item) for key, item in value.items()}
    if kind is bytearray or kind is array:
        return value[:]
    if kind is memoryview:
        return memoryview(value.tobytes()).cast("B").cast(value.format)
    replacement = adapt(value)
    return value if replacement is NotImplemented else _copy(replacement)
