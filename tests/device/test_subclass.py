# SPDX-License-Identifier: Apache-2.0
"""Classes of Devices: what their bodies bring to the board, and in which order."""

# ruff: noqa: B018, F821, F841, N805, UP028
# Functions of the board use its names, and take no self.

from __future__ import annotations

import functools
import gc
import linecache
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import belay
from belay import Device
from belay.calling import Calling
from belay.tasks import TaskExecuter
from belay.timekeeping import Timekeeping
from belay.transports import open_transport
from tests.links import CountingLink
from tests.session.boards import fresh_name, pretend


class Sensor(Device, skip=True):
    """What a class can have."""

    factor = 2

    def __init__(self, *args: Any, **options: Any) -> None:
        self.order: list[Any] = []
        super().__init__(*args, **options)

    def __pre_autoinit__(self) -> None:
        self.order.append(("pre", self.scaled(1), self("'first' in globals()")))

    def __post_init__(self) -> None:
        self.order.append(("post", self("first, second")))

    @property
    def broken(self) -> int:
        raise RuntimeError("a property was evaluated")

    @Device.setup(autoinit=True)
    def prepare():
        first = 1

    @Device.setup()
    def configure(gain, offset=0):
        settings = gain, offset

    @Device.task
    def scaled(x, *, by=10):
        return x * by

    @Device.task(timeout=5)
    @staticmethod
    def again(x):
        return scaled(x) + 1

    @staticmethod
    @Device.task
    def outermost(x):
        return -x

    @Device.task
    def __private(x):
        return ~x

    @Device.setup(autoinit=True)
    def prepare_more():
        second = first + 1

    @Device.task
    def items(n):
        for i in range(n):
            yield i

    @Device.task
    async def later(x):
        return x

    def host(self, x: int) -> int:
        return self.__private(self.scaled(x)) * self.factor

    alias = again


@pytest.fixture(scope="module")
def sensor() -> Iterator[Sensor]:
    with Sensor("virtual:") as device:
        yield device


def test_hooks_run_around_the_setups(sensor: Sensor) -> None:
    assert sensor.order == [("pre", 10, False), ("post", (1, 2))]


def test_functions_of_the_board(sensor: Sensor) -> None:
    assert sensor.scaled(2) == 20
    assert sensor.scaled(2, by=3) == 6
    assert sensor.again(2) == 21
    assert sensor.alias(2) == 21
    assert sensor.outermost(2) == -2
    assert sensor.host(2) == ~20 * 2
    assert list(sensor.items(3)) == [0, 1, 2]
    assert sensor.later(5) == 5
    sensor.configure(3)
    assert sensor("settings, gain") == ((3, 0), 3)
    sensor.setup.configure(gain=4)
    assert sensor("settings") == (4, 0)
    assert sensor.task.scaled(1) == 10
    assert sensor.scaled is sensor.task.scaled
    assert sensor.scaled.__name__ == "scaled"


def test_on_the_class_they_are_functions_of_the_host() -> None:
    assert Sensor.scaled(2) == 20
    metadata = Sensor.scaled.__belay__
    assert (metadata.executer, metadata.implementation, metadata.autoinit) == ("task", "", False)
    assert Sensor.prepare.__belay__.autoinit is True


def test_properties_are_left_alone(sensor: Sensor) -> None:
    with pytest.raises(RuntimeError, match="evaluated"):
        sensor.broken


def test_tracebacks(sensor: Sensor) -> None:
    with pytest.raises(belay.PyboardException) as caught:
        sensor.again(None)
    assert [frame.source for frame in caught.value.frames] == [
        "return scaled(x) + 1",
        "return x * by",
    ]
    assert {frame.filename for frame in caught.value.frames} == {__file__}


class Owner(Device, skip=True):
    """Functions with the names of the decorators."""

    @Device.setup(autoinit=True)
    def setup():
        prepared = 1

    @Device.task
    def task(x):
        return x + prepared

    @Device.teardown
    def teardown():
        print("torn down")

    def thread(self) -> str:
        return "the class's own"


def test_the_classs_own_names_win(capsys: pytest.CaptureFixture[str]) -> None:
    with Owner("virtual:") as device:
        assert device.task(1) == 2
        assert device.thread() == "the class's own"
        device("prepared = 5")
        assert device.task(1) == 6
        device.setup()
        assert device.task(1) == 2
        with pytest.raises(AttributeError):
            device.task.task
    assert capsys.readouterr().out == "torn down\n"


