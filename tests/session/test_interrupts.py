# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C at random moments: the board stops, the session stays in step, nothing runs twice."""

from __future__ import annotations

import collections
import os
import random
import signal
import threading
import time
from collections.abc import Callable

import pytest

from belay import errors
from belay.session import requests
from belay.session.session import Session
from belay.transports import open_transport
from belay.wire.frames import Style, encode_request
from tests.links.faulty import FaultyLink
from tests.session.boards import open_session

pytestmark = pytest.mark.usefixtures("no_collector_hooks")

PROGRAMS = {
    "printing loop": "while True: print('hello world')",
    "while True: pass": "while True: pass",
    "time.sleep": "import time\ntime.sleep(60)",
    "blocked in input": "input()",
    "a short call, racing": "m += 1\nfor i in range(100): pass",
    "forced at the end": "import time\nm += 1\ntime.sleep(0.003)",
    "catches and goes on": "try:\n while True: pass\nexcept KeyboardInterrupt: print('caught')",
}


def interrupted_at(delay: float, action: Callable[[], object]) -> str:
    """Run with a real SIGINT after ``delay`` seconds; what came of it."""
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        try:
            action()
        except KeyboardInterrupt as interrupt:
            cause = interrupt.__cause__
            return f"interrupted {cause.type}" if cause else "interrupted"
        finally:
            timer.join()
        return "done"
    except KeyboardInterrupt:
        return "late"  # it was over; the signal came on the way out


def interrupt_often(
    session: Session, program: str, times: int, seed: int
) -> collections.Counter[str]:
    """Interrupt a program at random moments; after each, the session answers at once and right."""
    chance = random.Random(seed)
    outcomes: collections.Counter[str] = collections.Counter()
    session.execute("m = 0", "t")
    for _ in range(times):
        got = bytearray()
        delay = chance.random() * 0.012
        outcome = interrupted_at(
            delay,
            lambda: session.execute(program, "t", output=got.extend),  # noqa: B023
        )
        outcomes[outcome] += 1
        if "hello" in program:
            # Whole lines and at most the beginning of one: no byte of the wire in between.
            rest = bytes(got).replace(b"hello world\n", b"")
            assert b"hello world\n".startswith(rest), rest
        answer = chance.randrange(1 << 30)
        assert session.evaluate(str(answer), timeout=20) == answer
    return outcomes


@pytest.mark.parametrize("options", ["", "?cooked=1"], ids=["raw", "cooked"])
def test_two_hundred_interrupts_of_a_printing_loop(options: str) -> None:
    session = open_session("virtual:" + options)
    times = 60 if options else 200
    outcomes = interrupt_often(session, PROGRAMS["printing loop"], times, seed=1)
    assert outcomes.total() == times
    assert outcomes["done"] == 0
    session.close()


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "printing loop"])
def test_interrupts_at_random_moments(name: str) -> None:
    session = open_session("virtual:")
    outcomes = interrupt_often(session, PROGRAMS[name], 40, seed=2)
    if "m += 1" in PROGRAMS[name]:
        # Interrupted or not, each ran once at most.
        assert session.evaluate("m") <= 40
    elif name != "catches and goes on":
        assert outcomes["done"] == 0
    session.close()


def test_the_board_is_stopped_within_a_fifth_of_a_second() -> None:
    session = open_session("virtual:")
    times = []
    for program in ("while True: pass", "import time\ntime.sleep(60)"):
        for _ in range(5):
            started = time.monotonic()
            with pytest.raises(errors.CallTimeoutError):
                session.execute(program, "t", timeout=0.05)
            times.append(time.monotonic() - started - 0.05)
    # The best of ten: a busy machine delays some of them.
    assert min(times) < 0.2
    session.close()


def test_interrupt_from_another_thread() -> None:
    session = open_session("virtual:")
    running = threading.Event()

    def watch(data: bytes) -> None:
        running.set()

    def stop() -> None:
        running.wait(20)
        session.interrupt()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        session.execute("print('on')\nwhile True: pass", "t", output=watch)
    stopper.join()
    assert isinstance(caught.value.__cause__, errors.PyboardException)
    assert "while True" not in repr(session.evaluate("6 * 7"))
    session.interrupt()  # nothing runs: nothing happens
    assert session.evaluate("6 * 7") == 42
    session.close()


