# SPDX-License-Identifier: Apache-2.0
"""What a session can ask a board, in every style of the wire."""

from __future__ import annotations

import array
import math
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belay import errors
from belay.session import requests
from belay.session.session import Session
from tests.session.boards import counted, fresh_name, open_session, pretend

STYLES = {"raw": "", "cooked": "?cooked=1", "text": "", "text cooked": "?cooked=1"}


@pytest.fixture(scope="module", params=STYLES)
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        if "text" in request.param:
            pretend(monkeypatch, binary=False)
        session = open_session(fresh_name() + STYLES[request.param])
    session.execute("def same(*a, **k): return (a, k) if k else a[0]", "t")
    yield session
    assert session.counters.repeats == 0
    session.close()


def bits(value: Any) -> Any:
    """A value in which equal means equal to the bit, also for nan and -0.0."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, complex):
        return bits(value.real), bits(value.imag)
    if isinstance(value, (list, tuple)):
        return type(value), [bits(item) for item in value]
    if isinstance(value, dict):
        # MicroPython's dicts keep no order, and neither do they here.
        return dict, sorted(repr((bits(key), bits(item))) for key, item in value.items())
    if isinstance(value, (array.array, memoryview)):
        return type(value), list(value)
    return type(value), value


VALUES: list[Any] = [
    *(None, True, False, 0, -1, 111, 112, -16, -17, 2**15, -(2**15) - 1, 2**31, -(2**31) - 1),
    *(2**63, 2**200, -(2**200), 10**400, 2**9000 - 1, -(3**20000)),
    *(0.0, -0.0, 1 / 3, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan),
    *(1j, complex(1 / 3, -math.inf)),
    *("", "plain", "häß €\U0001f600", "\0\1\2\3\4\5\n\r'\\#\x10", "x" * 3000, "€" * 3000),
    *(b"", bytes(range(256)), b"'" * 50, bytes(range(256)) * 20, bytearray(b"\3\4"), bytearray()),
    *([], [1, [2, [3, []]]], (), (1,), ((),), {}, {"a": {1: [None]}, (1, 2): b"x", None: 2.5}),
    *(
        set(),
        {1, "a"},
        frozenset(),
        frozenset({(1, 2)}),
        range(0),
        range(5, -5, -3),
        range(2**29, -(2**29), -9),
    ),
    *(array.array(code, [1, 2, 100]) for code in "bBhHiIqQfd"),
    *(array.array("d", range(2000)), array.array("h")),
    *(memoryview(b"abc"), memoryview(array.array("h", [-1, 5])), memoryview(b"")),
    *(memoryview(array.array("I", [2**31, 0])), memoryview(array.array("d", [0.5] * 900))),
    [list(range(500))] * 8,
    {f"key {i}": (i, float(i), str(i)) for i in range(300)},
]


def test_values_travel_both_ways_exactly(session: Session) -> None:
    for value in VALUES:
        assert bits(session.call("same", (value,), {})) == bits(value)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(value=values)
def test_any_nesting_travels(session: Session, value: Any) -> None:
    assert bits(session.call("same", (value,), {})) == bits(value)


def test_keywords(session: Session) -> None:
    assert session.call("same", (1, [2]), {"b": "x", "a": 3}) == ((1, [2]), {"b": "x", "a": 3})


def test_prints_and_value_of_one_request(session: Session) -> None:
    got = bytearray()
    source = "print('a')\nprint('b', end='')\n_belay_value = 7"
    value = session.request(requests.VALUE, ("t", source), output=got.extend)
    assert (value, bytes(got)) == (7, b"a\nb")


def test_an_exception_of_the_program(session: Session) -> None:
    with pytest.raises(errors.PyboardException) as caught:
        session.execute("def f():\n    raise ValueError('no', 3, [1])\n\nf()", "tag")
    error = caught.value
    assert (error.type, error.value_args) == ("ValueError", ("no", 3, [1]))
    assert 'File "tag", line 4, in <module>' in error.args[0]
    assert 'File "tag", line 2, in f' in error.args[0]
    assert session.evaluate("1") == 1


def test_an_interrupt_that_the_program_raises_itself_is_its_exception(session: Session) -> None:
    with pytest.raises(errors.PyboardException, match="KeyboardInterrupt: mine"):
        session.execute("raise KeyboardInterrupt('mine')", "t")
    assert session.evaluate("1") == 1


def test_a_batch_answers_in_order_and_names_the_item_that_failed(session: Session) -> None:
    items = [(requests.CALL, ("same", i)) for i in range(20)]
    assert session.batch(items) == list(range(20))
    items.insert(3, (requests.EVALUATE, ("1 // 0",)))
    with pytest.raises(errors.PyboardException, match="ZeroDivisionError") as caught:
        session.batch(items)
    assert caught.value.done == [0, 1, 2]


def test_events_arrive_during_a_call(session: Session) -> None:
    got: list[Any] = []
    session.on_event = lambda topic, value, ticks: got.append((topic, value))
    printed = bytearray()
    source = "import belay\nfor i in range(300):\n belay.emit('n', {'i': i})\n print(i)"
    session.execute(source, "t", output=printed.extend)
    assert got == [("n", {"i": i}) for i in range(300)]
    assert printed.split() == [b"%d" % i for i in range(300)]


def test_a_stream_of_lines_into_a_running_program(session: Session) -> None:
    chunks = [bytes(range(i, i + 60)) for i in range(190)] + [b"\3\n\r\x10", b""]
    waiting = iter(chunks)
    session.on_line = lambda room: next(waiting)
    source = f"import belay\n_belay_value = [belay.receive() for _ in range({len(chunks)})]"
    assert session.request(requests.VALUE, ("t", source)) == chunks


def test_parts_of_belay_talk_to_their_halves_on_the_board(session: Session) -> None:
    told: list[Any] = []
    asked: list[Any] = []

    def supply(question: list[Any], room: int) -> bytes:
        asked.append((question, room))
        return bytes(question[0])

    session.on_event = lambda topic, value, ticks: told.append((topic, value))
    session.services["part"] = told.append
    session.suppliers["part"] = supply
    session.on_line = lambda room: b"a line\n"
    source = """
