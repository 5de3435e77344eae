# SPDX-License-Identifier: Apache-2.0
"""``device.setup``, ``.task``, ``.thread`` and ``.teardown``: every option, in both forms."""

# ruff: noqa: B018, F821, F841, N807
# Functions of the board use its names, and take no self.

from __future__ import annotations

import datetime
import functools
import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import belay
from belay import Device
from belay.transports import open_transport
from tests.links import CountingLink
from tests.session.boards import fresh_name, pretend

Connect = Callable[..., Device]


def doubled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of the user's own."""

    @functools.wraps(function)
    def wrapper(*args: Any, **keywords: Any) -> Any:
        return [function(*args, **keywords)] * 2

    return wrapper


# ---- setup


def test_a_setup_runs_its_body_in_global_scope(device: Device) -> None:
    @device.setup
    def prepare(pin, level=3, *, label="x"):
        """Not part of the body."""
        import sys as system

        platform = system.platform
        made = [pin, level, label]
        if level > 3:
            high = True

    assert prepare(25) is None
    assert device("made, pin, level, label") == ([25, 3, "x"], 25, 3, "x")
    assert device("platform, system.platform") == ("webassembly", "webassembly")
    prepare(1, 4, label="y")
    assert device("made, high") == ([1, 4, "y"], True)


def test_arguments_of_a_setup_are_bound_on_the_host(device: Device) -> None:
    @device.setup
    def bound(first, *others, key=None, **more):
        kept = first, others, key, more

    bound(1, 2, 3, key=b"\x03", extra=float("inf"))
    assert device("kept") == (1, (2, 3), b"\x03", {"extra": float("inf")})
    with pytest.raises(TypeError, match=r"bound\(\).*first"):
        bound()
    with pytest.raises(belay.UnsupportedValueError, match="first"):
        bound(object())


def test_defaults_of_a_setup_are_the_hosts_values(device: Device) -> None:
    default = {"at": [1, 2]}

    @device.setup
    def configure(options=default):
        seen = options

    configure()
    assert device("seen") == {"at": [1, 2]}


def test_decorators_around_a_setup(device: Device) -> None:
    @doubled
    @device.setup(minify=False)
    @doubled
    def decorated_setup(x):
        value = x

    assert decorated_setup(5) == [None, None]
    assert device("value") == 5


def test_tracebacks_of_a_body_lead_to_the_host(device: Device) -> None:
    @device.setup
    def failing(a, b):
        """Docstring.

        Of several lines.
        """
        # and a comment

        quotient = a / b

    @device.teardown(register=False)
    def failing_too():
        failing_name

    for call, source in (
        (lambda: failing(1, 0), "quotient = a / b"),
        (failing_too, "failing_name"),
    ):
        with pytest.raises(belay.PyboardException) as caught:
            call()
        (frame,) = caught.value.frames
        lines = Path(__file__).read_text(encoding="utf-8").splitlines()
        assert (frame.filename, frame.name, frame.source) == (__file__, "<module>", source)
        assert lines[frame.line - 1].strip() == source


@pytest.mark.parametrize("kind", ["setup", "teardown"])
def test_generators_are_no_bodies(device: Device, kind: str) -> None:
    def generator():
        yield 1

    async def coroutine():
        pass

    for function in (generator, coroutine):
        with pytest.raises(ValueError, match="global scope"):
            getattr(device, kind)(function)


# ---- options: both forms do the same


def noisy(x=1):
    """A docstring is not sent."""
    if x:
        # nor a comment
        raise ValueError("from the board")


def test_what_is_sent(connect: Connect) -> None:
    link = CountingLink(open_transport("virtual:"), keep=True)
    device = connect(link)
    for executer in (device.task, device.setup, device.teardown):
        sizes = []
        for options in ({}, {}, {"minify": True}, {"minify": False}):
            link.reset()
            function = executer(register=False, **options)(noisy)
            with pytest.raises(belay.PyboardException):
                function()
            sizes.append(link.up)
        _, default, smaller, whole = sizes  # the first time, a task gets a number
        # Tags are drawn by chance, and may deflate well or not.
        assert abs(default - smaller) < 10 < whole - smaller - 10, executer.kind


