# SPDX-License-Identifier: Apache-2.0
"""From any state that a CircuitPython board can be found in to a session.

Its Ctrl-C takes with it what was sent behind it, and a board whose code has ended swallows a key:
so what begins a session may have to be sent again, and nothing here counts round trips.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from belay.transports import open_transport
from belay.wire.frames import Style
from tests.links.counting import CountingLink
from tests.session.boards import HASTY, fresh_name, open_session, read_until

WAITING = b"Use CTRL-D to reload.\r\n"

STATES = {
    "idle": (b"", b""),
    "half a line": (b"x = (1,", b"x = (1,"),
    "open block": (b"def f():\rx=1\r", b"x=1\r\n"),
    "while True: pass": (b"print('g'+'o')\rwhile True: pass\r\r\r", b"while True: pass\r\n"),
    "printing loop": (b"while True: print('hel'+'lo')\r\r\r", b"hello\r\nhello\r\nhello\r\n"),
    "waits for a key": (b"\x04", WAITING),
    "paste mode": (b"\x05x=1\r\ny=2", b"y=2"),
    "raw REPL": (b"\x01", b"raw REPL; CTRL-B to exit\r\n>"),
    "raw REPL, looping": (b"\x01print('g'+'o')\nwhile 1: pass\n\x04", b"OKgo"),
    "mid raw paste": (b"\x01\x05A\x01print(1", b"R\x01"),
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    return fresh_name() + "?circuitpython=1"


@pytest.mark.parametrize("reset", [False, True], ids=["attach", "reset"])
@pytest.mark.parametrize("state", STATES)
def test_from_every_state(address: str, state: str, reset: bool) -> None:
    typed, shown = STATES[state]
    link = CountingLink(open_transport(address))
    link.write(b"\x03\x03\n\x01")
    read_until(link, b"raw REPL; CTRL-B to exit\r\n>")
    link.write(b"\x02")
    read_until(link, b">>> ")
    link.write(typed)
    if shown:
        read_until(link, shown)
    session = open_session(link, silence=HASTY, reset=reset)
    try:
        assert session.evaluate("6 * 7") == 42
        assert session.facts.name == "circuitpython"
        assert session._style is Style.TEXT
        assert session.agent
    finally:
        session.close()
