# SPDX-License-Identifier: Apache-2.0
"""Ticks, calendar, watchdog and the causes of resets."""

from __future__ import annotations

import calendar
import json
import time
from typing import Any

import pytest

from tests.virtual.boardprocess import BANNER_END, RAW_BANNER, BoardProcess

IMPORT = "import json, machine, time\n"


def asked(board: BoardProcess, expression: str) -> Any:
    output, error = board.exec(f"{IMPORT}print(json.dumps({expression}))")
    assert error == b"", error.decode()
    return json.loads(output)


def seconds(moment: list[int]) -> int:
    """Of (year, month, day, hour, minute, second), since 1970."""
    return calendar.timegm((*moment[:6], 0, 0, 0))


# ---- calendar


def test_the_calendar_starts_at_the_time_of_the_host(shared_raw: BoardProcess) -> None:
    before = time.time()
    shown = asked(shared_raw, "[time.time(), time.gmtime(), time.time_ns() // 1000000]")
    assert before - 0.01 <= shown[0] <= time.time() + 0.01
    assert abs(seconds(shown[1]) - shown[0]) < 1.5
    assert shown[2] / 1000 == pytest.approx(shown[0], abs=1)


@pytest.mark.parametrize(
    "moment",
    [
        (2031, 2, 28, 4, 23, 59, 58, 0),
        (2028, 2, 29, 1, 0, 0, 0, 0),
        (2025, 7, 4, 4, 12, 30, 0, 250_000),
    ],
)
def test_everything_follows_the_calendar_that_was_set(
    shared_raw: BoardProcess, moment: tuple[int, ...]
) -> None:
    start = time.monotonic()
    everything = (
        f"[machine.RTC().datetime({moment}), machine.RTC().datetime(), time.time(),"
        " time.localtime(), time.gmtime()]"
    )
    _, rtc, unix, local, universal = asked(shared_raw, everything)
    passed = time.monotonic() - start
    wanted = seconds([*moment[:3], *moment[4:7]])
    micros = moment[7] / 1e6
    assert wanted + micros <= unix <= wanted + micros + passed
    for shown in ([*rtc[:3], *rtc[4:7]], local, universal):
        assert wanted <= seconds(shown) <= wanted + micros + passed
    assert rtc[3] == time.gmtime(seconds([*rtc[:3], *rtc[4:7]])).tm_wday


def test_the_calendar_outlives_resets(shared_raw: BoardProcess) -> None:
    asked(shared_raw, "machine.RTC().datetime((2040, 1, 1, 0, 0, 0, 0, 0))")
    shared_raw.send(b"\x04")
    shared_raw.until(RAW_BANNER)
    assert asked(shared_raw, "time.localtime()[0]") == 2040
    shared_raw.send(b"import machine; machine.reset()\x04")
    shared_raw.until(BANNER_END)
    shared_raw.raw()
    assert asked(shared_raw, "machine.RTC().datetime()[0]") == 2040


@pytest.mark.parametrize("moment", [(2025, 2, 30, 0, 0, 0, 0, 0), (2025, 13, 1, 0, 0, 0, 0, 0)])
def test_moments_that_do_not_exist(shared_raw: BoardProcess, moment: tuple[int, ...]) -> None:
    error = shared_raw.exec(f"{IMPORT}machine.RTC().datetime({moment})")[1]
    assert b"ValueError: invalid date or time" in error


# ---- ticks


def test_ticks_agree_with_each_other_and_with_the_host(shared_raw: BoardProcess) -> None:
    read = "[time.ticks_ms(), time.ticks_us(), time.ticks_ms()]"
    start = time.monotonic()
    first = asked(shared_raw, read)
    # A sleep on the board: its length by two clocks of the board and by the host's.
    asked(shared_raw, "time.sleep_ms(30)")
    second = asked(shared_raw, read)
    passed = (time.monotonic() - start) * 1000
    for ms, us, later in (first, second):
        assert ms <= us / 1000 % (1 << 30) < later + 1
    assert 30 <= second[0] - first[0] <= passed + 1
    spread = max(later - ms for ms, _, later in (first, second))
    assert abs((second[1] - first[1]) / 1000 - (second[0] - first[0])) <= 1 + spread


