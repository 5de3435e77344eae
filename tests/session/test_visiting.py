# SPDX-License-Identifier: Apache-2.0
"""The board's friendly prompt lent to somebody who types, while the agent stays on the board."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from belay import errors
from belay.session.session import Session
from belay.session.visiting import Visit, visit
from belay.transports import open_transport
from tests.links.faulty import FaultyLink
from tests.session import boards

OPTIONS = pytest.mark.parametrize("options", ["", "?cooked=1"], ids=["raw", "cooked"])


def typed(text: bytes, until: bytes = b">>> ") -> Callable[[Visit], bytes]:
    """Types something at the prompt and reads what comes back."""

    def use(here: Visit) -> bytes:
        seen = b""
        for wanted, keys in ((b">>> ", text), (until, b"")):
            seen = b""
            while not seen.endswith(wanted):
                seen = (seen + here.read(5.0)).replace(b"\r\n", b"\n")
            if keys:
                here.write(keys)
        heard.append(seen)
        return seen

    return use


heard: list[bytes] = []


@OPTIONS
def test_what_the_board_keeps_for_the_host_stays(options: str) -> None:
    session = boards.open_session(f"virtual:{options}")
    session.define("<tag>", "def twice(x):\n return 2 * x\n", "twice")
    generation = session.generation
    assert visit(session, typed(b"answer = twice(21)\r"))
    assert session.evaluate("answer") == 42
    assert session.call("twice", (4,), {}) == 8
    assert session.generation == generation


@OPTIONS
def test_a_half_typed_line_is_not_run(options: str) -> None:
    session = boards.open_session(f"virtual:{options}")
    session.execute("done = []", "<tag>")
    for text, until in ((b"done.append(1)", b")"), (b"for i in 'a':\r done.append(2)", b"2)")):
        assert visit(session, typed(text, until))
    assert session.evaluate("done") == []


@OPTIONS
def test_events_are_taken_out_and_handed_on(options: str) -> None:
    session = boards.open_session(f"virtual:{options}")
    events: list[object] = []
    session.on_event = lambda topic, value, ticks: events.append((topic, value))
    line = b"import belay; [belay.emit('n', i) for i in range(3)]; print('end')\r"
    heard.clear()
    assert visit(session, typed(line))
    assert heard[-1] == line[:-1] + b"\n[None, None, None]\nend\n>>> "
    assert events == [("n", 0), ("n", 1), ("n", 2)]


@OPTIONS
def test_a_reset_is_noticed(options: str) -> None:
    session = boards.open_session(f"virtual:{options}")
    session.execute("x = 1", "<tag>")
    generation = session.generation
    assert not visit(session, typed(b"\x04", b'"help()" for more information.\n>>> '))
    assert session.evaluate("'x' in globals()") is False
    assert session.generation > generation


def test_a_program_that_was_left_running_is_stopped() -> None:
    session = boards.open_session("virtual:")
    assert visit(session, typed(b"while True: pass\r\r", b"... \n"))
    assert session.evaluate("1 + 1") == 2


def test_what_fails_there_leaves_the_session_usable() -> None:
    session = boards.open_session("virtual:")

    def fails(here: Visit) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        visit(session, fails)
    assert session.evaluate("1 + 1") == 2


def test_a_link_that_ends() -> None:
    link = FaultyLink(open_transport("virtual:"))
    session = Session.open(link)
    boards.opened.append(session)

    def cut(here: Visit) -> None:
        link.cut()
        here.read(5.0)

    with pytest.raises(errors.ConnectionLost):
        visit(session, cut)
