# SPDX-License-Identifier: Apache-2.0
"""Which boards a command is for; several at once; what it says and how it ends."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from belay.cli import COMMANDS, main
from belay.cli.boards import Target, _Lines, _Worker
from belay.cli.options import BoardOptions
from belay.cli.table import Command
from belay.cli.usage import WordCountError
from belay.transports import boards
from belay.transports.virtual import close_shared
from tests.cli.person import Person

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True, scope="module")
def shared_boards() -> Iterator[None]:
    """Boards with names are started once for all tests."""
    yield
    close_shared()


@pytest.fixture(autouse=True)
def configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration but what a test writes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BELAY_DEVICE", raising=False)
    monkeypatch.setattr(boards, "user_file", lambda: tmp_path / "boards.toml")
    row = Command("Tests", "tests.cli.commands:spell", "[PORT] WORDS", "Ask for the sum of words.")
    monkeypatch.setitem(COMMANDS, "spell", row)


# -------------------------------------------------------------------------------- PORT or not


@pytest.mark.parametrize(
    ("words", "least", "most", "port", "rest"),
    [
        ((), 0, 0, "", ()),
        (("left",), 0, 0, "left", ()),
        (("virtual:", "1+1"), 1, 1, "virtual:", ("1+1",)),
        (("left", "1+1"), 1, 1, "left", ("1+1",)),
        (("virtual:",), 1, 1, "", ("virtual:",)),  # enough without it, so it is the statement
        (("left", ":a", ":b"), 2, 2, "left", (":a", ":b")),
        # A varying number: PORT is what reads like a board.
        ((":lib",), 0, 1, "", (":lib",)),
        (("/lib",), 0, 1, "", ("/lib",)),
        (("virtual:",), 0, 1, "virtual:", ()),
        (("COM3",), 0, 1, "COM3", ()),
        (("/dev/ttyACM0", "x"), 0, None, "/dev/ttyACM0", ("x",)),
        (("ws://10.0.0.1", "x"), 1, None, "ws://10.0.0.1", ("x",)),
        (("10.0.0.1", "x"), 1, None, "10.0.0.1", ("x",)),
        (('{"vid": 1}', "x"), 1, None, '{"vid": 1}', ("x",)),
        (("a.py", "b.py"), 1, None, "", ("a.py", "b.py")),
        (("C:\\data\\a.py", "b"), 1, None, "", ("C:\\data\\a.py", "b")),
        (("named", "x"), 1, None, "named", ("x",)),
    ],
)
def test_port_and_the_other_words(
    words: tuple[str, ...],
    least: int,
    most: int | None,
    port: str,
    rest: tuple[str, ...],
    tmp_path: Path,
) -> None:
    (tmp_path / "boards.toml").write_text('[named]\naddress = "virtual:"\n')
    split = BoardOptions().split(words, least=least, most=most)
    assert (split.port, split.words) == (port, rest)


def test_with_t_or_port_no_word_is_one() -> None:
    for options in (BoardOptions(target=("left",)), BoardOptions(port="left")):
        assert options.split(("virtual:",), least=1, most=1).words == ("virtual:",)
        with pytest.raises(WordCountError):
            options.split(("virtual:", "1"), least=1, most=1)


@pytest.mark.parametrize("words", [(), ("a", "b", "c")])
def test_too_few_or_too_many_words(words: tuple[str, ...]) -> None:
    with pytest.raises(WordCountError):
        BoardOptions().split(words, least=1, most=1)


# -------------------------------------------------------------------------------- which board

ADDRESSES = {
    "PORT": ["exec", "virtual:a", "who"],
    "--port": ["exec", "who", "--port", "virtual:a"],
    "-t": ["exec", "who", "-t", "virtual:a"],
    "-t in front": ["exec", "-t", "virtual:a", "who"],
    "--target=": ["exec", "--target=virtual:a", "who"],
    "a name": ["exec", "mine", "who"],
    "-t and a name": ["exec", "-t", "mine", "who"],
    "BELAY_DEVICE": ["exec", "who"],
    "the configured one": ["exec", "who"],
}


@pytest.mark.parametrize("way", ADDRESSES)
def test_ways_to_name_a_board(
    way: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "name" in way or "configured" in way:
        text = '[tool.belay.boards.mine]\naddress = "virtual:a"\ndefault = true\n'
        (tmp_path / "pyproject.toml").write_text(text)
    if way == "BELAY_DEVICE":
        monkeypatch.setenv("BELAY_DEVICE", "virtual:a")
    assert main(["exec", "virtual:a", "who = 'the one'"]) == 0
    assert main(ADDRESSES[way]) == 0
    assert capsys.readouterr().out == "'the one'\n"  # attached: what it knew is still there


def test_no_board_to_be_found(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    assert main(["exec", "1"]) == 1
    assert "virtual:" in capsys.readouterr().err


def test_port_and_t_contradict(capsys: Capture) -> None:
    assert main(["info", "-t", "virtual:a", "--port", "virtual:two"]) == 2
    said = capsys.readouterr().err
    assert "virtual:a" in said
    assert "virtual:two" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("address", ["ttyACM0", "nowhere", "virtual:?flsh=2M", "socket://host"])
def test_a_wrong_address_is_one_line(address: str, capsys: Capture) -> None:
    assert main(["info", address]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"belay: {address!r} is not a board address")
    assert said.endswith("Try: belay help addresses\n")
    assert said.count("\n") == 1


def test_help_about_addresses(capsys: Capture) -> None:
    assert main(["help", "addresses"]) == 0
    assert "\n  virtual: " in capsys.readouterr().out


def test_a_port_that_is_not_there(capsys: Capture) -> None:
    assert main(["info", "/dev/no-such-port"]) == 1
    assert "There is no port /dev/no-such-port" in capsys.readouterr().err


def test_a_project_must_not_run_a_program(capsys: Capture, tmp_path: Path) -> None:
    text = '[tool.belay.boards.mine]\naddress = "exec:touch stolen"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert main(["info", "mine"]) == 2
    assert not (tmp_path / "stolen").exists()


# -------------------------------------------------------------------------------- several


def test_several_boards(capsys: Capture) -> None:
    assert main(["spell", "-t", "virtual:a", "-t", "virtual:two", "two", "words"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert sorted(out) == ["[virtual:a]   TWO WORDS", "[virtual:two] TWO WORDS"]


def test_the_same_board_twice_is_one(capsys: Capture) -> None:
    assert main(["spell", "-t", "virtual:a", "-t", "virtual:a", "x"]) == 0
    assert capsys.readouterr().out == "X\n"


def test_all_are_those_that_have_names(capsys: Capture, tmp_path: Path) -> None:
    named = {"left": "a", "right": "two"}
    rows = [f'[tool.belay.boards.{k}]\naddress = "virtual:{v}"\n' for k, v in named.items()]
    (tmp_path / "pyproject.toml").write_text("".join(rows))
    assert main(["spell", "-t", "all", "x"]) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == ["[left]  X", "[right] X"]
    assert main(["spell", "--json", "-t", "all", "x"]) == 0
    assert json.loads(capsys.readouterr().out) == {"left": "X", "right": "X"}


def test_one_of_several_fails(capsys: Capture) -> None:
    assert main(["exec", "virtual:two", "limit = 0"]) == 0
    assert main(["exec", "virtual:a", "limit = 2"]) == 0
    status = main(["exec", "-t", "virtual:a", "-t", "virtual:two", "print('go'); 4 // limit"])
    said = capsys.readouterr()
    assert status == 1
    assert sorted(said.out.splitlines()) == [
        "[virtual:a]   2",
        "[virtual:a]   go",
        "[virtual:two] go",
    ]
    lines = said.err.splitlines()
    assert all(line.startswith("[virtual:two] ") for line in lines)
    assert lines[-1] == "[virtual:two] ZeroDivisionError: divide by zero"


def test_one_of_several_is_not_there(capsys: Capture) -> None:
    status = main(["spell", "-t", "virtual:a", "-t", "/dev/no-such-port", "--json", "x"])
    said = capsys.readouterr()
    assert status == 1
    assert json.loads(said.out) == {"virtual:a": "X"}
    assert said.err.startswith("[/dev/no-such-port] belay: There is no port")


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("targets", [["-t", "virtual:"], ["-t", "virtual:a", "-t", "virtual:two"]])
def test_ctrl_c_stops_them(targets: list[str]) -> None:
    boards = len(targets) // 2
    endless = "while True:\n    print('on')\n    import time; time.sleep_ms(5)"
    with Person("exec", *targets, endless) as person:
        for name in {r"^on\r\n"} if boards == 1 else {r"\[virtual:a\]   on", r"\[virtual:two\] on"}:
            person.sees(name)
        person.interrupts()
        assert person.status() == 128 + signal.SIGINT


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_board_that_does_not_answer() -> None:
    with Person("info", "exec:sleep 60") as person:
        person.sees("^belay: waiting for exec:sleep 60 to answer; Ctrl-C stops")
        person.interrupts()
        assert person.status() == 130


# -------------------------------------------------------------------------------- exceptions


def test_an_exception_on_the_board(capsys: Capture) -> None:
    program = "def f(x):\n    return 1 / x\nprint('before')\nf(0)"
    assert main(["exec", "virtual:a", program]) == 1
    said = capsys.readouterr()
    assert said.out == "before\n"
    assert said.err.splitlines() == [
        "Traceback (most recent call last):",
        '  File "<exec>", line 4, in <module>',
        "    f(0)",
        '  File "<exec>", line 2, in f',
        "    return 1 / x",
        "ZeroDivisionError: divide by zero",
    ]


@pytest.mark.parametrize("words", [["info", ""], ["exec", "", "1"], ["info", "--port", ""]])
def test_an_empty_port_is_not_the_only_board(
    words: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELAY_DEVICE", "virtual:one")
    assert main(words) == 2
    assert "PORT is empty" in capsys.readouterr().err.replace("--port", "PORT")


def test_json_has_a_form_for_all_that_travels(capsys: Capture) -> None:
    value = "{1: (2, b'x'), (3,): {4}, 'n': [float('nan'), -float('inf'), 1j, True, None]}"
    assert main(["exec", "virtual:one", "--json", value]) == 0
    printed = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert printed["value"] == {
        "1": [2, "b'x'"],
        "(3,)": [4],
        "n": ["nan", "-inf", "1j", True, None],
    }


def test_ctrl_c_before_a_board_has_begun() -> None:
    """It does not begin then."""
    began: list[str] = []
    workers = [_Worker(Target(n, f"virtual:{n}"), _Lines("")) for n in ("one", "two")]
    workers[1].stop()  # while it connects
    for worker in workers:
        worker.run(lambda board: began.append(board.name), None, {"reset": False})
    assert began == ["one"]
    assert all(worker.over.is_set() and worker.error is None for worker in workers)
