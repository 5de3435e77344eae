# SPDX-License-Identifier: Apache-2.0
"""From what became of a request to the value or the exception that the caller gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from belay import errors
from belay.session import requests
from belay.session.conversation import Outcome
from belay.wire.decoding import decode
from belay.wire.exchange import Answer
from belay.wire.values import CannotTravel, Limits, Malformed

__all__ = ["exception_in", "failure", "interruption", "told_exception", "value_in"]

_CLOSED_MEANWHILE = "this Device was closed while the call was running"


def failure(outcome: Outcome, *, closed: bool) -> BaseException:
    """What to raise where no answer came.

    Args:
        outcome: what happened.
        closed: the session was being closed.
    """
    if outcome.failure == "agent gone":
        return errors.BoardResetError(
            "the board was reset: its variables and functions are gone. The next call starts "
            "with an empty board; define your functions again.",
            ran=outcome.started,
        )
    if outcome.failure == "no memory":
        return errors.FeatureUnavailableError("the board has no memory for belay's agent")
    if outcome.failure == "no room":
        return errors.BoardMemoryError(
            "the board has not enough free memory for this call and its arguments; it did not "
            "run. Try: smaller arguments, or del what the board needs no more."
        )
    if outcome.stopped == "asked" and closed:
        return errors.DeviceClosedError(_CLOSED_MEANWHILE)
    if outcome.stopped == "keyboard":
        return KeyboardInterrupt("the board did not react to Ctrl-C")
    if outcome.error is not None:
        return outcome.error
    if outcome.stopped == "deadline":
        return errors.CallTimeoutError(
            "the call was not over in time, and the board does not react to interrupts; reset it",
            ran=outcome.started or None,
        )
    return errors.ConnectionLost(
        "the board stopped answering: nothing came back to a call and its repetitions. "
        "Try: is it still powered and connected?",
        ran=outcome.started or None,
    )


def interruption(
    outcome: Outcome,
    answer: Answer,
    read: Callable[[list[bytes]], errors.PyboardException],
    *,
    closed: bool,
) -> BaseException | None:
    """What to raise where the board was interrupted and has said what became of the call.

    Args:
        outcome: what happened.
        answer: what the board said.
        read: makes an exception of the answer's payload.
        closed: the session was being closed.

    Returns:
        None where the call was over just then, so that its answer counts.
    """
    if outcome.error is not None:
        return outcome.error
    never_ran = answer.kind == "R" and not answer.payload
    cause = read([answer.payload]) if answer.kind == "E" else None
    error: BaseException
    if outcome.stopped == "deadline":
        if answer.kind in "RM" and not never_ran:
            return None
        if cause is not None and cause.type != "KeyboardInterrupt":
            return cause
        error = errors.CallTimeoutError(
            "the call did not run: the board was not ready in time"
            if never_ran
            else "the call was not over in time and was interrupted on the board",
            ran=not never_ran,
        )
    elif outcome.stopped == "asked" and closed:
        error = errors.DeviceClosedError(_CLOSED_MEANWHILE)
    else:
        error = KeyboardInterrupt()
    error.__cause__ = cause
    return error


def value_in(answer: Answer, segments: list[bytes], limits: Limits) -> Any:
    """The value of a call.

    Raises:
        PyboardException: it is an exception.
        UnsupportedValueError: it cannot travel.
    """
    if answer.kind == "E":
        raise exception_in(segments, limits)
    try:
        return decode(b"".join(segments), limits)
    except CannotTravel as error:
        raise requests.unsupported(error, "result") from None
    except Malformed as error:
        raise errors.PyboardError(f"the board's answer is no value: {error}") from None


def exception_in(segments: list[bytes], limits: Limits) -> errors.PyboardException:
    """The exception that a call ended with."""
    try:
        return told_exception(decode(b"".join(segments), limits, "exception"))
    except (CannotTravel, Malformed, ValueError, TypeError) as error:
        return errors.PyboardException(f"an exception that could not be read: {error}")


def told_exception(told: Any) -> errors.PyboardException:
    """An exception from what the agent's ``fault`` says of it.

    Args:
        told: type name, arguments, traceback, what a batch had done, and the names of its classes.
    """
    name, args, text, done, bases = told
    return errors.board_exception(text, tuple(bases) or (name,), tuple(args), done)
