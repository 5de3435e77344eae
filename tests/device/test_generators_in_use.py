# SPDX-License-Identifier: Apache-2.0
"""Generators of a board: what they yield, and what happens to them."""

from __future__ import annotations

import contextlib
import datetime
import gc
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest

import belay
from tests.device import yielding
from tests.session.boards import pretend

Task = Callable[..., Any]
PREFETCHES = (1, 2, 7, 256)


class Broken(io.StringIO):
    """A stream that takes some lines and then fails."""

    good = 3

    def write(self, text: str) -> int:
        self.good -= text.count("\n")
        if self.good < 0:
            raise OSError("disk full")
        return len(text)


class Heard(io.StringIO):
    """A stream that tells when something has come."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def write(self, text: str) -> int:
        self.event.set()
        return len(text)


class Held(Heard):
    """A stream that keeps the call that writes to it from going on until an event."""

    until: threading.Event

    def write(self, text: str) -> int:
        written = super().write(text)
        assert self.until.wait(20)
        return written


def collect(generator: Any) -> list[Any]:
    """All items; in place of those that cannot travel, where they are and what they are."""
    seen: list[Any] = []
    while True:
        try:
            seen.append(next(generator))
        except StopIteration as end:
            return [*seen, ("returned", end.value)]
        except belay.UnsupportedValueError as error:
            seen.append((str(error).partition(": ")[0], error.type_name))


# ------------------------------------------------------------------------------ values


@pytest.mark.parametrize("prefetch", PREFETCHES)
def test_items_that_cannot_travel(device: belay.Device, prefetch: int) -> None:
    @device.task(prefetch=prefetch)
    def mixed(n, bad):
        for i in range(n):
            yield {"at": [i, object()], "!": "!"} if i in bad else "ok!" * i
        return n

    for bad in ([], [0], [4], [1, 2], [0, 1, 2, 3, 4], [3]):
        assert collect(mixed(5, bad)) == [
            *((f"item[{i}]['at'][1]", "object") if i in bad else "ok!" * i for i in range(5)),
            ("returned", 5),
        ]


@pytest.mark.parametrize("prefetch", PREFETCHES)
def test_a_result_that_cannot_travel(device: belay.Device, prefetch: int) -> None:
    @device.task(prefetch=prefetch)
    def unhappy_end(n):
        for i in range(n):
            yield [i]
        return [object()]

    for n in range(3):
        items = [[i] for i in range(n)]
        assert collect(unhappy_end(n)) == [*items, ("result[0]", "object"), ("returned", None)]


@pytest.mark.parametrize("prefetch", PREFETCHES)
def test_large_items(device: belay.Device, prefetch: int) -> None:
    @device.task(prefetch=prefetch)
    def sized(sizes):
        for size in sizes:
            if size < 0:
                yield [b"a" * -size, object()]
            else:
                yield bytes(range(256)) * (size // 256) + b"!" * (size % 256)
        return b"r" * 5000

    sizes = [1, 500, 2000, 3000, -3000, 9000, 1, -1, 2, 30000, 5, -20000, 2040, 8, 8]
    expected: list[Any] = []
    for i, size in enumerate(sizes):
        whole = bytes(range(256)) * (size // 256) + b"!" * (size % 256)
        expected.append(whole if size > 0 else (f"item[{i}][1]", "object"))
    assert collect(sized(sizes)) == [*expected, ("returned", b"r" * 5000)]


@pytest.mark.parametrize("prefetch", PREFETCHES)
def test_an_item_is_what_it_was_when_it_was_yielded(device: belay.Device, prefetch: int) -> None:
    @device.task(prefetch=prefetch)
    def reuse(n):
        buffer, log = bytearray(2), []
        for i in range(n):
            buffer[0] = i
            log.append(i)
            yield buffer, log

    expected = [(bytearray((i, 0)), list(range(i + 1))) for i in range(20)]
    assert list(reuse(20)) == expected


def test_a_value_that_cannot_be_sent_is_not_sent(device: belay.Device) -> None:
    generator = device.task(yielding.echo)("first")
    assert next(generator) == "first"
    with pytest.raises(belay.UnsupportedValueError) as caught:
        generator.send({"a": [1, object()]})
    assert caught.value.path == "value['a'][1]"
    assert str(caught.value).startswith("value['a'][1]: ")
    assert generator.send([2.5, None]) == [2.5, None]
    with pytest.raises(StopIteration) as end:
        generator.send("stop")
    assert end.value.value == "stopped"


@pytest.mark.parametrize("prefetch", PREFETCHES)
def test_each_item_with_its_time(device: belay.Device, prefetch: int) -> None:
    @device.task(prefetch=prefetch, return_time=True)
    def ticking(n):
        for i in range(n):
            time.sleep_ms(2)  # noqa: F821 - the board's
            yield i, b"!"
        yield bytes(5000)
        return n

    before = datetime.datetime.now(datetime.timezone.utc)
    *items, end = collect(ticking(12))
    after = datetime.datetime.now(datetime.timezone.utc)
    assert end == ("returned", 12)
    assert [item for item, _ in items] == [*((i, b"!") for i in range(12)), bytes(5000)]
    times = [when for _, when in items]
    slack = datetime.timedelta(milliseconds=500)  # of a busy machine
    assert before - slack < times[0] < times[-1] < after + slack
    assert times[11] - times[0] >= 11 * datetime.timedelta(milliseconds=1)


# ------------------------------------------------------------------------------ its end


def test_abandoned_generators_are_closed(device: belay.Device) -> None:
    @device.task(prefetch=2)
    def held(n):
        global alive
        alive += 1
        try:
            yield bytearray(1000)
            yield n
        finally:
            alive -= 1

    device("alive = 0")
    device("import gc")
    free = []
    for i in range(500):
        generator = held(i)
        if i % 3:  # one that never began has nothing to close
            next(generator)
        del generator
        if i % 100 == 99:
            gc.collect()
            assert device("alive") == 0
            free.append(device("(gc.collect(), gc.mem_free())[1]"))
    assert free[-1] > free[1] - 20_000


def test_one_that_is_over_is_forgotten(device: belay.Device) -> None:
    count = device.task(prefetch=7)(yielding.count)
    failing = device.task(yielding.failing)
    device("import gc")
    free = []
    for _ in range(4):
        for _ in range(30):
            list(count(3))
            with pytest.raises(belay.PyboardException):
                list(failing(1))
            generator = count(9)
            next(generator)
            generator.close()
            assert list(generator) == []
        free.append(device("(gc.collect(), gc.mem_free())[1]"))
    assert free[-1] > free[1] - 20_000


def test_an_error_in_a_finally_block_of_an_abandoned_one_harms_nobody(
    device: belay.Device,
) -> None:
    @device.task
    def rude():
        try:
            yield 1
        finally:
            raise ValueError("nobody hears this")

    next(rude())
    gc.collect()
    assert device("1 + 1") == 2
    generator = rude()
    next(generator)
    with pytest.raises(belay.PyboardException, match="nobody hears this"):
        generator.close()
    assert device("1 + 1") == 2


def test_a_reset_board(connect: Callable[..., belay.Device]) -> None:
    device = connect()
    task = device.task(prefetch=2)(yielding.count)
    first, second = task(9), task(9)
    assert next(first) == 0
    with pytest.raises(belay.BoardResetError):
        device("import machine; machine.soft_reset()")
    device("1")
    assert next(first) == 1  # it had come already
    for generator in (first, second):
        with pytest.raises(belay.StaleProxyError, match=r"count\(\)"):
            next(generator)
        generator.close()
    abandoned = task
    del first, second, generator, abandoned
    gc.collect()
    task = device.task(prefetch=2)(yielding.count)
    assert list(task(3)) == [0, 1, 2]


def test_a_board_that_is_connected_again(connect: Callable[..., belay.Device]) -> None:
    device = connect(attempts=2)

    @device.task
    def resetting():
        yield 1
        machine.soft_reset()  # noqa: F821 - the board's

    generator = resetting()
    assert next(generator) == 1
    with pytest.raises(belay.BoardResetError):
        next(generator)
    with pytest.raises(belay.StaleProxyError):
        next(generator)
    assert next(resetting()) == 1  # the definition was repeated


def test_a_board_that_is_too_small(
    connect: Callable[..., belay.Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, free=9 * 1024)
    device = connect()
    count = device.task(yielding.count)
    with pytest.raises(belay.FeatureUnavailableError):
        count(3)


def test_a_board_whose_output_is_text(
    connect: Callable[..., belay.Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, binary=False)
    device = connect()

    @device.task(prefetch=256)
    def texts(n):
        for i in range(n):
            yield "é\r\n\0"[i % 5 :] * i

    expected = ["é\r\n\0"[i % 5 :] * i for i in range(200)]
    assert list(texts(200)) == expected


def test_a_closed_device(connect: Callable[..., belay.Device]) -> None:
    device = connect()
    generator = device.task(prefetch=2)(yielding.count)(9)
    assert next(generator) == 0
    device.close()
    assert next(generator) == 1
    with pytest.raises(belay.DeviceClosedError):
        next(generator)
    generator.close()


def test_not_in_a_batch(device: belay.Device) -> None:
    count = device.task(yielding.count)
    generator = count(3)
    with pytest.raises(belay.BelayException, match="generator"), device.batch():
        next(generator)
    with pytest.raises(belay.BelayException, match="generator"), device.batch():
        count(3)
    assert list(generator) == [0, 1, 2]


# ------------------------------------------------------------------------------ interrupts


@pytest.mark.parametrize("prefetch", [1, 7])
def test_nothing_is_lost_in_an_interrupt(device: belay.Device, prefetch: int) -> None:
    @device.task(prefetch=prefetch, timeout=0.3)
    def stuck(n):
        yield from range(n)
        while True:
            pass

    @device.task(prefetch=prefetch, timeout=0.3)
    def survivor(n):
        yield from range(n)
        try:
            while True:
                pass
        except KeyboardInterrupt:
            yield "interrupted"
        yield "goes on"

    for n in (0, 3):
        for task, rest in ((stuck, []), (survivor, ["interrupted", "goes on"])):
            seen, timeouts = [], 0
            generator = task(n)
            while True:
                try:
                    seen.append(next(generator))
                except StopIteration:
                    break
                except belay.CallTimeoutError:
                    timeouts += 1
            assert seen == [*range(n), *rest]
            assert timeouts == (task is stuck)


def test_an_interrupt_from_another_thread(device: belay.Device) -> None:
    heard = Heard()

    @device.task
    def survivor():
        said = "first"
        while True:
            try:
                said = yield said
                while said == "hang":
                    print("hangs")
            except KeyboardInterrupt:
                said = "was interrupted"

    generator = survivor()
    assert next(generator) == "first"
    thread = threading.Thread(target=lambda: heard.event.wait(20) and device.interrupt())
    thread.start()
    with contextlib.redirect_stdout(heard), pytest.raises(KeyboardInterrupt):
        generator.send("hang")
    thread.join()
    assert next(generator) == "was interrupted"
    assert generator.send("on") == "on"
    generator.close()


def test_output_that_cannot_be_written(device: belay.Device) -> None:
    def talking():
        for i in range(20):
            print(i)
            yield i

    for prefetch in PREFETCHES:
        generator = device.task(prefetch=prefetch)(talking)()
        seen, failures = [], 0
        with contextlib.redirect_stdout(Broken()):
            while True:
                try:
                    seen.append(next(generator))
                except StopIteration:
                    break
                except OSError:
                    failures += 1
        # A print that failed interrupts the board, which may have been ahead of it.
        assert failures >= 1
        assert seen == list(range(len(seen)))
        assert len(seen) >= 3


def test_one_thread_at_a_time(device: belay.Device) -> None:
    heard, refused, seen = Held(), threading.Event(), []
    heard.until = refused

    @device.task
    def waiting():
        print("waits")
        yield 1

    generator = waiting()
    with contextlib.redirect_stdout(heard):
        thread = threading.Thread(target=lambda: seen.append(next(generator)))
        thread.start()
        assert heard.event.wait(20)
        with pytest.raises(ValueError, match="generator already executing"):
            next(generator)
        refused.set()
        thread.join()
    assert seen == [1]
    assert list(generator) == []


def test_threads_share_a_generator(device: belay.Device) -> None:
    generator = device.task(prefetch=7)(yielding.count)(100)
    seen: list[int] = []

    def take() -> None:
        while True:
            try:
                seen.append(next(generator))
            except ValueError:  # another thread is at it
                continue
            except StopIteration:
                return

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(100))
