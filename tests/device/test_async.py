# SPDX-License-Identifier: Apache-2.0
"""``async def`` on the board, and the board in an asyncio program."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import io
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import belay
from tests.device import yielding

Task = Callable[..., Any]


class Heard:
    """A stream that sets an asyncio event when something has come."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.event = asyncio.Event()

    def write(self, text: str) -> None:
        self.loop.call_soon_threadsafe(self.event.set)


class Gate:
    """A stream that keeps the call that writes to it from going on.

    Attributes:
        reached: the call has come here.
        open: it may go on.
    """

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def write(self, text: str) -> None:
        self.reached.set()
        assert self.open.wait(20)


# ------------------------------------------------------------------------------ calls


def test_expressions_statements_tasks_and_names(device: belay.Device) -> None:
    @device.task
    def area(w, h=2):
        return w * h

    async def main() -> None:
        assert await device.aio("2 ** 70") == 2**70
        assert await device.aio("kept = 7") is None
        assert await device.aio.run("kept += 1") is None
        assert await device.aio.call("kept + 1") == 9
        assert await device.aio.call(area, 3) == 6
        assert await device.aio.call(area, 3, h=5) == 15
        assert await device.aio.call("area", 4, h=5) == 20
        with pytest.raises(TypeError, match="is an expression"):
            await device.aio.call("kept + 1", 2)
        printed = io.StringIO()
        await device.aio("print('aside')", stream_out=printed)
        with contextlib.redirect_stdout(io.StringIO()) as standard:
            await device.aio("print('here')")
        assert (printed.getvalue(), standard.getvalue()) == ("aside\n", "here\n")

    asyncio.run(main())


def test_exceptions_arrive_as_they_are(device: belay.Device) -> None:
    failing = device.task(yielding.failing)

    @device.task
    def ratio(a, b):
        return a / b

    async def main() -> None:
        with pytest.raises(belay.PyboardException) as caught:
            await device.aio.call(ratio, 1, 0)
        assert caught.value.type == "ZeroDivisionError"
        assert caught.value.frames[-1].source == "return a / b"
        assert caught.value.frames[-1].filename == __file__
        with pytest.raises(belay.UnsupportedValueError):
            await device.aio("[object()]")
        with pytest.raises(belay.CallTimeoutError):
            await device.aio("while True: pass", timeout=0.05)
        with pytest.raises(belay.PyboardException, match="no more after 0"):
            await device.aio.iterate(failing, 0).__anext__()

    asyncio.run(main())


def test_the_event_loop_goes_on(device: belay.Device) -> None:
    async def main() -> None:
        gate = Gate()
        call = asyncio.create_task(device.aio("print('.')", stream_out=gate))
        for _ in range(5):
            await asyncio.sleep(0.001)
        assert not call.done()
        gate.open.set()
        await call

    asyncio.run(main())


def test_calls_come_in_order(device: belay.Device) -> None:
    device("order = []")

    async def main() -> list[Any]:
        return await asyncio.gather(*(device.aio(f"order.append({i}) or {i}") for i in range(20)))

    assert asyncio.run(main()) == list(range(20))
    assert device("order") == list(range(20))


def test_context_variables(device: belay.Device) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")

    class Named:
        def write(self, text: str) -> None:
            seen.append((name.get(), text))

    seen: list[tuple[str, str]] = []

    async def one(which: str) -> None:
        name.set(which)
        await device.aio(f"print({which!r}, end='')", stream_out=Named())

    async def main() -> None:
        await asyncio.gather(one("a"), one("b"))

    asyncio.run(main())
    assert seen == [("a", "a"), ("b", "b")]


def test_two_boards_at_once(connect: Callable[..., belay.Device]) -> None:
    boards = [connect() for _ in range(2)]

    async def main() -> None:
        heard = [Heard(), Heard()]
        code = "print('waits')\nwhile True: time.sleep_ms(1)"
        calls = [
            asyncio.create_task(board.aio(code, stream_out=stream))
            for board, stream in zip(boards, heard, strict=True)
        ]
        # Both run at the same time: neither ends before the other has begun.
        await asyncio.wait_for(asyncio.gather(*(each.event.wait() for each in heard)), 20)
        for call in calls:
            call.cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError] * 2
        assert await boards[0].aio("1") == 1

    asyncio.run(main())


