# SPDX-License-Identifier: Apache-2.0
"""A generator of the board is a generator of Python."""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import belay
from belay.transports import open_transport
from tests.device import yielding
from tests.device.decorated import same
from tests.links import CountingLink

Task = Callable[..., Any]
PREFETCHES = (1, 2, 7, 256)


@pytest.fixture(scope="module")
def tasks(device: belay.Device) -> dict[str, Task]:
    """All the generator functions of :mod:`tests.device.yielding`, in step with the board."""
    return {each.__name__: device.task(each) for each in yielding.SCRIPTED}


def outcomes(generator: Iterator[Any]) -> list[Any]:
    """All that comes of it: items, then how it ended."""
    seen: list[Any] = []
    while True:
        try:
            seen.append(next(generator))
        except StopIteration as end:
            return [*seen, ("returned", end.value)]
        except belay.PyboardException as error:
            return [*seen, ("raised", error.type, error.value_args)]
        except Exception as error:
            return [*seen, ("raised", type(error).__name__, error.args)]


# ------------------------------------------------------------------------------ as Python does

ACTIONS = st.one_of(
    st.just(("next",)),
    st.tuples(st.just("send"), st.one_of(st.none(), st.integers(-5, 5))),
    st.tuples(
        st.just("throw"),
        st.sampled_from([ValueError, KeyError, RuntimeError, GeneratorExit, yielding.Refusal]),
    ),
    st.just(("close",)),
)


def play(generator: Generator[Any, Any, Any], script: list[tuple[Any, ...]]) -> list[Any]:
    """What becomes of a generator that goes through a script, its prints included."""
    log: list[Any] = []
    for what, *given_ in script:
        printed = io.StringIO()
        thrown = given_[0]("x") if what == "throw" else None
        try:
            with contextlib.redirect_stdout(printed):
                if what == "next":
                    result = ("item", next(generator))
                elif what == "send":
                    result = ("item", generator.send(*given_))
                elif what == "throw":
                    result = ("item", generator.throw(thrown))
                else:
                    generator.close()
                    result = ("closed",)
        except StopIteration as end:
            result = ("returned", end.value)
        except belay.PyboardException as error:
            result = ("raised", error.type)
        except BaseException as error:
            result = ("raised", type(error).__name__, error is thrown or "its own")
            if isinstance(error, (KeyError, OSError, RuntimeError)) and error is not thrown:
                result = result[:2]  # the generator's own: on the board a PyboardException
        log.append((what, *result, printed.getvalue()))
    with contextlib.redirect_stdout(None), contextlib.suppress(Exception):
        for _ in range(5):  # Python complains of one that does not let itself be closed
            next(generator)
    # What is left of it must not be closed in the middle of a later script, with its prints.
    with contextlib.redirect_stdout(None), contextlib.suppress(Exception):
        generator.close()
    return log


@settings(max_examples=100, deadline=None)
@given(
    function=st.sampled_from(yielding.SCRIPTED),
    n=st.integers(0, 3),
    script=st.lists(ACTIONS, max_size=8),
)
def test_any_sequence_of_steps_ends_as_it_does_here(
    tasks: dict[str, Task], function: Task, n: int, script: list[tuple[Any, ...]]
) -> None:
    assert play(tasks[function.__name__](n), script) == play(function(n), script)


@pytest.mark.parametrize("prefetch", PREFETCHES)
def test_exceptions_and_ends_at_every_position(device: belay.Device, prefetch: int) -> None:
    failing = device.task(prefetch=prefetch)(yielding.failing)
    count = device.task(prefetch=prefetch)(yielding.count)
    for before in range(9):
        assert outcomes(failing(before)) == outcomes(yielding.failing(before))
        assert outcomes(count(before)) == outcomes(yielding.count(before))
        generator = count(before)
        for _ in range(before + 1):
            next(generator, None)
        assert outcomes(generator) == [("returned", None)]


def test_an_exception_shows_where_it_was_raised(device: belay.Device) -> None:
    for prefetch in (1, 7):
        generator = device.task(prefetch=prefetch)(yielding.failing)(3)
        with pytest.raises(belay.PyboardException) as caught:
            list(generator)
        frame = caught.value.frames[-1]
        assert (frame.filename, frame.name) == (yielding.__file__, "failing")
        assert frame.source.startswith("raise OSError(5")
        assert len(caught.value.frames) == 1


def test_what_comes_back_is_what_was_thrown(tasks: dict[str, Task]) -> None:
    generator = tasks["count"](3)
    next(generator)
    mine = yielding.Refusal("no", object)
    with pytest.raises(yielding.Refusal) as caught:
        generator.throw(mine)
    assert caught.value is mine
    cause = caught.value.__cause__
    assert isinstance(cause, belay.PyboardException)
    assert cause.type == "ValueError"  # the nearest that the board has
    assert cause.frames[-1].source == "yield i"