BELAYS = {"close", "proxy", "reconnect", "soft_reset", "sync_time", "terminal", "time_offset"}
"""Names that a Device has in Belay 0.30, too: a program has none of its own of them."""

OURS = sorted(
    name
    for name in {*dir(Device), *vars(Calling), *vars(Timekeeping)}
    if not name.startswith("_") and name not in BELAYS
)


def test_a_program_may_use_names_that_belay_030_did_not_have() -> None:
    names: dict[str, Any] = {"Device": Device, "__name__": "program"}
    lines = ["class Program(Device, skip=True):"]
    for name in OURS:
        lines += [" @Device.task", f" def {name}(): return '{name}'"]
    linecache.cache["<program>"] = (1, None, [f"{line}\n" for line in lines], "<program>")
    exec(compile("\n".join(lines), "<program>", "exec"), names)
    with names["Program"]("virtual:") as device:
        assert [getattr(device, name)() for name in OURS] == OURS
        check_what_a_device_does(device)
    linecache.cache.pop("<program>")


class Timed(Device, skip=True):
    """A function with the name of what a Device's files wait by."""

    @Device.task
    def timeout():
        return 3


def test_files_of_a_class_with_a_timeout_of_its_own() -> None:
    with Timed("virtual:") as device:
        device.files.write("/a", b"1")
        assert (device.files.read("/a"), device.files.listdir()) == (b"1", ["a"])
        assert device.timeout() == 3


def check_what_a_device_does(device: Device) -> None:
    """All that a program for Belay 0.30 may do, and what goes on inside."""
    assert "(micropython)" in repr(device)
    device("def numbers():\n yield 1\nx = [1, 2]")
    _, when = device("1", return_time=True)
    assert when
    proxy = device.proxy("x")
    assert proxy[1] == 2
    assert "virtual:" in repr(proxy)
    assert device.sync_time() == pytest.approx(device.time_offset, abs=0.1)
    with pytest.raises(belay.PyboardException):
        proxy.none
    with pytest.raises(belay.CallTimeoutError):
        device("while True: pass", timeout=0.05)

    def count():
        yield 1

    counted = TaskExecuter(device)(count)()
    assert "virtual:" in repr(counted)
    assert list(counted) == [1]
    device.soft_reset()
    device.reconnect()
    assert device("1 + 1") == 2


# ---- inheritance


class Base(Device, skip=True):
    @Device.task
    def name():
        return "base"

    @Device.task
    def kept():
        return "kept"

    @Device.task
    def hidden():
        return "hidden"

    @Device.setup(autoinit=True)
    def begin():
        print("base begins")

    @Device.setup(autoinit=True)
    def begin_base():
        print("base begins too")

    @Device.teardown
    def end_base():
        print("base ends")


class Derived(Base, skip=True):
    @Device.teardown
    def end():
        print("derived ends")

    @Device.task
    def name():
        return "derived"

    @Device.setup(autoinit=True)
    def begin():
        print("derived begins")

    def hidden(self) -> str:
        return "plain"


def test_derived_classes(capsys: pytest.CaptureFixture[str]) -> None:
    with Derived("virtual:") as device:
        assert (device.name(), device.kept(), device.hidden()) == ("derived", "kept", "plain")
        assert device("'hidden' in globals()") is False
    assert capsys.readouterr().out.splitlines() == [
        "base begins too",
        "derived begins",
        "base ends",
        "derived ends",
    ]


def test_two_boards_of_one_class(sensor: Sensor) -> None:
    one = sensor
    with Sensor("virtual:") as other:
        one.configure(1)
        other.configure(2)
        assert (one("gain"), other("gain")) == (1, 2)
        assert one.scaled is not other.scaled


def test_a_subclass_with_arguments_of_its_own() -> None:
    class Named(Device, skip=True):
        def __init__(self, name: str, **options: Any) -> None:
            super().__init__("virtual:", **options)
            self.name = name

        def __post_init__(self) -> None:
            self.ready = self("1 + 1")

    with Named("a", startup="x = 1") as device:
        assert (device.name, device.ready, device("x")) == ("a", 2, 1)


def test_startup_can_call_tasks() -> None:
    class Starting(Device, skip=True):
        @Device.task
        def value():
            return sys.platform

    with Starting("virtual:", startup="import sys\nx = value()") as device:
        assert device("x") == "webassembly"
        assert device("'Pin' in globals()") is False


