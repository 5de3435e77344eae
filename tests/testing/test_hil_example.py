# SPDX-License-Identifier: Apache-2.0
"""The sample project of docs/examples/hil, run as its README says."""

from __future__ import annotations

import json
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.testing.rigs import Runs
from tests.testing.rigs import runs as runs

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytest_plugins = ["pytester"]

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "hil"


def test_the_sample_project_passes_without_hardware(runs: Runs) -> None:
    here = runs.pytester.path
    shutil.copytree(EXAMPLE, here, dirs_exist_ok=True)
    done = runs.run(
        "--junitxml=junit.xml",
        "--device-measurements=out/measured.json",
        "--device-log-dir=logs",
        apart=True,
    )
    promised = re.search(
        r"^(\d+) passed, (\d+) skipped$", (EXAMPLE / "README.md").read_text(), re.M
    )
    assert promised is not None
    passed, skipped = map(int, promised.groups())
    done.assert_outcomes(passed=passed, skipped=skipped)
    text = done.stdout.str()
    assert "boards: rig usb:serial=E6614C775B3A2C35 (real), bench virtual:?bench=" in text
    assert re.search(r"SKIPPED .*bench is no hardware; rig is not there", text)

    records = json.loads((here / "out" / "measured.json").read_text("utf-8"))
    assert all(record["passed"] and record["board"] == "bench" for record in records)
    measured = {record["name"]: record for record in records}
    assert measured.keys() == {"sensor.error", "warm.after", "warm.end"}
    assert measured["warm.end"]["low"] == 36.5
    cases = {case.get("name"): case for case in ET.parse(here / "junit.xml").iter("testcase")}
    warm = {
        p.get("name"): p.get("value") or "" for p in cases["test_a_cold_start"].iter("property")
    }
    assert warm["board"] == "bench"
    assert warm["firmware"].startswith("micropython 1.")
    assert warm["serial_number"]
    assert warm["measurement.warm.end"].endswith("°C (36.5 to 37.5 °C)")
    assert "test_two_in_a_row_agree" in cases  # a unittest file of the board, test by test
    told = here / "logs"
    logs = [path for path in told.iterdir() if "test_what_it_tells" in path.name]
    assert re.search(r"\d\d:\d\d:\d\d\.\d{3} 2[01]\.\d C, heater 100 %", logs[0].read_text("utf-8"))


def test_its_wiring_is_said_in_one_way() -> None:
    rows = re.findall(r"\| GP(\d+) \| `(\w+)` \|", (EXAMPLE / "README.md").read_text("utf-8"))
    table = {name: int(pin) for pin, name in rows}
    tables = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["tool"]["belay"]
    assert all(board["wiring"] == table for board in tables["boards"].values())
    parts = tomllib.loads((EXAMPLE / "bench.toml").read_text("utf-8"))["part"]
    assert {"scl": table["scl"], "sda": table["sda"]}.items() <= parts[0].items()
    assert parts[1]["pin"] == table["led"]