# ------------------------------------------------------------------------------ cancelling


def test_cancelling_stops_the_board(device: belay.Device) -> None:
    async def main() -> None:
        heard = Heard()
        call = asyncio.create_task(
            device.aio("count = 0\nwhile True:\n count += 1\n print('.')", stream_out=heard)
        )
        await asyncio.wait_for(heard.event.wait(), 20)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        count = device("count")
        assert device("count") == count > 0

    asyncio.run(main())


def test_a_second_cancellation_does_not_wait(device: belay.Device) -> None:
    program = """
        over = False
        try:
            print("waits")
            while True: pass
        except KeyboardInterrupt:
            over = True
            print("hears it")
            time.sleep_ms(300)
    """

    async def main() -> None:
        heard = Heard()
        call = asyncio.create_task(device.aio(program, stream_out=heard))
        for _ in range(2):
            await asyncio.wait_for(heard.event.wait(), 20)
            heard.event.clear()
            call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await device.aio("over") is True  # once that has ended

    asyncio.run(main())


def test_a_limit_in_time(device: belay.Device) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(device.aio("while True: pass"), 0.05)
        assert await device.aio("1 + 1") == 2

    asyncio.run(main())


def test_what_waits_for_its_turn_never_runs(device: belay.Device) -> None:
    device("ran = []")

    async def main() -> None:
        gate = Gate()
        first = asyncio.create_task(device.aio("print('.') or ran.append(1)", stream_out=gate))
        second = asyncio.create_task(device.aio("ran.append(2)"))
        await asyncio.to_thread(gate.reached.wait, 20)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        gate.open.set()
        await first

    asyncio.run(main())
    assert device("ran") == [1]


def test_a_call_of_another_thread_is_not_interrupted(device: belay.Device) -> None:
    device("ran = []")
    gate = Gate()

    def other() -> None:
        device("print('.')\nran.append('other')", stream_out=gate)

    async def main() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        await asyncio.to_thread(gate.reached.wait, 20)
        mine = asyncio.create_task(device.aio("ran.append('mine')"))
        await asyncio.sleep(0.02)
        mine.cancel()
        with pytest.raises(asyncio.CancelledError):
            await mine
        gate.open.set()
        thread.join()

    asyncio.run(main())
    assert device("ran") == ["other"]


def test_ctrl_c_reaches_the_board_through_asyncio(device: belay.Device) -> None:
    device("after = 0")

    async def main() -> None:
        heard = Heard()
        call = asyncio.create_task(device.aio("print('.')\nwhile True: pass", stream_out=heard))
        await asyncio.wait_for(heard.event.wait(), 20)
        device.interrupt()
        await call

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert device("after") == 0


# ------------------------------------------------------------------------------ iterating


@pytest.mark.parametrize("prefetch", [1, 7])
def test_generators(device: belay.Device, prefetch: int) -> None:
    count = device.task(prefetch=prefetch)(yielding.count)

    async def main() -> None:
        assert [item async for item in device.aio.iterate(count, 20)] == list(range(20))
        assert [item async for item in count(n=20)] == list(range(20))
        assert [item async for item in device.aio.iterate(count(3))] == [0, 1, 2]
        assert [item async for item in device.aio.iterate([1, 2])] == [1, 2]
        items = device.aio.iterate(count, n=20)
        assert await items.__anext__() == 0
        await items.aclose()
        assert [item async for item in items] == []

    asyncio.run(main())


def test_steps_of_a_generator(device: belay.Device) -> None:
    echo, guarded = device.task(yielding.echo), device.task(yielding.guarded)

    async def main() -> None:
        generator = echo("a")
        assert await generator.__anext__() == "a"
        assert await generator.asend(2) == 2
        assert await generator.athrow(ValueError(3)) == ("caught", [3])
        with pytest.raises(StopAsyncIteration):
            await generator.asend("stop")
        with pytest.raises(KeyError):
            await generator.athrow(KeyError("over"))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            async with contextlib.aclosing(guarded(3)) as items:
                async for _ in items:
                    break
        assert printed.getvalue() == "behind 0\nfinally 0\n"

    asyncio.run(main())