def test_names_of_the_host_in_a_class() -> None:
    class Careful(Device, skip=True):
        @Device.task
        def first():
            return second() + functools + gc + pytest  # what comes later is no cause to worry

        @Device.task
        def second():
            return 1

        @Device.setup(autoinit=True)
        def prepare():
            functools = 1

    with (
        pytest.warns(belay.errors.SourceWarning, match=r"first\(\) uses pytest,") as caught,
        Careful("virtual:", startup="gc = 1"),
    ):
        pass
    assert [warning.filename for warning in caught] == [__file__]


def test_a_class_on_a_board_that_was_connected_again() -> None:
    with Sensor("virtual:", startup="from sys import platform; z = scaled(3)") as device:
        device.configure(5)
        device.reconnect()
        assert device.again(2) == 21
        assert device("first, second, settings, z") == (1, 2, (5, 0), 30)
        assert device.order[0] == ("pre", 10, False)
        assert len(device.order) == 2
        device.soft_reset()
        assert device.again(2) == 21
        assert device("platform, z") == ("webassembly", 30)


# ---- what goes wrong


@contextmanager
def closes(name: str) -> Iterator[None]:
    """The board can be had again, so nothing was left open."""
    yield
    with Device(name) as device:
        assert device("1 + 1") == 2


def failing_setup() -> type[Device]:
    class Failing(Device, skip=True):
        @Device.setup(autoinit=True)
        def broken():
            1 / 0

    return Failing


def failing_hook() -> type[Device]:
    class Failing(Device, skip=True):
        def __post_init__(self) -> None:
            self("1 / 0")

    return Failing


def failing_pre_hook() -> type[Device]:
    class Failing(Device, skip=True):
        def __pre_autoinit__(self) -> None:
            self("1 / 0")

    return Failing


@pytest.mark.parametrize("make", [failing_setup, failing_hook, failing_pre_hook])
def test_what_fails_on_the_way_closes_the_port(make: Callable[[], type[Device]]) -> None:
    transport = open_transport("virtual:")
    with pytest.raises(belay.PyboardException, match="ZeroDivisionError"):
        make()(transport)
    with pytest.raises(belay.DeviceClosedError):
        transport.write(b"\n")


def test_a_definition_that_fails_is_named() -> None:
    class Failing(Device, skip=True):
        @Device.task
        def fine():
            return 1

        @Device.task
        def broken(x=functools.partial):
            return x

    transport = open_transport("virtual:")
    with pytest.raises(belay.PyboardException, match="functools") as caught:
        Failing(transport)
    assert caught.value.frames[-1].source.startswith("def broken(x=functools.partial)")
    with pytest.raises(belay.DeviceClosedError):
        transport.write(b"\n")


def test_a_setup_that_runs_by_itself_has_no_parameters() -> None:
    with pytest.raises(ValueError, match=r"prepare\(\).*no parameters"):

        class Wrong(Device, skip=True):
            @Device.setup(autoinit=True)
            def prepare(x=1):
                pass


def test_an_autoinit_with_ignored_errors() -> None:
    class Lenient(Device, skip=True):
        @Device.setup(autoinit=True, ignore_errors=True)
        def prepare():
            before = 1
            raise ValueError

    with Lenient("virtual:") as device:
        assert device("before") == 1


# ---- round trips


def test_the_functions_of_a_class_go_in_one_frame() -> None:
    class Empty(Device, skip=True):
        pass

    class Full(Device, skip=True):
        @Device.task
        def a():
            return 1

        @Device.task
        def b():
            return a() + 1

        @Device.thread
        def c():
            pass

        @Device.task
        def d():
            yield b()

    counts = {}
    for cls in (Empty, Full):
        link = CountingLink(open_transport("virtual:"))
        with cls(link) as device:
            counts[cls.__name__] = link.round_trips
            link.reset()
            if cls is Full:
                assert device.b() == 2
                assert link.round_trips == 1
    assert counts["Full"] == counts["Empty"] + 1


def test_a_device_of_a_class_is_forgotten() -> None:
    transport = open_transport("virtual:")
    Sensor(transport)
    gc.collect()
    with pytest.raises(belay.DeviceClosedError):
        transport.write(b"\n")


def test_functions_of_a_class_on_a_small_board(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, free=9 * 1024)
    with Owner(fresh_name()) as device:
        assert device.task(1) == 2
