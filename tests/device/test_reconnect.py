# SPDX-License-Identifier: Apache-2.0
"""Boards that are reset, unplugged, cut off or bitten by their watchdog, and what comes back."""
# ruff: noqa: F821, F841, N805 - tasks use the board's names

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
from belay import recovery
from belay.errors import StaleProxyError
from belay.transports import Transport, open_transport
from belay.transports.virtual import _shared
from belay.transports.wrapping import TransportWrapper
from tests.device.plugs import Plug

Connect = Callable[..., belay.Device]

posix = pytest.mark.skipif(os.name != "posix", reason="there are no pseudo terminals here")


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "INTERVAL", 0.02)


@pytest.fixture
def plug() -> Iterator[Callable[..., Plug]]:
    made: list[Plug] = []

    def make(kind: str = "pty", **options: Any) -> Plug:
        made.append(Plug(kind, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class Cable:
    """A place for prints that pulls the plug, or does something else, when the first one comes."""

    def __init__(self, action: Callable[[], object]) -> None:
        self.action: Callable[[], object] | None = action
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text
        if self.action is not None:
            action, self.action = self.action, None
            action()


def furnish(device: belay.Device) -> Callable[[], list[Any]]:
    """Put things on a board; the task that is returned tells what is there."""
    device("step, counter, order = 5, 0, ['first']")

    @device.task
    def look():  # type: ignore[no-untyped-def]
        global counter
        counter += step
        return [counter, order, "unrecorded" in globals()]

    device("step = 10")
    device("order.append('second')", record=False)
    device("if order: order += ['third']")
    device("unrecorded = 1", record=False)
    assert look() == [10, ["first", "second", "third"], True]
    assert look()[0] == 20
    return look


AFTER = [10, ["first", "third"], False]
"""What the task tells when statements were repeated in their order, and calls were not."""

# What a program can do to its own board; the link stands.
RESETS = {
    "soft reset": "import machine; machine.soft_reset()",
    "sys.exit": "import sys; sys.exit()",
    "reset": "import machine; machine.reset()",
    "watchdog": "import machine; machine.WDT(timeout=50)\nwhile True: pass",
}


def test_a_board_that_was_reset_is_as_it_was(connect: Connect) -> None:
    device = connect("virtual:", attempts=3)
    look = furnish(device)
    back: list[str] = []
    device.on_reconnect(lambda: back.append("back"))
    for how, program in RESETS.items():
        with pytest.raises(belay.BoardResetError, match="repeated") as caught:
            device(program, record=False)
        assert caught.value.ran is True, how
        assert back == ["back"], how
        assert look() == AFTER, how
        assert device.connected
        back.clear()


@pytest.mark.parametrize("listens", [False, True])
def test_a_watchdog_that_bites_between_calls(connect: Connect, listens: bool) -> None:
    device = connect("virtual:", attempts=3)
    look = furnish(device)
    if listens:
        device.on_disconnect(lambda error: None)
    with contextlib.suppress(belay.BoardResetError):  # it may bite at once, here or later
        device("wdt = machine.WDT(timeout=60)", record=False)
    last = 20  # as furnish() has left it
    while True:
        try:
            count = look()[0]
        except belay.BoardResetError:  # it bit in the middle of a call
            break
        if count <= last:
            break
        last = count
    assert look()[1:] == AFTER[1:]
    assert device("machine.reset_cause()") == device("machine.WDT_RESET")


@pytest.mark.parametrize("kind", [pytest.param("pty", marks=posix), "tcp"])
def test_unplugged_between_two_calls_and_in_the_middle_of_one(
    connect: Connect, plug: Callable[..., Plug], kind: str
) -> None:
    board = plug(kind)
    device = connect(board.address, attempts=3)
    look = furnish(device)
    board.replace()
    # The call has not run on the old board: it goes to the new one, and nobody is bothered.
    assert look() == AFTER
    assert device.connected
    with pytest.raises(belay.ConnectionLost, match="repeated") as caught:
        device("print('on')\nwhile True: pass", stream_out=Cable(board.replace))
    assert caught.value.ran is True
    assert look() == AFTER


def test_a_brown_out_keeps_the_files_and_repeats_no_call(
    connect: Connect, plug: Callable[..., Plug]
) -> None:
    board = plug("tcp", files=True)
    device = connect(board.address, attempts=3)
    cable = Cable(board.replace)

    @device.task
    def note_and_wait():  # type: ignore[no-untyped-def]
        with open("notes", "a") as file:
            file.write("x")
        print("written")
        while True:
            time.sleep(1)

    with pytest.raises(belay.ConnectionLost) as caught:
        device("note_and_wait()", stream_out=cable)
    assert caught.value.ran is True
    assert device("open('notes').read()") == "x"
    cable.action = device.interrupt
    with pytest.raises(KeyboardInterrupt):  # the task is there again
        device("note_and_wait()", stream_out=cable)
    assert device("open('notes').read()") == "xx"


def test_a_shared_virtual_board_whose_process_died(connect: Connect, tmp_path: Path) -> None:
    device = connect(f"virtual:cut-off?files={tmp_path}", attempts=3)
    look = furnish(device)
    device("with open('kept', 'w') as file: file.write('1')", record=False)
    process = _shared["cut-off"].process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not device.connected)
    assert look() == AFTER
    assert device("open('kept').read()") == "1"


class Station(belay.Device):
    """A board with everything that a class can bring along."""

    @belay.Device.setup(autoinit=True)
    def begin():  # type: ignore[no-untyped-def]
        log = ["begin"]

    @belay.Device.setup
    def adjust(gain, offset=0):  # type: ignore[no-untyped-def]
        log.append(("adjust", gain, offset))

    @belay.Device.setup(record=False)
    def once():  # type: ignore[no-untyped-def]
        log.append("once")

    @belay.Device.task
    def read(value):  # type: ignore[no-untyped-def]
        return scaled(value)

    @belay.Device.task
    def scaled(value):  # type: ignore[no-untyped-def]
        return gain * value + offset

    @belay.Device.task(record=True)
    def calibrate():  # type: ignore[no-untyped-def]
        log.append("calibrated")

    @belay.Device.teardown
    def end():  # type: ignore[no-untyped-def]
        print("the end of", log)

    made = 0

    def __post_init__(self) -> None:
        type(self).made += 1


def test_a_class_is_set_up_again(
    connect: Connect, plug: Callable[..., Plug], capsys: pytest.CaptureFixture[str]
) -> None:
    board = plug("tcp")
    station = Station(board.address, attempts=3)
    try:
        station.adjust(3, offset=1)
        station.once()
        station.calibrate()
        assert station.read(10) == 31
        board.replace()
        assert station.read(20) == 61
        log = station("log")
        assert log == ["begin", ("adjust", 3, 1), "calibrated"]
        with pytest.raises(belay.BoardResetError):
            station("import machine; machine.reset()", record=False)
        assert station.read(1) == 4
        station.adjust(5)
        board.replace()
        assert station.read(1) == 5
        assert station.made == 1  # the object is the same: its hooks do not run again
        assert capsys.readouterr().out == ""  # nor does teardown, before the end
    finally:
        station.close()
    assert capsys.readouterr().out.startswith("the end of ['begin', ('adjust'")


@posix
def test_a_thread_is_started_again(connect: Connect, unix_port: Callable[..., Transport]) -> None:
    device = connect(unix_port, attempts=5, reset=False)
    device("beats = 0")

    @device.thread
    def beat(step):  # type: ignore[no-untyped-def]
        global beats
        while True:
            beats += step
            time.sleep(0.001)

    @device.task
    def wait_for(count):  # type: ignore[no-untyped-def]
        while beats < count:
            time.sleep(0.001)
        return True

    beat(2)
    assert wait_for(6)
    with pytest.raises(belay.BoardResetError):
        device("print(); import sys; sys.exit()", record=False)  # the next process takes over
    assert wait_for(6)


# ---- what became of the call


class Severed(TransportWrapper):
    """A link that is cut right after something was written, if asked to."""

    cut: Callable[[], object] | None = None

    def write(self, data: bytes) -> None:
        self.inner.write(data)
        if self.cut is not None:
            cut, self.cut = self.cut, None
            cut()


def test_a_call_of_which_nobody_knows(connect: Connect, plug: Callable[..., Plug]) -> None:
    board = plug("tcp")
    links: list[Severed] = []

    def opens() -> Severed:
        links.append(Severed(open_transport(board.address)))
        return links[-1]

    device = connect(opens, attempts=3)
    look = furnish(device)
    board.hang()  # so that the board cannot begin before the cable is out
    links[-1].cut = board.replace
    with pytest.raises(belay.ConnectionLost, match="the call was not") as caught:
        look()
    assert caught.value.ran is None
    assert len(links) == 2
    assert look() == AFTER


# ---- how often


def test_without_attempts_nothing_is_brought_back(
    connect: Connect, plug: Callable[..., Plug]
) -> None:
    board = plug("tcp")
    device = connect(board.address)
    furnish(device)
    lost: list[Exception] = []
    device.on_disconnect(lost.append)
    board.replace()
    wait_until(lambda: not device.connected)
    for _ in range(3):
        with pytest.raises(belay.ConnectionLost) as caught:
            device("1")
        assert caught.value.ran is not True
        assert not device.connected
    assert len(lost) == 1
    device.reconnect()  # by hand it can be
    assert device.connected
    assert device("counter, order") == (0, ["first", "third"])


def test_it_gives_up_after_so_many_attempts(connect: Connect, plug: Callable[..., Plug]) -> None:
    board = plug("tcp")
    opened: list[str] = []

    def opens() -> Transport:
        opened.append(board.address)
        return open_transport(board.address)

    device = connect(opens, attempts=4)
    look = furnish(device)
    opened.clear()
    board.pull()
    with pytest.raises(belay.ConnectionLost, match="4 attempts to connect again") as caught:
        look()
    assert len(opened) == 4
    assert board.address.removeprefix("socket://") in str(caught.value)
    assert isinstance(caught.value.__cause__, belay.ConnectionFailedError)
    assert caught.value.ran is False
    assert not device.connected
    board.insert()
    assert look() == AFTER  # the next call tries anew


def test_negative_attempts_go_on_for_ever(connect: Connect, plug: Callable[..., Plug]) -> None:
    board = plug("tcp")
    tries: list[int] = []

    def opens() -> Transport:
        tries.append(1)
        if len(tries) == 12:
            board.insert()
        return open_transport(board.address)

    device = connect(opens, attempts=-1)
    look = furnish(device)
    board.pull()
    assert look() == AFTER
    assert len(tries) == 12


def test_attempts_can_be_changed(connect: Connect, plug: Callable[..., Plug]) -> None:
    board = plug("tcp")
    device = connect(board.address)
    look = furnish(device)
    assert device.attempts == 0
    device.attempts = 2
    board.replace()
    assert look() == AFTER


def test_an_open_link_cannot_be_opened_again(connect: Connect, plug: Callable[..., Plug]) -> None:
    board = plug("tcp")
    device = connect(open_transport(board.address), attempts=2)
    board.replace()
    with pytest.raises(belay.ConnectionLost, match="a function that opens one"):
        device("1")


# ---- who is told


def test_what_callbacks_hear_and_when(
    connect: Connect, plug: Callable[..., Plug], caplog: pytest.LogCaptureFixture
) -> None:
    board = plug("tcp")
    device = connect(board.address, attempts=3)
    look = furnish(device)
    heard: list[Any] = []

    @device.on_disconnect
    def gone(error: Exception) -> None:
        heard.append((type(error).__name__, device.connected))
        board.insert()
        raise RuntimeError("a callback that fails")

    @device.on_reconnect
    def back() -> None:
        heard.append(("back", device.connected, device("order")))

    board.pull()
    assert look() == AFTER
    assert heard == [("ConnectionLost", False), ("back", True, ["first", "third"])]
    assert "a callback that fails" in caplog.text


def test_a_link_that_ends_while_nothing_happens(
    connect: Connect, plug: Callable[..., Plug]
) -> None:
    board = plug("tcp")
    device = connect(board.address, attempts=-1)
    furnish(device)
    happened: queue.SimpleQueue[str] = queue.SimpleQueue()
    device.on_disconnect(lambda error: happened.put("gone"))
    device.on_reconnect(lambda: happened.put("back"))
    beats = device.events("beat")
    device("import belay\nfrom machine import Timer")
    device("timer = Timer(period=5, callback=lambda timer: belay.emit('beat', 1))")
    assert beats.get(20) == 1
    for _ in range(2):
        board.replace()
        assert [happened.get(timeout=20), happened.get(timeout=20)] == ["gone", "back"]
        while len(beats):
            beats.get(0)
        assert beats.get(20) == 1  # the timer runs again, and the stream goes on


def test_a_link_that_ends_for_good_ends_the_streams(
    connect: Connect, plug: Callable[..., Plug]
) -> None:
    board = plug("tcp")
    device = connect(board.address, attempts=2)
    stream = device.events("never")
    board.pull()
    with pytest.raises(belay.ConnectionLost, match="2 attempts"):
        stream.get(20)


# ---- long lives


def test_a_session_of_any_length(connect: Connect) -> None:
    device = connect("virtual:", attempts=1)
    for number in range(1100):  # Belay 0.30 remembered 1000
        device(f"n{number % 600} = {number}")

    @device.task
    def total():  # type: ignore[no-untyped-def]
        return sum(globals()[f"n{i}"] for i in range(600))

    wanted = sum(range(500, 1100))
    assert total() == wanted
    with pytest.raises(belay.BoardResetError):
        device("import machine; machine.soft_reset()", record=False)
    assert total() == wanted


def test_many_reconnects_leave_nothing_behind(connect: Connect) -> None:
    device = connect("virtual:", attempts=1)
    look = furnish(device)
    device("step = 10")
    entries = len(device._history)
    threads = threading.active_count()
    for _ in range(8):
        with pytest.raises(belay.BoardResetError):
            device("import machine; machine.soft_reset()", record=False)
        assert look() == AFTER
        device("step = 10")
    assert len(device._history) == entries
    assert threading.active_count() == threads


# ---- at the same time


def test_threads_that_all_find_the_board_gone(connect: Connect, plug: Callable[..., Plug]) -> None:
    board = plug("tcp")
    device = connect(board.address, attempts=-1)
    furnish(device)
    device.on_disconnect(lambda error: None)  # there is a listener, too
    ends: queue.SimpleQueue[Any] = queue.SimpleQueue()
    go = threading.Barrier(5)

    def work(number: int) -> None:
        go.wait()
        try:
            for _ in range(20):
                value = device(f"{number} * step")
                assert value == number * 10
        except belay.ConnectionLost as lost:
            ends.put(lost.ran)
        except BaseException as error:
            ends.put(error)
        else:
            ends.put("done")

    workers = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(4)]
    for worker in workers:
        worker.start()
    go.wait()
    board.replace()
    outcomes = [ends.get(timeout=30) for _ in workers]
    # At most the one call that was under way is lost; the others waited and went on.
    assert outcomes.count("done") >= 3
    assert set(outcomes) <= {"done", True, None}
    assert device("step") == 10


