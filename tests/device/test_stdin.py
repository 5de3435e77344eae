# SPDX-License-Identifier: Apache-2.0
"""``input()`` and ``sys.stdin`` of the board, answered by the host."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

import pytest

import belay
from tests.session.boards import pretend

Connect = Callable[..., belay.Device]


def typed(*lines: str) -> Callable[[], str]:
    """A host callable that gives these lines, then ends."""
    rest = list(lines)

    def line() -> str:
        if not rest:
            raise EOFError
        return rest.pop(0)

    return line


READERS: dict[str, tuple[str, tuple[str, ...], Any]] = {
    "input": ("[input(), input()]", ("anna", ""), ["anna", ""]),
    "end of input": ("""
        def f():
            try:
                return input()
            except EOFError:
                return "end"
    """, (), "end"),
    "readline": ("[sys.stdin.readline() for _ in range(3)]", ("a", "é"), ["a\n", "é\n", ""]),
    "iteration": ("list(sys.stdin)", ("1", "2"), ["1\n", "2\n"]),
    "readlines": ("sys.stdin.readlines()", ("1", "2"), ["1\n", "2\n"]),
    "read": ("sys.stdin.read()", ("1", "2"), "1\n2\n"),
    "read some": ("[sys.stdin.read(2), sys.stdin.read(3)]", ("abc", "d"), ["ab", "c\nd"]),
    "both": ("[sys.stdin.readline(2), sys.stdin.readline(), input()]", ("abc", "d"),
             ["ab", "c\n", "d"]),
    "imported": ("__import__('sys').stdin.readline()", ("x",), "x\n"),
}  # fmt: skip


@pytest.mark.parametrize("link", ["raw", "cooked", "text"])
@pytest.mark.parametrize("reader", READERS)
def test_what_reads_a_line(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, reader: str, link: str
) -> None:
    if link == "text":
        pretend(monkeypatch, binary=False)
    source, lines, expected = READERS[reader]
    device = connect("virtual:?cooked=1" if link == "cooked" else "virtual:", stdin=typed(*lines))
    if "def f" in source:
        device(source)
        source = "f()"
    assert device(source) == expected
    assert device("1 + 1") == 2


def test_a_long_line_arrives_whole(connect: Connect) -> None:
    line = "".join(chr(32 + i % 95) for i in range(5000)) + "é€"
    device = connect(stdin=typed(line, "next"))
    assert device("input()") == line
    assert device("input()") == "next"


def test_the_prompt_is_printed_before_the_host_is_asked(connect: Connect) -> None:
    text = io.StringIO()
    device = connect(stdin=lambda: text.getvalue().upper())
    assert device("input('name? ')", stream_out=text) == "NAME? "


def test_a_file_can_answer(connect: Connect) -> None:
    device = connect(stdin=io.StringIO("one\ntwo"))
    assert device("[input(), input()]") == ["one", "two"]
    with pytest.raises(belay.PyboardException[EOFError]):
        device("input()")


def test_by_default_input_is_asked(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    device = connect()
    monkeypatch.setattr("builtins.input", lambda: "from the terminal")
    assert device("input()") == "from the terminal"


def test_tasks_setups_and_cells_can_ask_too(connect: Connect) -> None:
    device = connect(stdin=typed("1", "2", "3"))

    @device.task
    def ask():
        import sys

        return sys.stdin.readline()

    @device.setup
    def prepare():
        import sys

        answer = sys.stdin.readline()  # noqa: F841 - a global of the board

    assert ask() == "1\n"
    prepare()
    assert device("answer") == "2\n"
    assert device.run_cell("import sys\nsys.stdin.readline()") == "3\n"


def fails(error: BaseException) -> Callable[[], str]:
    def line() -> str:
        raise error

    return line


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (fails(ZeroDivisionError("mine")), ZeroDivisionError, "mine"),
        (lambda: 5, TypeError, "must give a str"),
        (fails(KeyboardInterrupt()), KeyboardInterrupt, ""),
    ],
)
def test_a_host_that_fails_to_answer_stops_the_program(
    connect: Connect, source: Any, error: type[BaseException], message: str
) -> None:
    device = connect(stdin=source)
    with pytest.raises(error, match=message or None):
        device("print('asking')\ninput()\nprint('never')")
    assert device("1 + 1") == 2


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_at_the_hosts_prompt_stops_the_program(connect: Connect) -> None:
    def pressed() -> str:
        signal.raise_signal(signal.SIGINT)
        return "never"

    device = connect(stdin=pressed)
    with pytest.raises(KeyboardInterrupt) as caught:
        device("input()")
    assert isinstance(caught.value.__cause__, belay.PyboardException)
    assert device("1 + 1") == 2


def test_the_boards_own_input_comes_back_when_the_host_leaves() -> None:
    before: Iterable[str] = ("virtual:stdin", "virtual:stdin")
    for address in before:
        with belay.Device(address, reset=False, stdin=typed("x")) as device:
            assert device("[input(), sys.stdin.readline()]") == ["x", ""]
            assert device("type(sys).__name__") == "System"
        with belay.Device(address, reset=False) as device:
            assert device("type(__import__('sys')).__name__, type(sys).__name__") == (
                "module",
                "module",
            )


def test_the_stand_in_for_sys_is_sys_in_all_else(connect: Connect) -> None:
    device = connect()
    device("import sys, select\nsys.stdin\nfrom sys import platform, stdin")
    assert device("sys.platform == platform and sys.version and sys.maxsize > 1")
    assert device("sys.path is not None and 'belay' in sys.modules")
    device("poll = select.poll()\npoll.register(sys.stdin, select.POLLIN)")
    assert device("poll.poll(0)") == []
    with pytest.raises(belay.BoardResetError):
        device("sys.exit()")