def test_the_other_ways_to_say_throw(tasks: dict[str, Task]) -> None:
    generator = tasks["echo"](1)
    next(generator)
    assert generator.throw(ValueError("a", 2)) == ("caught", ["a", 2])
    assert generator.throw(ValueError) == ("caught", [])
    with pytest.raises(TypeError, match="deriving from BaseException"):
        generator.throw("ValueError")
    with pytest.raises(TypeError, match="separate value"):
        generator.throw(ValueError("a"), 1)
    board = tasks["failing"](0)
    with pytest.raises(belay.PyboardException) as caught:
        next(board)
    with pytest.raises(belay.PyboardException) as again:
        generator.throw(caught.value)  # from one generator of the board into the other
    assert again.value is caught.value


def test_a_generator_of_the_host_delegates_to_it(tasks: dict[str, Task]) -> None:
    def here() -> Iterator[Any]:
        result = yield from tasks["echo"]("a")
        yield result

    generator = here()
    assert next(generator) == "a"
    assert generator.send(5) == 5  # type: ignore[attr-defined]
    assert generator.throw(ValueError(1)) == ("caught", [1])  # type: ignore[attr-defined]
    assert generator.send("stop") == "stopped"  # type: ignore[attr-defined]
    assert list(generator) == []


def test_its_name_and_arguments(device: belay.Device, tasks: dict[str, Task]) -> None:
    task = tasks["count"]
    assert (task.__name__, str(inspect.signature(task))) == ("count", "(n)")
    assert list(task(n=2)) == [0, 1]
    with pytest.raises(belay.PyboardException, match="TypeError"):
        task()
    with pytest.raises(belay.UnsupportedValueError) as caught:
        task([1, object()])
    assert caught.value.path == "args[0][1]"
    assert repr(task(2)).startswith("<BoardGenerator count() on virtual:")
    for prefetch in (0, -1, 1.5, True, "7"):
        with pytest.raises(ValueError, match="prefetch"):
            device.task(prefetch=prefetch)(yielding.count)


@pytest.mark.parametrize("prefetch", [2, 256])
def test_a_board_that_is_ahead_takes_nothing(device: belay.Device, prefetch: int) -> None:
    generator = device.task(prefetch=prefetch)(yielding.count)(5)
    assert next(generator) == 0
    for ask in (lambda: generator.send(1), lambda: generator.throw(ValueError)):
        with pytest.raises(ValueError, match=f"prefetch={prefetch}.*use prefetch=1"):
            ask()
    assert generator.send(None) == 1
    assert list(generator) == [2, 3, 4]


# ------------------------------------------------------------------------------ its cost


def test_round_trips() -> None:
    link = CountingLink(open_transport("virtual:"))
    with belay.Device(link) as device:
        count = device.task(prefetch=256)(yielding.count)
        in_step = device.task(yielding.echo)
        call = device.task(same)
        link.reset()
        assert list(count(10)) == list(range(10))
        assert link.round_trips <= 2  # the extension's upload is one of them
        link.reset()
        assert list(count(1000)) == list(range(1000))
        assert link.round_trips <= 40
        link.reset()
        for i in range(100):
            assert call(i) == i
        up, down = link.up, link.down
        generator = in_step(0)
        assert next(generator) == 0
        link.reset()
        for i in range(100):
            assert generator.send(i or None) == (i or None)
        assert link.round_trips == 100
        # An item costs what a call costs, and the answer's shape.
        assert link.up <= up + 100 * 2
        assert link.down <= down + 100 * 2


def test_its_body_runs_when_it_is_iterated_over(device: belay.Device) -> None:
    @device.task(prefetch=7)
    def loud():
        print("begins")
        yield 1

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        generator = loud()
        assert printed.getvalue() == ""
        next(generator)
    assert printed.getvalue() == "begins\n"


def test_slow_items_do_not_wait_for_each_other(device: belay.Device) -> None:
    @device.task(prefetch=256)
    def slow():
        for i in range(3):
            time.sleep_ms(25)  # noqa: F821 - the board's
            print(i)
            yield i

    printed = io.StringIO()
    generator = slow()
    for i in range(3):
        with contextlib.redirect_stdout(printed):
            assert next(generator) == i
        assert printed.getvalue() == "".join(f"{k}\n" for k in range(i + 1))


def test_other_calls_between_the_slices(device: belay.Device) -> None:
    count = device.task(prefetch=3)(yielding.count)
    first, second = count(8), count(9)
    seen = []
    for a, b in zip(first, second, strict=False):
        seen.append((a, device(f"{a} + {b}"), b))
    assert seen == [(i, 2 * i, i) for i in range(8)]
    assert list(second) == [8]