def test_closing_ends_the_attempts(connect: Connect, plug: Callable[..., Plug]) -> None:
    board = plug("tcp")
    tried = threading.Event()

    def opens() -> Transport:
        if board.gone:
            tried.set()
        return open_transport(board.address)

    device = connect(opens, attempts=-1)
    board.pull()
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def call() -> None:
        try:
            device("1")
            ended.put(None)
        except BaseException as error:
            ended.put(error)

    threading.Thread(target=call, daemon=True).start()
    assert tried.wait(20)
    device.close()
    assert isinstance(ended.get(timeout=20), belay.BelayException)


# ---- what cannot be repeated


def test_what_fails_when_it_is_repeated_is_told(connect: Connect) -> None:
    device = connect("virtual:", attempts=2)
    device("if True: os.mkdir('there')")  # a second time it fails
    with pytest.raises(belay.ConnectionLost, match="could not be") as caught:
        device("import machine; machine.soft_reset()", record=False)
    cause = caught.value.__cause__
    while cause is not None and not isinstance(cause, belay.PyboardException):
        cause = cause.__cause__
    assert cause is not None
    assert cause.type == "OSError"


def test_proxies_and_generators_of_before_are_stale(connect: Connect) -> None:
    device = connect("virtual:", attempts=2)

    @device.task
    def numbers():  # type: ignore[no-untyped-def]
        yield from range(10)

    device("kept = [1]")
    made = device("[1, 2, 3]", proxy=True)
    begun = numbers()
    assert [next(begun), next(begun)] == [0, 1]
    with pytest.raises(belay.BoardResetError):
        device("import machine; machine.soft_reset()", record=False)
    with pytest.raises(StaleProxyError):
        made.append(4)
    with pytest.raises(belay.BelayException):
        next(begun)
    assert list(numbers()) == list(range(10))
    assert len(device.proxy("kept")) == 1


