# SPDX-License-Identifier: Apache-2.0
"""What the board sends of its own accord: events, and prints between calls."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

import belay
from belay.events import EventStream
from belay.transports import Transport, open_transport
from tests.links.faulty import FaultyLink

PATIENT = 20.0

TICKER = """
import belay
from machine import Pin, Timer
n = 0
def tick(timer):
    global n
    n += 1
    belay.emit("tick", n)
    if n == {times}:
        timer.deinit()
timer = Timer(period={period}, callback=tick)
"""


def taken(stream: EventStream, count: int) -> list[Any]:
    return [stream.get(PATIENT) for _ in range(count)]


def test_events_of_a_loop_arrive_in_order_while_it_runs(device: belay.Device) -> None:
    seen: queue.Queue[Any] = queue.Queue()
    device.on("step", seen.put)
    values = [None, True, -1, 2.5, "é", b"\x00\x03\xff", [1, (2,)], {"a": {1}}, range(3)]

    @device.task
    def run(values):
        import belay

        for value in values:
            belay.emit("step", value)
        belay.emit("step")
        return input()  # it is still running when the host has them all

    class Answer:
        def readline(self) -> str:
            got.extend(seen.get(timeout=PATIENT) for _ in range(len(values) + 1))
            return "over\n"

    got: list[Any] = []
    device._lines.source = Answer()
    assert run(values) == "over"
    assert got == [*values, None]
    device.off("step", seen.put)


def test_events_arrive_between_calls(device: belay.Device) -> None:
    with device.events("tick") as stream:
        device(TICKER.format(period=5, times=20))
        assert taken(stream, 20) == list(range(1, 21))
        assert stream.dropped == 0
        with pytest.raises(TimeoutError):
            stream.get(0)


def test_events_of_a_pins_interrupt(device: belay.Device) -> None:
    stream = device.events("button")
    device("""
        import belay
        from machine import Pin
        out = Pin(2, Pin.OUT)
        out.irq(lambda pin: belay.emit("button", pin.value()), Pin.IRQ_RISING | Pin.IRQ_FALLING)
        for level in (1, 0, 1):
            out.value(level)
    """)
    assert taken(stream, 3) == [1, 0, 1]
    device("ignored = out.irq(None)")


def test_events_of_a_scheduled_function(device: belay.Device) -> None:
    stream = device.events("scheduled")
    device(
        "import belay, micropython\nmicropython.schedule(lambda x: belay.emit('scheduled', x), 5)"
    )
    assert stream.get(PATIENT) == 5


@pytest.mark.parametrize("calls", [1, 300])
def test_calls_and_events_do_not_disturb_each_other(device: belay.Device, calls: int) -> None:
    @device.task
    def double(x):
        return 2 * x

    with device.events("tick") as stream:
        device(TICKER.format(period=1, times=60))
        for i in range(calls):
            assert double(i) == 2 * i
        assert taken(stream, 60) == list(range(1, 61))


def test_a_bound_drops_the_oldest_and_counts_them(device: belay.Device) -> None:
    stream = device.events("many", maxlen=10)
    last = device.events("last")
    device("import belay\nfor i in range(100): belay.emit('many', i)\nbelay.emit('last')")
    last.get(PATIENT)
    assert (len(stream), stream.dropped) == (10, 90)
    assert taken(stream, 10) == list(range(90, 100))
    with pytest.raises(ValueError, match="maxlen"):
        device.events("many", maxlen=0)


def test_the_time_of_an_event(device: belay.Device) -> None:
    stream = device.events("timed", return_time=True)
    before = time.time()
    device("import belay\nbelay.emit('timed', 7)")
    value, moment = stream.get(PATIENT)
    assert value == 7
    assert isinstance(moment, datetime)
    assert before - 0.005 <= moment.timestamp() <= time.time() + 0.005


def test_streams_of_other_topics_and_closed_ones_get_nothing(device: belay.Device) -> None:
    other, closed, mark = (device.events(topic) for topic in ("other", "here", "mark"))
    closed.close()
    device("import belay\nbelay.emit('here', 1)\nbelay.emit(['no', 'key'])\nbelay.emit('mark')")
    mark.get(PATIENT)
    assert (len(other), len(closed)) == (0, 0)
    assert list(closed) == []


def test_callbacks_may_call_the_device_and_their_errors_stop_nothing(
    device: belay.Device, caplog: pytest.LogCaptureFixture
) -> None:
    answers: queue.Queue[Any] = queue.Queue()

    @device.on("ask")
    def fails(value: Any) -> None:
        raise ZeroDivisionError("mine")

    @device.on("ask")
    def asks(value: Any) -> None:
        answers.put((value, device(f"{value} * 2"), threading.current_thread().name))

    with caplog.at_level(logging.ERROR, "belay"):
        device("import belay\nbelay.emit('ask', 4)")
        assert answers.get(timeout=PATIENT) == (4, 8, "belay events")
    assert "mine" in caplog.text
    device.off("ask")
    device("belay.emit('ask', 5)")
    with pytest.raises(ValueError, match="was not called"):
        device.off("ask", asks)
    with pytest.raises(TypeError):
        device.on("ask", 5)  # type: ignore[arg-type]
    assert answers.empty()


def test_prints_between_calls_arrive_at_once(
    connect: Callable[..., belay.Device], capsys: pytest.CaptureFixture[str]
) -> None:
    device = connect()
    stream = device.events("done")
    device("""
        import belay
        def tick(timer):
            print("tick é")
            belay.emit("done")
        Timer(period=20, mode=Timer.ONE_SHOT, callback=tick)
    """)
    stream.get(PATIENT)
    device("print('next')")  # what was printed is on its way in order
    assert capsys.readouterr().out == "tick é\nnext\n"


def test_an_emission_that_is_too_large_or_cannot_travel_is_the_programs_error(
    device: belay.Device,
) -> None:
    with pytest.raises(belay.PyboardException[ValueError], match="segment"):
        device("import belay\nbelay.emit('large', bytes(100_000))")
    with pytest.raises(belay.PyboardException[TypeError], match="object cannot travel"):
        device("belay.emit('odd', object())")
    with pytest.raises(belay.PyboardException[TypeError], match="list cannot travel"):
        device("belay.emit('odd', [1, {2: print}])")
    assert device("1 + 1") == 2


def test_streams_end_with_the_device(connect: Callable[..., belay.Device]) -> None:
    device = connect()
    stream = device.events("never")
    ended = threading.Event()

    def consume() -> None:
        assert list(stream) == []
        ended.set()

    consumer = threading.Thread(target=consume)
    consumer.start()
    device.close()
    assert ended.wait(PATIENT)
    consumer.join()


def test_a_link_that_is_lost_between_calls_is_noticed_and_ends_streams() -> None:
    link = FaultyLink(open_transport("virtual:"))
    lost: queue.Queue[Exception] = queue.Queue()
    with belay.Device(link) as device:
        device.on_disconnect(lost.put)
        stream = device.events("never")
        assert device.connected
        link.cut()
        assert isinstance(lost.get(timeout=PATIENT), belay.ConnectionLost)
        with pytest.raises(belay.ConnectionLost):
            next(stream)
        with pytest.raises(belay.ConnectionLost):
            device("1")
        assert not device.connected
        assert lost.empty()


def test_close_from_another_thread_while_listening(connect: Callable[..., belay.Device]) -> None:
    device = connect()
    device.on("never", print)
    closer = threading.Thread(target=device.close)
    closer.start()
    closer.join(PATIENT)
    assert not closer.is_alive()
    names = {thread.name for thread in threading.enumerate() if not thread.daemon}
    assert "belay listener" not in names


def test_events_of_a_thread_arrive_during_calls_and_between_them(
    unix_port: Callable[..., Transport],
) -> None:
    with belay.Device(unix_port(), reset=False) as device:
        stream = device.events("thread")
        device("""
            import _thread, belay
            go = _thread.allocate_lock()
            go.acquire()
            def work():
                belay.emit("thread", "first")
                with go:
                    belay.emit("thread", "second")
            _thread.start_new_thread(work, ())
        """)
        assert stream.get(PATIENT) == "first"
        device("go.release()")
        assert stream.get(PATIENT) == "second"
        assert device("1 + 1") == 2
