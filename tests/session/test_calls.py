# SPDX-License-Identifier: Apache-2.0
"""What a call costs, how large it may be, and what it does to a busy or resetting board."""

from __future__ import annotations

import gc
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from belay import errors
from belay.session import requests
from belay.session.session import Session
from belay.transports import open_transport
from belay.wire.decoding import decode
from belay.wire.values import encode_segments
from tests.links.counting import CountingLink
from tests.session.boards import counted, fresh_name, open_session

AREA = 'def area(w, h):\n    return {"area": w * h, "unit": b"mm2"}\ndef f(x): return x\n'


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Session, CountingLink]]:
    session, link = counted("virtual:")
    session.execute(AREA, "t")
    yield session, link
    session.close()


def test_a_call_is_one_round_trip_and_at_most_48_bytes_of_overhead(
    pair: tuple[Session, CountingLink],
) -> None:
    session, link = pair
    session.call("area", (3, 4), {})
    link.reset()
    for _ in range(256):
        result = session.call("area", (3, 4), {})
    assert result == {"area": 12, "unit": b"mm2"}
    assert (link.round_trips, link.writes) == (256, 256)
    plain = len("area(3, 4)") + len(repr(result))
    assert (link.up + link.down) / 256 <= 48 + plain


def test_a_defined_function_is_called_by_number_and_still_by_its_name(
    pair: tuple[Session, CountingLink],
) -> None:
    session, link = pair
    session.define("t", "def twice(x):\n    return 2 * x\n", "twice")
    link.reset()
    assert session.call("twice", (21,), {}) == 42
    assert (link.round_trips, link.up + link.down) == (1, pytest.approx(49, abs=5))
    # The name counts, whatever it is bound to by then.
    session.execute("def twice(x): return 'other'", "t")
    assert session.call("twice", (21,), {}) == "other"
    session.define("t", "def twice(x):\n    return -x\n", "twice")
    assert session.call("twice", (21,), {}) == -21
    for number in range(120):
        session.define("t", f"def n{number}(): return {number}", f"n{number}")
    assert [session.call(f"n{number}", (), {}) for number in (0, 97, 98, 119)] == [0, 97, 98, 119]
    session.execute("del twice", "t")
    with pytest.raises(errors.PyboardException, match="NameError"):
        session.call("twice", (1,), {})


@pytest.mark.parametrize("kind", ["bytes", "str", "list"])
def test_a_megabyte_arrives_exactly_and_the_board_keeps_one_segment(
    pair: tuple[Session, CountingLink], kind: str
) -> None:
    session, link = pair
    value: object = {
        "bytes": bytes(range(256)) * 4096,
        "str": "smørrebrød\n" * 80_000,
        "list": [i % 1000 for i in range(100_000)] + [2**40] * 9000 + [0.5] * 75_000,
    }[kind]
    link.reset()
    assert session.call("f", (value,), {}) == value
    assert link.round_trips > 60
    # No frame holds more than a segment, its escapes and one token.
    frames = bytes(link.sent).split(b"\x04\n")
    assert max(map(len, frames)) < 8192 * 1.4 + 2100
    answers = bytes(link.received).split(b"\x04\x04>")
    assert max(map(len, answers)) < 8192 + 2100


def test_the_boards_heap_holds_one_segment_of_an_answer(
    pair: tuple[Session, CountingLink],
) -> None:
    session, _ = pair
    source = "import gc\nbig = [i for i in range(100000)]\ngc.collect()\nbefore = gc.mem_alloc()"
    session.execute(source, "t")
    before = session.evaluate("gc.mem_alloc()")
    peak = 0
    exchange = session._conversation.exchange
    session._conversation.exchange.request(b"e" + b"s\x93big")
    answer = session._finish(None, lambda data: None)
    segments = 1
    while answer.kind == "M":
        exchange.request(b"n")
        answer = session._finish(None, lambda data: None)
        segments += 1
    after = session.evaluate("gc.mem_alloc()")
    peak = max(before, after) - min(before, after)
    assert segments > 20
    # Garbage is collected between commands: what stays is the last segment, not the encoding.
    assert peak < 4 * 8192
    session.execute("del big", "t")


def test_source_text_is_deflated_on_its_way(pair: tuple[Session, CountingLink]) -> None:
    session, link = pair
    source = "".join(f"def name_{i}(value):\n    return value + {i}\n" for i in range(100))
    link.reset()
    session.execute(source, "t")
    assert link.up < 0.4 * len(source)
    assert session.call("name_99", (1,), {}) == 100


