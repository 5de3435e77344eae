# SPDX-License-Identifier: Apache-2.0
"""The one way in which the text of a cell runs on a board."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from belay.errors import UnsupportedValueError
from belay_jupyter import sources
from belay_jupyter.output import say

if TYPE_CHECKING:
    from belay.output import TextSink
    from belay.session.requests import Operation
    from belay_jupyter.boards import Board
    from belay_jupyter.cells import CellSource

__all__ = ["CellResult", "CellWish", "run_cell", "run_on_board"]


_GIVEN = re.compile(r"args(?:\[\d+\])*\['(?P<name>\w+)'\]")


@dataclass(frozen=True)
class CellWish:
    """What is wanted of a cell beside its prints.

    Attributes:
        result: the value of the last expression.
        proxy: leave it on the board, even if it could travel.
        inputs: values for globals of the board, set before it runs.
        outputs: names of globals whose values are wanted when it has run.
        timeout: seconds after which it is interrupted; None lets it run.
        measured: what it cost is wanted too.
    """

    result: bool = True
    proxy: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    timeout: float | None = None
    measured: bool = False


@dataclass(frozen=True)
class CellResult:
    """What a cell gave.

    Attributes:
        value: of its last expression, or None.
        outputs: the values of the names that were asked for.
        cost: microseconds on the board's clock, and the bytes of heap that were free before, when
            it ended, and once what it left behind had been collected. None if not asked for.
    """

    value: Any = None
    outputs: dict[str, Any] = field(default_factory=dict)
    cost: tuple[int, int, int, int] | None = None


def run_on_board(
    board: Board,
    source: CellSource,
    *,
    result: bool = True,
    timeout: float | None = None,
    stream_out: TextSink | None = None,
    proxy: bool = False,
) -> Any:
    """Run a cell on a board; :func:`run_cell` for more.

    Args:
        board: where.
        source: what, and where it stands in the notebook.
        result: whether the value of the last expression is wanted.
        timeout: seconds after which it is interrupted; None lets it run.
        stream_out: takes what it prints, as it arrives; None is ``sys.stdout`` as it is then.
        proxy: leave the value on the board, even if it could travel.

    Returns:
        The value of the last expression, or a proxy for it if it cannot travel, or None.

    Raises:
        Exception: what :meth:`belay.Device.run_cell` raises, with the looks of a notebook.
    """
    wish = CellWish(result=result, proxy=proxy, timeout=timeout)
    return run_cell(board, source, wish, stream_out=stream_out).value


def run_cell(
    board: Board,
    source: CellSource,
    wish: CellWish,
    *,
    stream_out: TextSink | None = None,
    foreground: bool = True,
) -> CellResult:
    """Run a cell on a board, in one round trip.

    Args:
        board: where.
        source: what, and where it stands in the notebook.
        wish: what is wanted of it.
        stream_out: takes what it prints, as it arrives; None is ``sys.stdout`` as it is then.
        foreground: the user waits for it, so that stopping the notebook stops it.

    Raises:
        Exception: what :meth:`belay.Device.run_cell` raises, with the looks of a notebook.
    """
    board.calls += foreground
    sources.remember(board.device, source)
    try:
        return _run(board, source, wish, stream_out)
    except BaseException as error:
        board.boards.prepare(board, error)
        raise
    finally:
        board.calls -= foreground


def _run(
    board: Board, source: CellSource, wish: CellWish, stream_out: TextSink | None
) -> CellResult:
    from belay.output import STDOUT
    from belay.source.cells import leaves_code, with_result
    from belay.source.linemap import HERE, Origin

    device = board.device
    sink = STDOUT if stream_out is None else stream_out
    if not device._session.agent:
        return _run_plainly(board, source, wish, sink)
    here = Origin(source.filename, source.first_line, source.label, source.text)
    # A tag stays in the board's memory for good: only code that can run later needs its own.
    tag = device._sources.add(here) if leaves_code(source.text) else HERE
    text, has_value = with_result(source.text) if wish.result else (source.text, False)
    wanted = (2 if wish.proxy else 1) if has_value else 0
    args = (tag, text, dict(wish.inputs), wanted, list(wish.outputs))
    session = device._session
    known = set() if session._lost_agent else session._extensions
    operation = _operation(args, known, measured=wish.measured)
    try:
        answer = device._perform(operation, stream_out=sink, timeout=wish.timeout, here=here)
    except UnsupportedValueError as error:
        raise _named(error) from None
    values, staying = answer
    cost = values.pop() if wish.measured else None
    for index, kind in staying:
        values[index] = _proxy(board, values[index], kind)
    return CellResult(values[0], dict(zip(wish.outputs, values[1:], strict=True)), cost)


def _named(error: UnsupportedValueError) -> UnsupportedValueError:
    """The same error, with the option in place of our argument's number."""
    place = _GIVEN.match(error.path)
    if place is None:
        return error
    path = f"-i {place['name']}{error.path[place.end() :]}"
    text = str(error).replace(error.path, path, 1)
    return UnsupportedValueError(text, type_name=error.type_name, path=path)


def _operation(args: tuple[Any, ...], known: set[str], *, measured: bool) -> Operation:
    """The operation, with the programs that it needs on the board where they are not there yet."""
    from belay.session.onboard import load
    from belay.session.requests import USE, Operation

    needed = ["cells", *["measuring"] * measured, *["stdin"] * ("stdin" in args[1])]
    code, values = (b"w", (2, args)) if measured else (b"C", args)
    for name in needed[:-1]:
        if name not in known:
            code, values = USE, (name, load(name), code[0], values)
    return Operation(code, values, needed[-1])


def _proxy(board: Board, handle: int, kind: str) -> Any:
    from belay.proxies import Kind, ProxyObject

    proxy = ProxyObject(board.device, handle)
    proxy._belay_kind = Kind(kind, [])
    return proxy


def _run_plainly(board: Board, source: CellSource, wish: CellWish, sink: TextSink) -> CellResult:
    """On a board that has no room for the agent: values only, and several messages."""
    from belay.session.requests import EXECUTE, Operation
    from belay.source.linemap import HERE

    device = board.device
    if wish.inputs:
        device._perform(Operation(EXECUTE, (HERE, "", dict(wish.inputs))))
    try:
        value = device.run_cell(
            source.text,
            filename=source.filename,
            first_line=source.first_line,
            label=source.label,
            result=wish.result,
            stream_out=sink,
            timeout=wish.timeout,
        )
    except UnsupportedValueError as error:
        say(f"The cell ran; its last value stays on the board: {error}")
        value = None
    return CellResult(value, {name: device(name) for name in wish.outputs})
