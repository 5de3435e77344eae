# SPDX-License-Identifier: Apache-2.0
"""``belay info``, ``exec``, ``reset``, ``bootloader``, ``rtc``, ``version``."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import belay
from belay.boardinfo import _hertz, _modules
from belay.cli import main
from belay.cli.rtc import _difference
from belay.transports.virtual import close_shared

posix = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
if os.name == "posix":
    from tests.cli.person import Person
    from tests.virtual.test_lines import served

Capture = pytest.CaptureFixture[str]
BOARD = "virtual:commands"


@pytest.fixture(autouse=True, scope="module")
def shared_board() -> Iterator[None]:
    yield
    close_shared()


# -------------------------------------------------------------------------------- in a terminal

AT = "the served board"

SESSIONS = [
    (["info", AT], r"micropython v1\.\d+\.\d+ - webassembly\r\nboard +\S.*modules +\S", 0),
    (["exec", AT, "print(1)\n{}[1]"], r"^1\r\nTrace.* line 2, .*\r\n +{}\[1\]\r\nKey", 1),
    (["reset", AT], r"^$", 0),
    (["bootloader", AT], r"^$", 0),
    (["rtc", AT], r"^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  \(in step with this computer\)", 0),
    (["latency", AT, "-c", "3"], r"^Statistics \(3 samples\):\r\n  Min: .*\n  host: ", 0),
    (["completion", "bash"], r"complete -o bashdefault -o default -F _belay belay\r\n$", 0),
    (["version"], rf"^belay +{belay.__version__}\r\npython +{platform.python_version()}\r\n", 0),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """One board for all these programs, in a process of its own."""
    with served("--tcp", "0") as (_, address):
        yield address


@posix
@pytest.mark.parametrize(
    ("arguments", "shows", "status"), SESSIONS, ids=[row[0][0] for row in SESSIONS]
)
def test_in_a_terminal(arguments: list[str], shows: str, status: int, address: str) -> None:
    with Person(*(address if word == AT else word for word in arguments)) as person:
        assert person.status() == status
        assert re.search(shows, person.rest(), re.DOTALL)


# -------------------------------------------------------------------------------- info


def test_info_for_programs(capsys: Capture) -> None:
    assert main(["info", BOARD, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["implementation"] == "micropython"
    assert found["address"] == BOARD
    assert found["mpy_version"].startswith("6.")
    assert 0 < found["flash_free"] <= found["flash_size"] == 4 << 20
    assert found["heap_free"] > found["heap_used"] > 0
    assert {"array", "asyncio", "collections", "machine", "math"} <= set(found["modules"])
    assert bytes.fromhex(found["unique_id"])


def test_info_of_circuitpython(capsys: Capture) -> None:
    assert main(["info", "virtual:?circuitpython=1&cooked=1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["implementation"] == "circuitpython"
    assert found["modules"]


def test_modules_stand_in_columns() -> None:
    text = (
        "__main__          collections/defaultdict             io\r\n"
        "asyncio/__init__  _asyncio          io                re\r\n"
        "Plus any modules on the filesystem\r\n"
    )
    names = ("__main__", "_asyncio", "asyncio", "collections.defaultdict", "io", "re")
    assert _modules(text) == names
    assert _modules("") == ()


def test_frequencies() -> None:
    assert [_hertz(each) for each in (None, 125, (216, 54), ())] == [None, 125, 216, None]


# -------------------------------------------------------------------------------- exec


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("1 + 1", "2\n"),
        ("None", ""),
        ("x = 5", ""),
        ("x = 5\nx", "5\n"),
        ("x;", ""),
        ("\n    if x:\n        print(x)\n", "5\n"),
        ("[1, 'a']", "[1, 'a']\n"),
        ("'text'", "'text'\n"),
        ("1 / 3  # comment", "0.3333333333333333\n"),
        ("import math; math", "<module 'math'>\n"),  # which cannot travel
        ("print('a', end='')", "a"),
        ("for i in range(2):\n    print(i)", "0\n1\n"),
        ("print('\\xe4\\u20ac')", "\xe4\u20ac\n"),
    ],
)
def test_what_exec_shows(statement: str, shown: str, capsys: Capture) -> None:
    assert main(["exec", BOARD, "x = 5"]) == 0
    assert main(["exec", BOARD, statement]) == 0
    assert capsys.readouterr().out == shown


def test_exec_for_programs(capsys: Capture) -> None:
    assert main(["exec", BOARD, "--json", "print('said'); {'a': [1.5, None], 'b': b'x'}"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"value": {"a": [1.5, None], "b": "b'x'"}, "output": "said\n"}


def test_exec_takes_no_time_too_long(capsys: Capture) -> None:
    assert main(["exec", BOARD, "--timeout", "0.2", "while True: pass"]) == 1
    assert "while True: pass" in capsys.readouterr().err
    assert main(["exec", BOARD, "1"]) == 0  # it is there and well


# -------------------------------------------------------------------------------- reset


def test_a_reset_clears_memory_and_runs_main(capsys: Capture, tmp_path: Path) -> None:
    address = f"virtual:reset?files={tmp_path}"
    (tmp_path / "main.py").write_text("ran = globals().get('ran', 0) + 1\n")
    for hard in ([], ["--hard"]):
        assert main(["exec", address, "ran = 40"]) == 0
        assert main(["reset", address, *hard]) == 0
        capsys.readouterr()
        assert main(["exec", address, "ran"]) == 0
        assert capsys.readouterr().out == "1\n"


@posix
@pytest.mark.parametrize("options", [["-f", "--hard"], ["-f", "-t", "virtual:other"]])
def test_following_what_runs_after_a_reset(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import time\nwhile 1:\n print('on', 6*7); time.sleep(.05)\n")
    with Person("reset", "-t", f"virtual:?files={tmp_path}", *options) as person:
        if "virtual:other" in options:  # it has no main.py, so it is at its prompt
            person.sees("MicroPython v")
        person.sees("on 42")
        person.sees("on 42")
        person.interrupts()
        assert person.status() == 0


@posix
def test_a_reset_that_ends_the_link(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELAY_PASSWORD", "secret")
    with served("--webrepl", "0", "--password", "secret") as (_, address):
        assert main(["exec", address, "ran = 1"]) == 0
        assert main(["reset", address]) == 0
        assert main(["exec", address, "'ran' in globals()"]) == 0
        assert capsys.readouterr().out == "False\n"


def test_a_board_without_a_bootloader(capsys: Capture) -> None:
    assert main(["exec", BOARD, "import machine; del machine.bootloader"]) == 0
    assert main(["bootloader", BOARD]) == 1
    told = capsys.readouterr().err
    assert told.startswith("belay: this board has no such bootloader: AttributeError")


def test_an_exception_of_main_py_is_no_failure_of_the_reset(capsys: Capture) -> None:
    for name in ("reset", "bootloader"):
        assert main(["exec", BOARD, "open('main.py', 'w').write('1 / 0')"]) == 0
        assert main([name, BOARD, *(["--hard"] if name == "reset" else [])]) == 0
        assert main(["rm", BOARD, ":main.py"]) == 0
    assert capsys.readouterr().err == ""


def test_a_board_with_a_bootloader(capsys: Capture) -> None:
    told = "import machine\nmachine.bootloader = lambda: open('started', 'w').close()"
    assert main(["exec", BOARD, told]) == 0
    assert main(["bootloader", BOARD]) == 0
    assert main(["exec", BOARD, "import os; 'started' in os.listdir()"]) == 0
    assert capsys.readouterr().out == "True\n"


# -------------------------------------------------------------------------------- rtc


def test_setting_the_calendar(capsys: Capture) -> None:
    assert main(["rtc", BOARD, "--set", "--to", "2031-05-17T12:00:00", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    shown = datetime.fromisoformat(found["time"])
    # How long it takes is the machine's business; what it shows and says agree.
    assert timedelta(0) <= shown - datetime(2031, 5, 17, 12) < timedelta(minutes=1)
    now = datetime.now()
    assert abs(found["ahead"] - (shown - now).total_seconds()) < 60
    assert main(["exec", BOARD, "'__belay_rtc' in globals()"]) == 0
    assert capsys.readouterr().out == "False\n"


def test_differences_in_words() -> None:
    shown = {
        0.4: "in step with this computer",
        -2.25: "2.2 s behind this computer",
        300: "5.0 min ahead of this computer",
        -3 * 86400: "3.0 days behind this computer",
    }
    assert {seconds: _difference(seconds) for seconds in shown} == shown


@pytest.mark.parametrize("options", [["--set", "--to", "noon"], ["--to", "2031-05-17"]])
def test_times_that_make_no_sense(options: list[str], capsys: Capture) -> None:
    assert main(["rtc", BOARD, *options]) == 2
    assert capsys.readouterr().err.startswith("belay: rtc: --to")


def test_a_board_without_a_calendar(capsys: Capture) -> None:
    gone = "import sys\nclass machine: pass\nsys.modules['machine'] = machine"
    assert main(["exec", "virtual:without", gone]) == 0
    assert main(["rtc", "virtual:without"]) == 1
    assert "no calendar" in capsys.readouterr().err


# -------------------------------------------------------------------------------- version


def test_version_for_programs(capsys: Capture) -> None:
    assert main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["belay"] == belay.__version__