@pytest.mark.parametrize("prefetch", [1, 7])
def test_no_item_is_lost_by_a_cancellation(device: belay.Device, prefetch: int) -> None:
    @device.task(prefetch=prefetch)
    def patient(n):
        i = 0
        while i < n:
            try:
                time.sleep_ms(3)
                i += 1
                yield i - 1
            except KeyboardInterrupt:
                pass

    async def main() -> list[int]:
        seen = []
        generator = patient(30)
        wait = 0.0
        while True:
            wait = (wait + 0.0007) % 0.008
            try:
                seen.append(await asyncio.wait_for(generator.__anext__(), wait))
            except asyncio.TimeoutError:
                continue
            except StopAsyncIteration:
                return seen

    assert asyncio.run(main()) == list(range(30))


# ------------------------------------------------------------------------------ the end


def threads() -> set[threading.Thread]:
    """Those in which Devices are awaited."""
    return {each for each in threading.enumerate() if each.name.startswith("belay-aio")}


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_closing(connect: Callable[..., belay.Device]) -> None:
    others = threads()
    device = connect()

    async def main() -> None:
        heard = Heard()
        call = asyncio.create_task(device.aio("print('.')\nwhile True: pass", stream_out=heard))
        waits = asyncio.create_task(device.aio("1"))
        await asyncio.wait_for(heard.event.wait(), 20)
        await device.aio.close()
        for task in (call, waits, asyncio.create_task(device.aio("1"))):
            with pytest.raises(belay.DeviceClosedError):
                await task
        await device.aio.close()
        assert device.closed

    asyncio.run(main())
    wait_until(lambda: threads() == others)


def test_a_board_as_an_asynchronous_context() -> None:
    async def main() -> belay.Device:
        device = await asyncio.to_thread(belay.Device, "virtual:")
        async with device.aio as board:
            assert await board("2 + 2") == 4
        return device

    assert asyncio.run(main()).closed


def test_a_forgotten_device_takes_its_thread_along() -> None:
    others = threads()
    device = belay.Device("virtual:")
    assert asyncio.run(device.aio.call("1 + 1")) == 2
    assert len(threads()) == len(others) + 1
    del device
    wait_until(lambda: threads() == others)


def test_several_event_loops_one_after_another(device: belay.Device) -> None:
    for i in range(3):
        assert asyncio.run(device.aio.call(f"{i} + 1")) == i + 1


# ------------------------------------------------------------------------------ on the board


def test_async_tasks_run_to_their_end(device: belay.Device) -> None:
    @device.task
    async def immediate(a, b=1):
        return a + b

    @device.task
    async def waiting(ms, n=3):
        import asyncio

        done = []

        async def worker(i):
            await asyncio.sleep_ms(ms)
            done.append(i)

        await asyncio.gather(*[worker(i) for i in range(n)])
        return sorted(done)

    assert immediate(2) == 3
    assert immediate(2, b=5) == 7
    assert waiting(2) == [0, 1, 2]
    assert asyncio.run(device.aio.call(waiting, 2, n=2)) == [0, 1]


def test_async_tasks_raise_and_are_interrupted(device: belay.Device) -> None:
    @device.task
    async def failing():
        import asyncio

        await asyncio.sleep_ms(1)
        raise ValueError("late")

    @device.task(timeout=0.2)
    async def endless():
        import asyncio

        while True:
            await asyncio.sleep_ms(1)

    @device.task
    async def fine():
        import asyncio

        await asyncio.sleep_ms(1)
        return "fine"

    with pytest.raises(belay.PyboardException, match="late") as caught:
        failing()
    assert caught.value.frames[-1].source == 'raise ValueError("late")'
    assert fine() == "fine"
    with pytest.raises(belay.CallTimeoutError):
        endless()
    assert fine() == "fine"


def test_a_board_without_asyncio(connect: Callable[..., belay.Device]) -> None:
    device = connect()
    device("import sys; sys.modules['asyncio'] = sys.modules['uasyncio'] = sys")

    @device.task
    async def immediate(a):
        return a + 1

    @device.task
    async def suspending():
        class Wait:
            def __iter__(self):
                yield

            __await__ = __iter__

        try:
            await Wait()
        finally:
            print("closed")

    assert immediate(1) == 2
    with (
        contextlib.redirect_stdout(io.StringIO()) as printed,
        pytest.raises(belay.FeatureUnavailableError, match=r"suspending\(\).*asyncio"),
    ):
        suspending()
    assert printed.getvalue() == "closed\n"