def test_registered_functions_are_attributes(connect: Connect) -> None:
    device = connect()

    def hidden():
        pass

    def shown():
        pass

    for kind in ("setup", "task", "teardown"):
        executer = getattr(device, kind)
        executer(register=False)(hidden)
        with pytest.raises(AttributeError, match=f"no {kind} is called 'shown'.*none yet"):
            executer.shown
        function = executer(shown)
        assert getattr(device, kind).shown is function
        assert "shown" in dir(executer)
        assert "hidden" not in dir(executer)
        with pytest.raises(AttributeError, match=f"no {kind} is called 'hidden'.*are: shown"):
            executer.hidden
        again = executer(shown)
        assert executer.shown is again


@pytest.mark.parametrize("kind", ["setup", "teardown"])
def test_ignored_errors(device: Device, kind: str) -> None:
    executer = getattr(device, kind)

    def failing():
        before = 1
        raise ValueError("ignored")

    executer(ignore_errors=True, register=False)(failing)()
    assert device("before") == 1
    with pytest.raises(belay.PyboardException, match="ignored"):
        executer(ignore_errors=False, register=False)(failing)()

    @executer(ignore_errors=True, register=False, timeout=0.05)
    def endless():
        while True:
            pass

    with pytest.raises(belay.CallTimeoutError):  # only what the body raises is ignored
        endless()


def test_unknown_options(device: Device) -> None:
    for kind, wrong in (
        ("task", "ignore_errors"),
        ("task", "implementation"),
        ("setup", "autoinit"),
        ("setup", "trusted"),
        ("thread", "timeout"),
        ("teardown", "autoinit"),
    ):
        with pytest.raises(TypeError, match=f"{kind} has no option '{wrong}'.*minify, register"):
            getattr(device, kind)(**{wrong: True})
    for kind in ("task", "thread", "teardown"):
        with pytest.raises(TypeError, match="autoinit"):
            getattr(Device, kind)(autoinit=True)


def test_times_of_results(device: Device) -> None:
    @device.task(return_time=True)
    def measured():
        return "value"

    device.sync_time()
    before = datetime.datetime.now().astimezone()
    value, when = measured()
    after = datetime.datetime.now().astimezone()
    margin = datetime.timedelta(milliseconds=50)
    assert value == "value"
    assert before - margin <= when.astimezone() <= after + margin


def test_timeouts_of_tasks(device: Device) -> None:
    @device.task(timeout=0.05)
    def endless():
        while True:
            pass

    with pytest.raises(belay.CallTimeoutError):
        endless()
    assert device("1 + 1") == 2


def test_trusted_results(device: Device) -> None:
    @device.task(trusted=True)
    def strange(x):
        class Strange:
            def __repr__(self):
                return "slice(1, 2)"

        return Strange() if x else [x]

    assert strange(1) == slice(1, 2)
    assert strange(0) == [0]


def test_numpy_results(device: Device) -> None:
    numpy = pytest.importorskip("numpy")

    @device.task(numpy=True)
    def samples(n):
        from array import array

        return {"a": array("h", range(n))}, n

    @device.task(numpy=True)
    def blocks():
        from array import array

        yield array("f", [1.5])

    assert [type(item) for item in blocks()] == [numpy.ndarray]
    found, n = samples(3)
    assert isinstance(found["a"], numpy.ndarray)
    assert found["a"].tolist() == [0, 1, 2]
    assert n == 3


def test_what_is_done_again_on_a_board_that_was_connected_again(connect: Connect) -> None:
    device = connect()  # connecting again gives another board

    @device.setup
    def begin(log=()):
        calls = list(log)

    @device.setup(ignore_errors=True)
    def half():
        calls.append("half")
        raise ValueError("again")

    @device.setup(record=False)
    def once():
        calls.append("once")

    @device.task
    def call(x):
        calls.append(x)
        return x

    @device.task(record=True)
    def recorded(x, *, times=1):
        calls.append(x * times)
        return calls

    begin()
    half()
    once()
    call("not recorded")
    recorded("a")
    assert recorded("b", times=2) == ["half", "once", "not recorded", "a", "bb"]
    begin(["begun"])
    call("lost")
    for _ in range(3):
        recorded("c")
    device.reconnect()
    assert call("d") == "d"
    assert device("calls") == ["begun", "c", "c", "c", "d"]


def test_in_a_batch(device: Device) -> None:
    @device.setup
    def assign(x):
        y = x + 1

    @device.task(return_time=True)
    def read():
        return y

    with device.batch():
        assign(1)
        first = read()
        assign(2)
        second = read()
    assert (first.result()[0], second.result()[0]) == (2, 3)