import belay
ask = lambda *q: belay.receive(100, _pull([iter((list(q),))])[0])
_pull = belay.receive.__globals__["pull"]
belay.emit(b"belay", ["part", 1, {}])
for other in (["nobody"], [7, 1], [], "part", None, {}):
    belay.emit(b"belay", other)
belay.emit("belay", ["part", 2])
_belay_value = [ask("part", 3), belay.receive(), ask("nobody", 4), belay.receive(9, b"rubbish"),
    belay.receive(9, b"?"), ask("part", 0), input()]
"""
    answers = session.request(requests.VALUE, ("t", source))
    assert answers == [b"\0\0\0", b"a line\n", b"", b"", b"", b"", "a line"]
    assert told == [[1, {}], ("belay", ["part", 2])]
    assert asked == [([3], 100), ([0], 100)]


@pytest.mark.parametrize("kind", ["services", "suppliers"])
def test_what_such_a_part_raises_stops_the_call(session: Session, kind: str) -> None:
    def fail(*args: Any) -> bytes:
        raise ZeroDivisionError("mine")

    getattr(session, kind)["part"] = fail
    say = {"services": 'belay.emit(b"belay", ["part"])', "suppliers": "belay.receive(9, QUESTION)"}
    source = f"import belay\n{say[kind]}\nwhile True: pass"
    values = {"QUESTION": b"l\x91s\x94part"}
    with pytest.raises(ZeroDivisionError, match="mine"):
        session.request(requests.EXECUTE, ("t", source, values))
    assert session.evaluate("1 + 1") == 2


def test_results_that_cannot_travel_say_where(session: Session) -> None:
    with pytest.raises(errors.UnsupportedValueError) as caught:
        session.evaluate("{'log': [0, 1, 2, (4, same)]}")
    assert (caught.value.path, caught.value.type_name) == ("result['log'][3][1]", "function")
    assert session.evaluate("1") == 1


def test_a_result_that_contains_itself_is_refused(session: Session) -> None:
    session.execute("loop = []\nloop.append(loop)", "t")
    with pytest.raises(errors.UnsupportedValueError, match="nested too deep"):
        session.evaluate("loop")
    assert session.evaluate("1") == 1


def test_arguments_that_cannot_travel_are_found_before_anything_is_sent() -> None:
    session, link = counted("virtual:")
    session.execute("def same(a): return a", "t")
    link.reset()
    loop: list[Any] = []
    loop.append(loop)
    for value, path in [
        ({"log": [0, object()]}, "args[0]['log'][1]"),
        ("\ud800", "args[0]"),
        ([memoryview(b"abcd").cast("B", [2, 2])], "args[0][0]"),
        ({1: {2: lambda: 0}}, "args[0][1][2]"),
    ]:
        with pytest.raises(errors.UnsupportedValueError) as caught:
            session.call("same", (value,), {})
        assert caught.value.path == path
        with pytest.raises(errors.UnsupportedValueError):
            session.call("same", (), {"a": value})
    with pytest.raises(errors.UnsupportedValueError, match="nested"):
        session.call("same", (loop,), {})
    assert link.up == 0
    session.close()


def test_an_answer_beyond_the_limit_is_not_fetched() -> None:
    from belay.wire.values import Limits

    session, link = counted("virtual:")
    session.limits = Limits(size=50_000)
    with pytest.raises(errors.UnsupportedValueError, match="larger than 50000"):
        session.evaluate("bytes(1000000)")
    assert link.down < 100_000
    assert session.evaluate("1") == 1
    session.close()


NONCE = object()
HOSTILE: list[Any] = [
    b"\x04>", b"OK", b"\x04\x04>", b"\0", b"\1\2\3\5", b"\r\nraw REPL; CTRL-B to exit\r\n>",
    b"\n", b">>> ", b"\x04Traceback (most recent call last):\r\n\x04>", b"MPY: soft reboot\r\n",
    b"\xff\xfe", NONCE,
]  # fmt: skip


@pytest.fixture(scope="module")
def hasty() -> Iterator[Session]:
    """A whole nonce in a program's text waits for one silence: a short one here."""
    session = open_session("virtual:", silence=0.05)
    session.execute("import sys\ndef out(b): sys.stdout.buffer.write(b)", "t")
    yield session
    session.close()


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    parts=st.lists(st.sampled_from(HOSTILE) | st.binary(max_size=8), max_size=8),
    cut=st.integers(0, 4),
)
def test_any_bytes_a_program_prints_arrive_unchanged(
    hasty: Session, parts: list[Any], cut: int
) -> None:
    nonce = hasty._nonce[: cut or None]
    data = b"".join(nonce if part is NONCE else part for part in parts)
    got = bytearray()
    hasty.call("out", (data,), {}, output=got.extend)
    assert bytes(got) == data


def test_builtins_can_be_called_by_name_unless_main_has_one_of_the_name(session: Session) -> None:
    assert session.call("sum", ([1, 2],), {}) == 3
    session.execute("def sum(items): return 'mine'", "t")
    assert session.call("sum", ([1, 2],), {}) == "mine"
    with pytest.raises(errors.PyboardException["NameError"], match="nowhere"):
        session.call("nowhere", (), {})
