# SPDX-License-Identifier: Apache-2.0
"""The programs of docs/examples, run as a user runs them, print what they promise."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"

# What each prints on the virtual board, as patterns of whole lines.
PRINTED = {
    "01_blink.py": ["the board's LED is on", "the board's LED is off"] * 3,
    "02_read_adc.py": [r"100 readings, 27\.0 °C"],
    "03_threads.py": [
        r".*thread.*",
        "a timer counts on the board",
        "it went on in the background: True",
    ],
    "04_exceptions.py": [
        r"mean: 3\.0",
        r"ZeroDivisionError \('divide by zero',\)",
        r"  mean, line \d+: return divide\(sum\(values\), len\(values\)\)",
        r"  divide, line \d+: return a / b",
        "an ArithmeticError, or a kind of it",
        r"mean: 5\.0",
    ],
    "05_subclass.py": [
        "changes: 6",
        "a lamp is a Device: True 6",
        "the lamp is off again",
    ],
    "06_two_boards.py": [r"27 °C \*\*\.\.\.\.", r"all on: \*{6}"],
    "07_generators.py": [
        r"squares: \[0, 1, 4, 9, 16\]",
        r"means: \[10\.0, 15\.0, 30\.0\]",
        f"sum of 1000 samples: {sum(n % 7 for n in range(1000))}",
    ],
    "08_proxies.py": [
        "the LED is 1",
        "the LED is 0",
        r"3 True measured \['BOOT', 'STARTED', 'MEASURED'\]",
        r"\['started', 'measured'\]",
        r"IndexError \('list index out of range',\)",
    ],
    "09_time_sync.py": [
        f"measured at {STAMP} with the value 14021",
        "between the call and its answer: True",
        r"the clock is known to \d\.\d ms",
        r"the board's year: 2\d\d\d",
    ],
    "10_events.py": [
        r"done \[25, 50, 75, 100\]",
        "the button was pressed, level 0",
        "and again, level 0",
    ],
    "11_input.py": [
        r"Who are you\? Ada",
        r"A number\? 7",
        "Hello Ada, 7 times 7 is 49.",
    ],
    "12_async.py": [
        r"order of the board's jobs: \[3, 2\]",
        "slow: 5",
        "reading 0",
        "reading 10",
        "reading 20",
        "the loop kept ticking: True",
    ],
    "13_reconnect.py": ["10 20", "there again", "ran: True", "10 True"],
    "14_batch.py": [
        f"sum of squares: {sum(n * n for n in range(50))}",
        r"the first: 3\.0",
        "the second: no real root of a negative number",
    ],
}


def check(name: str, output: str) -> None:
    lines = output.splitlines()
    expected = PRINTED[name]
    matches = [re.fullmatch(*pair) is not None for pair in zip(expected, lines, strict=False)]
    assert len(lines) == len(expected), output
    assert all(matches), output


@pytest.mark.parametrize("name", PRINTED)
def test_an_example(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLES / name), "virtual:"])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    check(name, capsys.readouterr().out)


def test_a_program_of_its_own() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "BELAY_DEVICE"}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "05_subclass.py")],
        env=environment | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    check("05_subclass.py", done.stdout)


def test_the_page_lists_them_all() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    there = {path.name for path in EXAMPLES.glob("*.py")}
    assert set(re.findall(r"\]\((\w+\.py)\)", page)) == there == set(PRINTED)