def test_silence_behind_the_start_frame_is_no_fault() -> None:
    # 20 times the silence after which an unanswered request would be repeated; make soak: 60 s.
    link = CountingLink(open_transport("virtual:"))
    session = open_session(link, silence=0.1)
    session.execute("import time", "t")
    link.reset()
    session.execute("time.sleep(2)", "t")
    assert (link.round_trips, session.counters.repeats) == (1, 0)
    session.close()


def test_a_deadline_interrupts_and_says_that_it_ran() -> None:
    session, _ = counted("virtual:")
    for source in ("while True: pass", "import time; time.sleep(60)", "while True: print(1)"):
        started = time.monotonic()
        with pytest.raises(errors.CallTimeoutError, match="interrupted") as caught:
            session.execute(source, "t", timeout=0.2)
        assert caught.value.ran is True
        assert time.monotonic() - started < 10
        assert session.evaluate("6 * 7") == 42
    session.close()


def test_a_deadline_does_not_hide_the_programs_own_exception() -> None:
    session, _ = counted("virtual:")
    source = "try:\n while True: pass\nexcept KeyboardInterrupt:\n raise ValueError('mine')"
    with pytest.raises(errors.PyboardException, match="mine"):
        session.execute(source, "t", timeout=0.2)
    session.close()


def test_a_program_that_swallows_interrupts_is_reported_and_found_out_later() -> None:
    session = open_session("virtual:", silence=0.05)
    session._timing.settle = 0.5
    source = (
        "import time\nend = time.ticks_add(time.ticks_ms(), 2000)\n"
        "while time.ticks_diff(end, time.ticks_ms()) > 0:\n"
        " try:\n  time.sleep(0.01)\n except KeyboardInterrupt: pass\nended = 1"
    )
    with pytest.raises(errors.CallTimeoutError, match="does not react"):
        session.execute(source, "t", timeout=0.1)
    assert session.evaluate("ended") == 1
    session.close()


@pytest.mark.parametrize("options", ["", "?cooked=1"])
@pytest.mark.parametrize(
    "how", ["machine.reset()", "machine.soft_reset()", "import sys; sys.exit(1)"]
)
def test_a_reset_by_the_program_is_told_from_a_long_silence(how: str, options: str) -> None:
    # docs.micropython.org, sys.exit: an unhandled SystemExit soft-resets an embedded port.
    session = open_session("virtual:" + options, silence=0.05)
    session.execute("kept = 1\nimport machine", "t")
    got = bytearray()
    with pytest.raises(errors.BoardResetError, match="reset") as caught:
        session.execute(f"print('before')\n{how}", "t", output=got.extend)
    assert bytes(got).rstrip() == b"before"
    assert caught.value.ran is True
    with pytest.raises(errors.PyboardException, match="NameError"):
        session.evaluate("kept")
    assert session.evaluate("6 * 7") == 42
    session.close()


def test_a_reset_between_calls_is_told_once_and_the_next_call_works() -> None:
    session = open_session("virtual:", silence=0.05)
    session.define("t", "def f(): return 1", "f")
    session.transport.write(b"\x04")  # as a reset button would: the agent is gone
    with pytest.raises(errors.BoardResetError, match="define your functions again") as caught:
        session.call("f", (), {})
    assert caught.value.ran is False
    assert session.evaluate("6 * 7") == 42
    session.define("t", "def g(): return 2\ndef f(): return 3", "g")
    assert (session.call("g", (), {}), session.call("f", (), {})) == (2, 3)
    session.close()


def test_eight_threads_call_one_board() -> None:
    session, link = counted("virtual:")
    session.execute("def f(a, b):\n print(a)\n return [a, b]", "t")
    wrong: list[object] = []

    def work(number: int) -> None:
        for i in range(60):
            got = bytearray()
            answer = session.call("f", (number, i), {}, output=got.extend)
            if answer != [number, i] or bytes(got) != b"%d\n" % number:
                wrong.append((number, i, answer, got))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    link.reset()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert link.round_trips == 480
    session.close()


def test_a_callback_that_calls_the_same_board_is_refused() -> None:
    session, _ = counted("virtual:")

    def call(data: bytes) -> None:
        session.evaluate("1")

    with pytest.raises(RuntimeError, match="callback"):
        session.execute("print('x')", "t", output=call)
    assert session.evaluate("6 * 7") == 42
    session.close()


