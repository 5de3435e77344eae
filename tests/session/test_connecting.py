# SPDX-License-Identifier: Apache-2.0
"""From any state that a board can be found in to a session: 3 round trips, 4 with a reset."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from belay import errors
from belay.session.session import Session
from belay.transports import open_transport
from tests.links.counting import CountingLink
from tests.session.boards import PATIENT, fresh_name, open_session, pretend, read_until

# What to type at the friendly prompt, and the text that shows that the board is there.
STATES = {
    "idle": (b"", b""),
    "half a line": (b"x = (1,", b"x = (1,"),
    "open block": (b"def f():\rx=1\r", b"x=1\r\n"),
    "while True: pass": (b"print('g'+'o')\rwhile True: pass\r\r\r", b"while True: pass\r\n"),
    "printing loop": (b"while True: print('hel'+'lo')\r\r\r", b"hello\nhello\nhello\n"),
    "paste mode": (b"\x05x=1\r\ny=2", b"y=2"),
    "raw REPL": (b"\x01", b"raw REPL; CTRL-B to exit\r\n>"),
    "half a raw line": (b"\x01print('abc", b"raw REPL; CTRL-B to exit\r\n>"),
    "raw REPL, looping": (b"\x01print('g'+'o')\nwhile 1: pass\n\x04", b"OKgo"),
    "mid raw paste": (b"\x01\x05A\x01print(1", b"R\x01"),
    "raw paste, unfinished request": (b"\x01\x05A", b"raw REPL; CTRL-B to exit\r\n>"),
}


@pytest.fixture(scope="module", params=["", "?cooked=1"], ids=["raw", "cooked"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    return fresh_name() + request.param


@pytest.mark.parametrize("reset", [False, True], ids=["attach", "reset"])
@pytest.mark.parametrize("state", STATES)
def test_round_trips_of_connecting(address: str, state: str, reset: bool) -> None:
    typed, shown = STATES[state]
    link = CountingLink(open_transport(address))
    link.write(b"\x03\x03\x02")
    read_until(link, b">>> ")
    link.write(typed)
    if "cooked" in address:
        shown = shown.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if shown:
        read_until(link, shown)
    link.reset()
    session = open_session(link, reset=reset)
    try:
        assert link.round_trips <= (4 if reset else 3)
        assert session.counters.repeats == 0
        assert session.evaluate("6 * 7") == 42
        assert session.facts.name == "micropython"
        assert session.facts.cooked_binary == ("cooked" in address)
    finally:
        session.close()


def test_attaching_keeps_what_is_in_memory_and_reset_does_not() -> None:
    address = fresh_name()
    first = open_session(address)
    first.execute("kept = 'here'", "t")
    first.close()
    second = open_session(address)
    assert second.evaluate("kept") == "here"
    second.close()
    third = open_session(address, reset=True)
    with pytest.raises(errors.PyboardException, match="NameError"):
        third.evaluate("kept")
    third.close()


def test_startup_travels_with_the_agent_and_its_prints_arrive() -> None:
    link = CountingLink(open_transport("virtual:"))
    got = bytearray()
    session = open_session(link, startup="x = 5\nprint('started')", output=got.extend)
    assert (link.round_trips, bytes(got), session.evaluate("x")) == (3, b"started\n", 5)
    session.close()


def test_an_error_in_startup_closes_the_link() -> None:
    link = open_transport("virtual:")
    with pytest.raises(errors.PyboardException) as caught:
        open_session(link, startup="1 // 0")
    assert caught.value.type == "ZeroDivisionError"
    with pytest.raises(errors.DeviceClosedError):
        link.write(b"x")


def test_boot_py_runs_at_reset_and_may_take_its_time(tmp_path) -> None:
    (tmp_path / "boot.py").write_text("import time\ntime.sleep(0.5)\nbooted = 1\n")
    (tmp_path / "main.py").write_text("mained = 1\n")
    session = open_session(f"virtual:?files={tmp_path}", reset=True, silence=0.05)
    assert session.evaluate("booted") == 1
    with pytest.raises(errors.PyboardException):
        session.evaluate("mained")
    session.close()


def test_closing_leaves_the_friendly_prompt_and_no_agent() -> None:
    address = fresh_name()
    open_session(address).close()
    link = open_transport(address)
    link.write(b"\rimport builtins, sys; hasattr(builtins, '__b'), 'belay' in sys.modules\r")
    assert b"(False, False)" in read_until(link, b")\n>>> ")
    link.close()


@pytest.mark.parametrize(
    ("program", "kind", "says"),
    [
        ("sleep 100", errors.BoardSilentError, "reset button"),
        ("yes hello", errors.NotPythonBoardError, "hello"),
        ("cat", errors.NotPythonBoardError, "MicroPython"),
    ],
)
def test_what_is_no_board(program: str, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        Session.open(open_transport(f"exec:{program}"), timeout=1.0)


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("import micropython\nmicropython.kbd_intr(-1)\nprint('on')\nwhile 1: pass", "Silent"),
        (
            "print('on')\nwhile 1:\n try:\n  while 1: pass\n"
            " except KeyboardInterrupt: print('no KeyboardInterrupt for me')",
            "Busy",
        ),
    ],
    ids=["deaf", "stubborn"],
)
def test_a_program_that_ignores_interrupts(program: str, kind: str) -> None:
    link = open_transport("virtual:")
    link.write(b"\x03\x01" + program.encode() + b"\n\x04")
    read_until(link, b"OKon")
    with pytest.raises(errors.ConnectionFailedError, match=r"ignore.* Ctrl-C") as caught:
        open_session(link, silence=0.1, timeout=1.5)
    assert kind in type(caught.value).__name__


def test_a_link_that_ends_while_connecting() -> None:
    with pytest.raises(errors.ConnectionLost):
        open_session("exec:true", silence=0.1)


@pytest.mark.parametrize("changes", [{"free": 9000}, {"crc32": False}, {"stdin": False}])
def test_a_small_board_goes_without_the_agent(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    pretend(monkeypatch, **changes)
    session = open_session("virtual:", silence=PATIENT)
    assert not session.agent
    assert session.evaluate("6 * 7") == 42
    session.close()


def test_a_board_that_runs_out_of_memory_over_the_agent_goes_without(tmp_path) -> None:
    boot = "import builtins\ndef compile(*a): raise MemoryError\nbuiltins.compile = compile\n"
    (tmp_path / "boot.py").write_text(boot)
    got = bytearray()
    session = open_session(
        f"virtual:?files={tmp_path}", reset=True, startup="print('up')", output=got.extend
    )
    assert (session.agent, bytes(got), session.evaluate("6 * 7")) == (False, b"up\n", 42)
    session.close()
