# SPDX-License-Identifier: Apache-2.0
"""A board without the agent: expressions, tasks and prints; what is missing says so."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from belay import errors
from belay.session import requests
from belay.session.session import Session
from tests.session.boards import fresh_name, open_session


@pytest.fixture(scope="module", params=["", "?cooked=1"], ids=["raw", "cooked"])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    session = open_session(fresh_name() + request.param, agent=False)
    session.execute("def same(*a, **k): return (a, k) if k else a[0]", "t")
    yield session
    session.close()


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -5, 2**70, 0.5, math.inf, "häß'\"\\\n\x04", b"\0\x04'\xff", []),
        [1, (2,), {"a": None}],
    ],
    ids=repr,
)
def test_plain_values(session: Session, value: object) -> None:
    if value == math.inf:
        with pytest.raises(errors.UnsupportedValueError, match="inf"):
            session.call("same", (value,), {})
        assert session.call("same", ([value > 1],), {}) == [True]
    else:
        assert session.call("same", (value,), {}) == value


def test_keywords_and_values_of_cells(session: Session) -> None:
    assert session.call("same", (1,), {"k": [2]}) == ((1,), {"k": [2]})
    assert session.request(requests.VALUE, ("t", "x = 5\n_belay_value = (x + 1)")) == 6
    assert session.evaluate("1 + 1  # two") == 2


def test_prints_are_told_from_values(session: Session) -> None:
    got = bytearray()
    session.execute("def show():\n print('a')\n print('b', end='')\n return 3", "t")
    assert session.call("show", (), {}, output=got.extend) == 3
    assert bytes(got) == b"a\nb"


def test_exceptions(session: Session) -> None:
    with pytest.raises(errors.PyboardException) as caught:
        session.execute("x = 1\nraise ValueError('no')", "tag")
    assert caught.value.type == "ValueError"
    assert 'File "tag", line 2, in <module>' in caught.value.args[0]


def test_what_needs_the_agent_says_so(session: Session) -> None:
    with pytest.raises(errors.FeatureUnavailableError, match="no room for belay's agent"):
        session.batch([(requests.EVALUATE, ("1",))])
    with pytest.raises(errors.UnsupportedValueError, match=r"args\[0\]\[1\].*needs the agent"):
        session.call("same", ([1, {2}],), {})
    with pytest.raises(errors.UnsupportedValueError, match="no plain value"):
        session.evaluate("same")
    with pytest.raises(errors.UnsupportedValueError, match="control characters"):
        session.execute("x = '\x03'", "t")


def test_deadlines_interrupt(session: Session) -> None:
    with pytest.raises(errors.CallTimeoutError):
        session.execute("while True: pass", "t", timeout=0.2)
    with pytest.raises(errors.CallTimeoutError):
        session.execute("while True: print('x')", "t", timeout=0.2)
    assert session.evaluate("6 * 7") == 42


def test_a_lost_line_is_typed_again_and_never_run_twice() -> None:
    from belay.transports import open_transport
    from tests.links.faulty import FaultyLink
    from tests.session.boards import HASTY

    link = FaultyLink(open_transport("virtual:"))
    session = open_session(link, silence=HASTY, agent=False)
    session.execute("n = 0\ndef f():\n global n\n n += 1\n return n", "t")
    size = link.passed("up")
    assert session.call("f", (), {}) == 1
    size = link.passed("up") - size
    link.arm("up", size - 1, "drop")  # the Ctrl-D
    assert session.call("f", (), {}) == 2
    assert session.evaluate("n") == 2
    session.close()