def test_an_output_handler_that_raises_stops_the_board_and_keeps_the_session() -> None:
    session, _ = counted("virtual:")

    def fail(data: bytes) -> None:
        raise OSError("the pipe is closed")

    with pytest.raises(OSError, match="pipe is closed"):
        session.execute("while True: print('x')", "t", output=fail)
    assert session.evaluate("6 * 7") == 42
    session.close()


def test_a_closed_session_says_so() -> None:
    session, _ = counted("virtual:")
    session.close()
    session.close()
    with pytest.raises(errors.DeviceClosedError):
        session.evaluate("1")


def test_closing_ends_the_call_of_another_thread() -> None:
    session, _ = counted("virtual:")
    running = threading.Event()
    ended: list[BaseException] = []

    def work() -> None:
        try:
            program = "print('on')\nwhile True: pass"
            session.execute(program, "t", output=lambda data: running.set())
        except BaseException as error:
            ended.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert running.wait(30)
    session.close()
    for thread in threads:
        thread.join(30)
    assert [type(error) for error in ended] == [errors.DeviceClosedError] * 3


def test_a_callback_cannot_close_the_board_under_its_own_call() -> None:
    session, _ = counted("virtual:")
    with pytest.raises(RuntimeError, match="closed the same board"):
        session.execute("print('x')", "t", output=lambda data: session.close())
    assert session.evaluate("6 * 7") == 42
    session.close()


def test_prints_of_a_timer_between_calls_arrive_with_the_next_call() -> None:
    session, _ = counted("virtual:")
    source = (
        "from machine import Timer\nticks = 0\ndef tick(t):\n global ticks\n ticks += 1\n"
        " print('tick')\ntimer = Timer(-1)\n"
        "timer.init(period=5, mode=Timer.ONE_SHOT, callback=tick)"
    )
    session.execute(source, "t")
    got = bytearray()
    deadline = time.monotonic() + 10
    while not session.evaluate("ticks", output=got.extend) and time.monotonic() < deadline:
        session.transport.wait(0.05)
    assert bytes(got) == b"tick\n"
    session.close()


def test_an_event_that_nobody_asked_for() -> None:
    session, _ = counted("virtual:")
    got: list[object] = []
    session.on_event = lambda topic, value, ticks: got.append((topic, value))
    source = (
        "from machine import Timer\nimport belay\ntimer = Timer(-1)\ntimer.init(period=5, "
        "mode=Timer.ONE_SHOT, callback=lambda t: belay.emit('late', [1, 2]))"
    )
    session.execute(source, "t")
    deadline = time.monotonic() + 10
    while not got and time.monotonic() < deadline:
        session.evaluate("0")
    assert got == [("late", [1, 2])]
    session.close()


def board_heap(session: Session) -> int:
    """Bytes in use; the virtual board collects between commands, so the second look counts."""
    session.evaluate("gc.collect()")
    used: int = session.evaluate("gc.mem_alloc()")
    return used


def calls_in_a_row(count: int) -> None:
    """Many calls, with and without a value: neither side may grow."""
    session = open_session(fresh_name())
    session.execute(AREA + "import gc", "t")
    for _ in range(200):
        session.call("area", (3, 4), {})
    before = board_heap(session)
    gc.collect()
    tracemalloc.start()
    for i in range(count):
        if session.call("f", (f"text {i}",), {}) != f"text {i}":
            raise AssertionError(i)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    after = board_heap(session)
    assert abs(after - before) < 4096, (before, after)
    assert grown < 100_000
    session.close()


def test_two_thousand_calls_leave_both_heaps_flat() -> None:
    calls_in_a_row(2000)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_hundred_thousand_calls_leave_both_heaps_flat() -> None:
    calls_in_a_row(100_000)


@pytest.mark.soak
def test_a_minute_of_silence_is_left_alone() -> None:
    link = CountingLink(open_transport("virtual:"))
    session = open_session(link, silence=0.1)
    session.execute("import time", "t")
    link.reset()
    session.execute("time.sleep(60)", "t")
    assert (link.round_trips, session.counters.repeats) == (1, 0)
    session.close()


def test_the_ticks_of_every_answer_are_the_boards() -> None:
    session, _ = counted("virtual:")
    session.execute("import time", "t")
    payload = requests.EVALUATE + encode_segments(("time.ticks_ms()",), 4096)[0]
    session._conversation.exchange.request(payload)
    first = session._finish(None, lambda data: None)
    assert 0 <= (first.ticks - decode(first.payload)) < 1000
    session.close()