def test_ticks_run_on_over_a_soft_reset_and_start_again_at_a_reset(
    shared_raw: BoardProcess,
) -> None:
    before = asked(shared_raw, "time.ticks_ms()")
    shared_raw.send(b"\x04")
    shared_raw.until(RAW_BANNER)
    assert asked(shared_raw, "time.ticks_ms()") > before
    mark = time.monotonic()
    shared_raw.send(b"import machine; machine.reset()\x04")
    shared_raw.until(BANNER_END)
    shared_raw.raw()
    assert asked(shared_raw, "time.ticks_ms()") <= (time.monotonic() - mark) * 1000


def test_the_old_name_of_time(shared_raw: BoardProcess) -> None:
    # Its own sleep would spin in the interpreter, where Ctrl-C does not reach it.
    assert shared_raw.exec("import utime, time\nprint(utime is time)") == (b"True\n", b"")


# ---- watchdog and resets

PROGRAMS = {
    "computes": "while True: pass",
    "computes before it, too": "while True: pass",
    "catches everything": "while True:\n try:\n  while True: pass\n except BaseException: pass",
    "sleeps": "while True: time.sleep(1)",
    "prints": "while True: print('x' * 50)",
    "reads": "while True: input()",
    "runs asyncio": "import asyncio\nasyncio.run(asyncio.Event().wait())",
    "does nothing": "",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_watchdog_resets_the_board(shared_raw: BoardProcess, program: str) -> None:
    asked(shared_raw, "0")
    start = time.monotonic()
    # Long enough that the board attends to its line alone when the watchdog is set.
    before = "for _ in range(1000000): pass\n" if "before" in program else ""
    source = f"import machine, time\n{before}machine.WDT(timeout=60)\n{PROGRAMS[program]}\n"
    shared_raw.send(source.encode() + b"\x04")
    shared_raw.until(BANNER_END)
    assert time.monotonic() - start >= 0.06
    shared_raw.raw()
    assert asked(shared_raw, "[machine.reset_cause(), machine.WDT_RESET]") == [3, 3]
    # It is off after that: the board stays.
    asked(shared_raw, "time.sleep_ms(80)")


def test_a_watchdog_that_is_fed(shared_raw: BoardProcess) -> None:
    program = (
        "wdt = machine.WDT(timeout=1000)\nfor _ in range(13):\n    time.sleep_ms(80); wdt.feed()\n"
        "print('alive')"
    )
    assert shared_raw.exec(IMPORT + program) == (b"alive\n", b"")
    # It cannot be stopped, and a soft reset does not either.
    shared_raw.send(b"\x04")
    shared_raw.until(RAW_BANNER)
    shared_raw.until(BANNER_END)


@pytest.mark.parametrize(
    ("source", "message"),
    [("WDT(1)", "WDT(1) doesn't exist"), ("WDT(0, 8389)", "timeout exceeds 8388")],
)
def test_impossible_watchdogs(shared_raw: BoardProcess, source: str, message: str) -> None:
    error = shared_raw.exec(f"{IMPORT}machine.{source}")[1]
    assert f"ValueError: {message}".encode() in error


def test_causes_of_resets() -> None:
    with BoardProcess() as board:
        board.raw()
        assert asked(board, "[machine.reset_cause(), machine.PWRON_RESET]") == [1, 1]
        board.send(b"\x04")
        board.until(RAW_BANNER)
        assert asked(board, "machine.reset_cause()") == 1  # as the chip has it: no reset at all
        board.send(b"import machine; machine.reset()\x04")
        board.until(BANNER_END)
        board.raw()
        assert asked(board, "machine.reset_cause()") == 3  # the Pico resets by its watchdog