def test_a_second_interrupt_gets_through_when_the_board_ignores_the_first() -> None:
    session = open_session("virtual:", silence=0.05)
    session._timing.settle = 30.0
    program = (
        "import time\nprint('on')\nend = time.ticks_add(time.ticks_ms(), 1500)\n"
        "while time.ticks_diff(end, time.ticks_ms()) > 0:\n"
        " try:\n  time.sleep(0.01)\n except KeyboardInterrupt: pass"
    )
    timers = [threading.Timer(t, os.kill, (os.getpid(), signal.SIGINT)) for t in (0.2, 0.5)]
    for timer in timers:
        timer.start()
    with pytest.raises(KeyboardInterrupt):
        session.execute(program, "t")
    for timer in timers:
        timer.join()
    # The board is still at it; the next call waits for its end and gets its own answer.
    assert session.evaluate("6 * 7") == 42
    session.close()


def test_the_previous_signal_handler_is_back_after_every_call() -> None:
    session = open_session("virtual:")
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        handler = signal.getsignal(signal.SIGINT)
        session.evaluate("1")
        assert signal.getsignal(signal.SIGINT) is handler
        # A handler that does not raise is called, and the call goes on.
        assert (
            interrupted_at(0.02, lambda: session.execute("import time; time.sleep(0.1)", "t"))
            == "done"
        )
        assert seen == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)
    session.close()


class FloodLink(FaultyLink):
    """There is always something to read: a program that prints faster than the host reads."""

    flooding = False

    def wait(self, timeout: float | None) -> bool:
        return super().wait(0.0 if self.flooding else timeout) or self.flooding

    def read(self) -> bytes:
        data = super().read()
        return data or (b"." if self.flooding else b"")


def test_a_flood_of_output_puts_off_neither_a_deadline_nor_the_next_interrupt() -> None:
    link = FloodLink(open_transport("virtual:"))
    session = open_session(link, silence=0.05)
    for lost in (False, True):
        link.flooding = True
        if lost:
            link.arm("up", interrupted_after(session), "drop")
        with pytest.raises(errors.CallTimeoutError):
            session.execute("while True: pass", "t", timeout=0.2)
        link.flooding = False
        assert session.evaluate("6 * 7") == 42
    assert session.counters.interrupts > 2
    session.close()


def test_a_lost_request_is_repeated_also_while_a_timer_prints() -> None:
    link = FloodLink(open_transport("virtual:"))
    session = open_session(link, silence=0.05)
    session.execute("n = 0\ndef f():\n global n\n n += 1\n return n", "t")
    link.flooding = True
    size = len(encode_request(0, requests.CALL + b"s\x91f", Style.RAW))
    link.arm("up", size - 2, "drop")  # the Ctrl-D; later ones are off by an escape at most
    assert session.call("f", (), {}, timeout=20) == 1
    link.flooding = False
    assert session.evaluate("n") == 1
    session.close()


def interrupted_after(session: Session) -> int:
    """Bytes up before the interrupt of the next call: those of the request."""
    payload = requests.payloads(
        requests.EXECUTE, ("t", "while True: pass"), size=4096, deflate=True
    )[0]
    exchange = session._conversation.exchange
    return len(encode_request((exchange.seq + 1) & 255, payload, Style.RAW))


def test_a_signal_that_ends_no_wait_is_noticed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It came in the instant before the system began to wait: here each wait misses it."""
    session = open_session("virtual:")
    wait, sent = session.transport.wait, []

    def deaf(timeout: float | None) -> bool:
        ready = wait(timeout)
        if timeout and not ready and not sent:
            sent.append(True)
            session._conversation._shield._pending += 1  # the handler has run, nothing was raised
        return ready

    monkeypatch.setattr(session.transport, "wait", deaf)
    with pytest.raises(KeyboardInterrupt):
        session.execute("while True: pass", "t")
    assert sent
    assert session.evaluate("1") == 1
