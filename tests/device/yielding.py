# SPDX-License-Identifier: Apache-2.0
"""Generator functions that tests run both here and on a board."""

# ruff: noqa: UP028 - what is sent to a range is no test of a generator

from __future__ import annotations


class Refusal(ValueError):
    """A class that only the host knows."""


def count(n):
    for i in range(n):
        yield i
    return n


def echo(first):
    """Yields what it is sent, and survives what is thrown in."""
    said = first
    while said != "stop":
        try:
            said = yield said
        except ValueError as error:
            said = ("caught", list(error.args))
    return "stopped"


def guarded(n):
    """Tells on its standard output what it goes through."""
    total = 0
    try:
        for i in range(n):
            try:
                total += (yield i) or 0
            except KeyError:
                print("a key error at", i)
                total -= 1
            finally:
                print("behind", i)
        return total
    except RuntimeError:
        print("recovers")
        yield "recovered"
        return -total
    finally:
        print("finally", total)


def delegating(n):
    first = yield from guarded(n)
    yield ("between", first)
    second = yield from guarded(1)
    return [first, second]


def stubborn(n):
    """Does not let itself be closed at once."""
    while n:
        try:
            yield n
        except GeneratorExit:
            print("not yet")
        n -= 1


def converting(n):
    """Raises another exception than the one that was thrown in."""
    try:
        for i in range(n):
            yield i
    except ValueError as error:
        raise KeyError(error.args[0] if error.args else None)  # noqa: B904 - as a board's program


def swallowing(n):
    try:
        yield n
    except Exception:
        return "swallowed"
    return "done"


def failing(before):
    for i in range(before):
        yield i
    raise OSError(5, "no more after %d" % before)  # noqa: UP031 - as a board's program


SCRIPTED = (count, echo, guarded, delegating, stubborn, converting, swallowing, failing)