def test_an_async_task_runs_to_its_end(device: Device) -> None:
    @device.task
    async def later(n, *, step=1):
        import asyncio

        for _ in range(3):
            await asyncio.sleep_ms(1)
            n += step
        return n

    assert later(4) == 7
    assert later(4, step=2) == 10


def test_a_generator_task(device: Device) -> None:
    @device.task
    def count(n, start=0):
        for i in range(n):
            yield start + i

    assert list(count(3)) == [0, 1, 2]
    assert list(count(2, start=5)) == [5, 6]
    assert list(device.task.count(1)) == [0]
    for options in ({"record": True}, {"trusted": True}):
        with pytest.raises(NotImplementedError):

            @device.task(**options)
            def counted():
                yield 1


def test_what_is_no_function(device: Device) -> None:
    for wrong, message in (
        (len, "no source"),
        (functools.partial(noisy, 1), "partial"),
        (5, "5"),
        (lambda: 1, "lambda"),
    ):
        for kind in ("setup", "task", "teardown"):
            with pytest.raises((belay.SourceError, TypeError), match=message):
                getattr(device, kind)(wrong)

    for wrong in (len, 5, None.__class__.__call__):
        with pytest.raises(TypeError, match="not a Python function"):
            Device.task(wrong)

    async def both():
        yield 1

    with pytest.raises(belay.SourceError, match="asynchronous generator"):
        device.task(both)


def test_names_that_belay_keeps(device: Device) -> None:
    def _belay_x(): ...
    def __belay_x(): ...
    def __call__(): ...
    def __mine(): ...

    for function in (_belay_x, __belay_x, __call__):
        for kind in ("setup", "task", "teardown"):
            with pytest.raises(belay.SpecialFunctionNameError, match="rename"):
                getattr(device, kind)(function)
            with pytest.raises(belay.SpecialFunctionNameError, match="rename"):
                getattr(Device, kind)(function)
    device.task(__mine)()


def test_names_of_the_host_are_told_once(device: Device) -> None:
    with pytest.warns(belay.errors.SourceWarning, match="functools") as caught:

        @device.task
        def uses():
            return functools.partial

    assert len(caught) == 1
    assert caught[0].filename == __file__
    with pytest.raises(belay.PyboardException, match="NameError"):
        uses()


def test_what_micropython_cannot_compile_is_told_before_it_is_sent(connect: Connect) -> None:
    link = CountingLink(open_transport("virtual:"))
    device = connect(link)
    link.reset()

    def matching(x):
        match x:
            case 1:
                pass

    for executer in (device.task, device.setup):
        with pytest.raises(belay.SourceError, match="match") as caught:
            executer(matching)
        assert f"{__file__}:{matching.__code__.co_firstlineno + 1}: " in str(caught.value)
    assert link.round_trips == 0


# ---- two boards, small boards


def test_two_boards_have_functions_of_their_own(device: Device, connect: Connect) -> None:
    one, other = device, connect()

    @one.task
    def which():
        return name

    @one.setup
    def call_it(name):
        pass

    call_it("one")
    assert which() == "one"
    assert one.task.which is which
    with pytest.raises(AttributeError):
        other.task.which
    with pytest.raises(belay.SourceError, match="which"):  # the other board does not have it

        @other.task
        def use():
            return which()


def test_on_a_board_without_room_for_the_agent(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, free=9 * 1024)
    device = connect()

    @device.setup
    def plain(x, y=2):
        total = x + y

    plain(1)
    assert device("total") == 3


# ---- round trips


def test_round_trips(connect: Connect) -> None:
    link = CountingLink(open_transport(fresh_name()))
    device = connect(link)

    def body(x=1):
        y = x

    counts = {}
    link.reset()
    task = device.task(body)
    counts["task defined"] = link.round_trips
    link.reset()
    task()
    counts["task called"] = link.round_trips
    link.reset()
    setup = device.setup(body)
    counts["setup defined"] = link.round_trips
    link.reset()
    setup()
    counts["setup called"] = link.round_trips
    assert counts == {"task defined": 1, "task called": 1, "setup defined": 0, "setup called": 1}


@pytest.mark.parametrize("name", ["make", "kind", "options", "publish", "read_options"])
def test_a_task_of_any_name_is_an_attribute(device: belay.Device, name: str) -> None:
    namespace: dict[str, Any] = {}
    source = f"def {name}():\n    return {name!r}\n"
    filename = f"<named {name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    exec(compile(source, filename, "exec"), namespace)
    device.task(namespace[name])
    assert getattr(device.task, name)() == name
