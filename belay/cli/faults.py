# SPDX-License-Identifier: Apache-2.0
"""``belay virtual fault``: what can happen to a virtual board that runs."""

from __future__ import annotations

import math
from typing import Any, Literal

from belay.cli.usage import UsageError
from belay.errors import BelayException

__all__ = ["virtual_fault"]

Fault = Literal["reset", "unplug", "replug", "brownout", "hang", "link", "drop", "flash"]

_OPTIONS: dict[str, tuple[str, ...]] = {
    "unplug": ("powered",),
    "link": ("baud", "delay", "loss"),
    "drop": ("up", "down"),
    "flash": ("full", "worn", "slow"),
    "brownout": ("seconds",),
    "hang": ("seconds",),
}
"""The options of each fault; those without a row have none."""


def virtual_fault(
    address: str,
    fault: Fault | None = None,
    seconds: float | None = None,
    *,
    powered: bool | None = None,
    baud: float | None = None,
    delay: float | None = None,
    loss: float | None = None,
    up: int | None = None,
    down: int | None = None,
    full: bool | None = None,
    worn: float | None = None,
    slow: float | None = None,
) -> None:
    """Let a running virtual board have a fault: reset, unplug, hang, bad flash.

    Without a fault it tells how the board's cable and its flash are.

    Args:
        address: what belay virtual has printed, such as /tmp/board or socket://127.0.0.1:4000.
        fault: reset (its button), unplug and replug (cable and power), brownout (no power for a
            moment), hang (it does nothing), link (a slow or bad line), drop (the next bytes are
            lost), flash (full, worn or slow).
        seconds: how long a brownout (0.5) or hang (for ever) takes; hang 0 ends it.
        powered: unplug: the board has power from elsewhere and runs on.
        baud: link: line rate in bit/s; 0 for no limit.
        delay: link: seconds that every byte travels, each way.
        loss: link: the chance of every byte that it is lost, 0 to 1.
        up: drop: how many bytes to the board.
        down: drop: how many bytes from the board.
        full: flash: nothing more fits.
        worn: flash: the chance of every byte written that one of its bits turns over, 0 to 1.
        slow: flash: seconds that a block of 4096 bytes takes to write.

    Examples:
        belay virtual fault /tmp/board unplug
        belay virtual fault /tmp/board hang 5
        belay virtual fault /tmp/board link --baud 9600 --loss 0.001
        belay virtual fault /tmp/board flash --full
    """
    from belay.virtual import Board, BoardGoneError, CommandFailedError

    given: dict[str, Any] = {
        name: value
        for name, value in {
            "seconds": seconds,
            "powered": powered,
            "baud": baud,
            "delay": delay,
            "loss": loss,
            "up": up,
            "down": down,
            "full": full,
            "worn": worn,
            "slow": slow,
        }.items()
        if value is not None
    }
    _check(fault, given)
    try:
        board = Board(address)
        try:
            _do(board, fault, given)
        finally:
            board.close()
    except BoardGoneError as error:
        raise BelayException(str(error)) from error
    except CommandFailedError as error:
        raise UsageError(str(error)) from error


def _check(fault: str | None, given: dict[str, Any]) -> None:
    allowed = _OPTIONS.get(fault or "", ())
    for name in given:
        if name not in allowed:
            shown = name if name == "seconds" else f"--{name}"
            raise UsageError(f"{fault or 'without a fault'}: {shown} means nothing here")
    if fault == "drop" and not given:
        raise UsageError("drop: give --up N or --down N")


def _do(board: Any, fault: str | None, given: dict[str, Any]) -> None:
    if fault is None:
        _tell(board)
    elif fault == "link":
        if given.get("baud") == 0:
            given["baud"] = None
        _show(board.link(**given))
    elif fault == "flash":
        _show(board.flash(**given))
    elif fault == "brownout":
        board.brown_out(**given)
    elif fault == "hang":
        board.hang(given.get("seconds", math.inf))
    else:
        getattr(board, fault)(**given)


def _tell(board: Any) -> None:
    print(f"plugged: {'yes' if board.plugged else 'no'}")
    _show(board.link())
    _show(board.flash())


def _show(facts: dict[str, Any]) -> None:
    for name, value in facts.items():
        if value is None:
            value = "no limit"
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        print(f"{name.replace('_', ' ')}: {value}")