def test_a_call_that_runs_while_another_thread_reconnects_says_so(connect: Connect) -> None:
    device = connect("virtual:made_anew", startup="import belay")
    ended: queue.Queue[BaseException] = queue.Queue()
    begun = device.events("begun")

    def wait_for_ever() -> None:
        try:
            device("belay.emit('begun')\nwhile True: pass")
        except BaseException as error:
            ended.put(error)

    thread = threading.Thread(target=wait_for_ever)
    thread.start()
    begun.get(20)
    device.reconnect()
    error = ended.get(timeout=20)
    thread.join()
    assert isinstance(error, belay.ConnectionLost)
    assert error.ran is True
    assert device("1 + 1") == 2


def test_what_a_batch_did_not_do_is_not_repeated(connect: Connect) -> None:
    device = connect("virtual:batches")

    @device.setup
    def prepare(value):
        prepared = value

    @device.task(record=True)
    def mark(value):
        global marked
        marked = value

    with contextlib.suppress(ZeroDivisionError), device.batch():
        device("unsent = 1")
        prepare(1)
        mark(1)
        raise ZeroDivisionError
    with device.batch():
        device("sent = 1")
        prepare(2)
        mark(2)
        held = [device("1 / 0; failed = 1"), device("behind = 1")]
    with pytest.raises(belay.PyboardException[ZeroDivisionError]):
        held[0].result()
    with pytest.raises(belay.BatchError):
        held[1].result()
    device.reconnect()
    names = ("unsent", "sent", "prepared", "marked", "failed", "behind")
    there = {name: device(f"globals().get({name!r})") for name in names}
    assert there == {
        "unsent": None, "sent": 1, "prepared": 2, "marked": 2, "failed": None, "behind": None
    }  # fmt: skip
