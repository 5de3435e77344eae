# SPDX-License-Identifier: Apache-2.0
"""Where Belay 0.30 gives a wrong answer, ours is right."""

from __future__ import annotations

import concurrent.futures
import math
from collections.abc import Callable

import pytest

import belay
from belay.transports import open_transport

Check = Callable[[belay.Device, "Output"], None]
Output = Callable[[], str]


def leading_string(device: belay.Device, output: Output) -> None:
    assert device("'hé'") == "hé"
    assert device("b'\\xff'") == b"\xff"
    assert device("'-'.join(['a', 'b'])") == "a-b"
    device("name = 'x'\n'%s' % name\n'a'.upper()")

    @device.task
    def docstring():
        "Not zero."
        "nor this"
        return "%s" % 1  # noqa: UP031

    assert docstring() == "1"


def print_without_an_end(device: belay.Device, output: Output) -> None:
    @device.task
    def f():
        print("x", end="")
        return 5

    assert f() == 5
    device("print('unterminated', end='')")
    assert output() == "xunterminated"


def values_that_are_no_literals(device: belay.Device, output: Output) -> None:
    assert math.isnan(device("float('nan')"))
    assert device("[float('inf'), -float('inf')]") == [math.inf, -math.inf]
    assert device("bytearray(b'x')") == bytearray(b"x")
    assert device("frozenset([1])") == frozenset([1])
    assert device("range(3)") == range(3)
    for source in ("object()", "print", "type"):
        with pytest.raises(belay.UnsupportedValueError, match="cannot travel"):
            device(source)


def forged_results(device: belay.Device, output: Output) -> None:
    assert device("print('_BELAYR||666') or 5") == 5
    device("print('_BELAYx'); print('_BELAYS')")
    assert output() == "_BELAYR||666\n_BELAYx\n_BELAYS\n"


def control_characters(device: belay.Device, output: Output) -> None:
    assert device("'\\x04' + '\x03\x01'") == "\x04\x03\x01"
    device("print('\\x04\\x04>')")
    assert output() == "\x04\x04>\n"


def arguments_whose_repr_is_no_source(device: belay.Device, output: Output) -> None:
    @device.task
    def same(value):
        return value

    for value in (math.inf, bytearray(b"a"), {1, 2}, frozenset(), range(4), "\r\n\0'\"\\"):
        assert same(value) == value
    assert math.isnan(same(math.nan))
    with pytest.raises(belay.UnsupportedValueError, match=r"args\[0\]"):
        same(object())


def a_task_in_one_line(device: belay.Device, output: Output) -> None:
    @device.task
    def f(x): return x + 1  # fmt: skip

    assert f(1) == 2


def two_threads(device: belay.Device, output: Output) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda n: device(f"{n} * 2"), range(40))) == list(range(0, 80, 2))


def use_after_close(device: belay.Device, output: Output) -> None:
    closed = belay.Device("virtual:")
    closed.close()
    with pytest.raises(belay.DeviceClosedError):
        closed("1")


def errors_without_a_message(device: belay.Device, output: Output) -> None:
    with pytest.raises(belay.ConnectionFailedError, match=r"There is no port .*[.]"):
        belay.Device("/dev/ttyACM98")


def frames_of_functions_called_by_the_task(device: belay.Device, output: Output) -> None:
    @device.task
    def inside():
        raise ValueError("deep")

    @device.task
    def outside():
        inside()

    with pytest.raises(belay.PyboardException) as caught:
        outside()
    assert [frame.filename for frame in caught.value.frames] == [__file__, __file__]


def a_program_left_running(device: belay.Device, output: Output) -> None:
    with pytest.raises(belay.CallTimeoutError):
        device("counter = 0\nwhile True: counter += 1", timeout=0.05)
    assert device("counter") == device("counter") > 0


def errors_of_a_setup_that_are_ignored(device: belay.Device, output: Output) -> None:
    @device.setup(ignore_errors=True)
    def failing():
        reached = True  # noqa: F841
        raise ValueError

    failing()
    assert device("reached") is True


def a_setup_in_one_line(device: belay.Device, output: Output) -> None:
    @device.setup
    def f(): one_line = 1  # noqa: F841 # fmt: skip

    f()
    assert device("one_line") == 1


def a_thread_with_an_option(device: belay.Device, output: Output) -> None:
    class Blinking(belay.Device, skip=True):
        @belay.Device.thread(minify=False)
        def blink():
            pass

    # It is no task: this board, which has no threads, refuses it.
    with Blinking("virtual:") as blinking, pytest.raises(belay.FeatureUnavailableError):
        blinking.blink()


def properties_of_a_subclass(device: belay.Device, output: Output) -> None:
    class Lazy(belay.Device, skip=True):
        @property
        def value(self) -> int:
            raise RuntimeError("evaluated")

    Lazy("virtual:").close()


def a_constructor_that_fails(device: belay.Device, output: Output) -> None:
    class Failing(belay.Device, skip=True):
        @belay.Device.setup(autoinit=True)
        def fail():
            raise ValueError

    transport = open_transport("virtual:")
    with pytest.raises(belay.PyboardException, match="ValueError"):
        Failing(transport)
    with pytest.raises(belay.DeviceClosedError):
        transport.write(b"")


def tracebacks_of_setups(device: belay.Device, output: Output) -> None:
    @device.setup
    def fail(a, b):
        # The arguments move no line.
        quotient = a / b  # noqa: F841

    with pytest.raises(belay.PyboardException) as caught:
        fail(1, 0)
    (frame,) = caught.value.frames
    assert frame.line == fail.__wrapped__.__code__.co_firstlineno + 3
    assert frame.source == "quotient = a / b  # noqa: F841"


def names_of_the_user_that_look_like_ours(device: belay.Device, output: Output) -> None:
    device("repr = print = None")
    assert device("[1, 'a']") == [1, "a"]
    device("del repr, print")


BUGS: dict[str, Check] = {
    check.__name__: check
    for check in (
        leading_string,
        print_without_an_end,
        values_that_are_no_literals,
        forged_results,
        control_characters,
        arguments_whose_repr_is_no_source,
        a_task_in_one_line,
        two_threads,
        use_after_close,
        errors_without_a_message,
        frames_of_functions_called_by_the_task,
        a_program_left_running,
        errors_of_a_setup_that_are_ignored,
        a_setup_in_one_line,
        a_thread_with_an_option,
        properties_of_a_subclass,
        a_constructor_that_fails,
        tracebacks_of_setups,
        names_of_the_user_that_look_like_ours,
    )
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_of_belay_030(
    device: belay.Device, capsys: pytest.CaptureFixture[str], bug: str
) -> None:
    BUGS[bug](device, lambda: capsys.readouterr().out)
