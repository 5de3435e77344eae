# SPDX-License-Identifier: Apache-2.0
"""The one way in which the text of a cell runs on a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from belay.errors import UnsupportedValueError

if TYPE_CHECKING:
    from belay.output import TextSink
    from belay.session.requests import Operation
    from belay_jupyter.boards import Board
    from belay_jupyter.cells import CellSource

__all__ = ["CellResult", "CellWish", "run_cell", "run_on_board"]


@dataclass(frozen=True)
class CellWish:
    """What is wanted of a cell beside its prints.

    Attributes:
        result: the value of the last expression.
        proxy: leave it on the board, even if it could travel.
        inputs: values for globals of the board, set before it runs.
        outputs: names of globals whose values are wanted when it has run.
        timeout: seconds after which it is interrupted; None lets it run.
    """

    result: bool = True
    proxy: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    timeout: float | None = None


@dataclass(frozen=True)
class CellResult:
    """What a cell gave.

    Attributes:
        value: of its last expression, or None.
        outputs: the values of the names that were asked for.
    """

    value: Any = None
    outputs: dict[str, Any] = field(default_factory=dict)


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
    board: Board, source: CellSource, wish: CellWish, *, stream_out: TextSink | None = None
) -> CellResult:
    """Run a cell on a board, in one round trip.

    Args:
        board: where.
        source: what, and where it stands in the notebook.
        wish: what is wanted of it.
        stream_out: takes what it prints, as it arrives; None is ``sys.stdout`` as it is then.

    Raises:
        Exception: what :meth:`belay.Device.run_cell` raises, with the looks of a notebook.
    """
    board.calls += 1
    try:
        return _run(board, source, wish, stream_out)
    except BaseException as error:
        board.boards.prepare(board, error)
        raise
    finally:
        board.calls -= 1


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
    operation = _of_cell(args, known=device._session._extensions)
    answer = device._perform(operation, stream_out=sink, timeout=wish.timeout, here=here)
    values, staying = answer
    for index, kind in staying:
        values[index] = _proxy(board, values[index], kind)
    return CellResult(values[0], dict(zip(wish.outputs, values[1:], strict=True)))


def _of_cell(args: tuple[Any, ...], known: set[str]) -> Operation:
    """The operation; a cell that reads ``sys.stdin`` brings the stand-in for it along."""
    from belay.session.requests import Operation, using

    operation = Operation(b"C", args, "cells")
    if "stdin" in args[1] and "stdin" not in known:
        return using(operation)._replace(extension="stdin")
    return operation


def _proxy(board: Board, handle: int, kind: str) -> Any:
    from belay.proxies import Kind, ProxyObject

    proxy = ProxyObject(board.device, handle)
    proxy._belay_kind = Kind(kind, [])
    return proxy


def _run_plainly(board: Board, source: CellSource, wish: CellWish, sink: TextSink) -> CellResult:
    """On a board that has no room for the agent: values only, and several messages."""
    device = board.device
    for name, value in wish.inputs.items():
        if not isinstance(value, (type(None), bool, int, float, str, bytes, list, tuple, dict)):
            raise UnsupportedValueError(f"-i {name}: this board takes plain values only")
        device(f"{name}={value!r}", record=False)
    value = device.run_cell(
        source.text,
        filename=source.filename,
        first_line=source.first_line,
        label=source.label,
        result=wish.result,
        stream_out=sink,
        timeout=wish.timeout,
    )
    return CellResult(value, {name: device(name) for name in wish.outputs})
