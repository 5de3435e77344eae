# SPDX-License-Identifier: Apache-2.0
"""Tests that use boards: fixtures, markers and what a report holds."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from tests.testing.rigs import Runs
from tests.testing.rigs import runs as runs

pytest_plugins = ["pytester"]

RIG = """
[tool.belay.boards.rig]
address = "virtual:"
capabilities = ["wifi", "pin:loopback=2-3"]
wiring = { led = 25, loop = { tx = 2 } }
"""


def test_nothing_is_loaded_and_nothing_said_where_no_board_is_used(runs: Runs) -> None:
    done = runs.test(
        """
import sys
import pytest

@pytest.fixture
def device():
    return "a device of this project's own"

@pytest.fixture
def power():
    return 9000

@pytest.mark.requires("whatever")
@pytest.mark.hardware
@pytest.mark.board(42)
def test_other(device, power):
    assert (device, power) == ("a device of this project's own", 9000)
    heavy = {"belay.device", "belay.transports", "belay.session", "wasmtime", "serial"}
    assert not heavy & set(sys.modules)
    ours = {name for name in sys.modules if name.startswith("belay")}
    assert ours <= {
        "belay", "belay.errors", "belay.testing", "belay.testing.options", "belay.testing.plugin"
    }

@pytest.mark.parametrize("device", [1, 2])
def test_parametrised(device):
    assert device in (1, 2)
""",
        "--strict-markers",
        "-W",
        "error",
        apart=True,
    )
    done.assert_outcomes(passed=3)
    assert "boards:" not in done.stdout.str()


def test_fixtures(runs: Runs) -> None:
    runs.project(RIG)
    done = runs.test(
        """
import pytest
import time

def test_device_and_log(device, device_log):
    assert device("1 + 1") == 2
    before = time.time()
    device("print('one'); print('two', end='')")
    assert device_log.text == "one\\ntwo"
    assert before <= device_log.lines[0].time <= time.time()
    assert device_log.wait_for("t(w)o")[1] == "w"
    with pytest.raises(AssertionError, match="has not printed 'three'"):
        device_log.wait_for("three", timeout=0.01)

def test_its_board_was_reset_and_its_tasks_are_gone(device, device_log):
    device("left_behind = 1")
    @device.task
    def f():
        return 1
    assert f() == 1
    assert device_log.text == ""

def test_nothing_is_left(device):
    assert device("'left_behind' in globals() or 'f' in globals()") is False
    assert not dir(device.task).count("f")

def test_board(board, wiring, device):
    assert (board.name, board.address, board.real) == ("rig", "virtual:", False)
    assert board.wiring.led == board.wiring["led"] == 25 and board.wiring.loop.tx == 2
    with pytest.raises(AttributeError, match="the wiring of rig has no 'lcd'; it has led, loop"):
        board.wiring.lcd
    assert wiring == {"led": 25, "loop": {"tx": 2}}
    assert board.capabilities == ("wifi", "pin:loopback=2-3")
    assert board.info.implementation == "micropython" and board.serial_number

def test_several(devices, device):
    a, b = devices(2)
    assert a is device
    a("x = 1"); b("x = 2")
    assert (a("x"), b("x")) == (1, 2)

def test_another(device_factory, device):
    other = device_factory("wifi", min_free_ram=1000)
    other("y = 3")
    assert device("'y' in globals()") is False

def test_power(device, power):
    @device.task
    def area(w, h):
        return w * h
    device.files.write_text("/kept.txt", "x")
    power.cycle()
    assert area(3, 4) == 12
    assert not device.files.exists("/kept.txt")  # a virtual board keeps nothing
""",
    )
    done.assert_outcomes(passed=7)


def test_requirements(runs: Runs) -> None:
    runs.project(RIG)
    source = """
import pytest

@pytest.mark.requires("wifi", "micropython>=1.24", "module:machine", implementation="micropython")
def test_met(device): pass

@pytest.mark.requires("bluetooth", min_free_ram=10**9)
def test_unmet(device): pass

@pytest.mark.requires("micropython<1.2")
def test_old(device): pass

@pytest.mark.hardware
def test_hardware(device): pass

@pytest.mark.board("roof")
def test_elsewhere(device): pass

@pytest.mark.board("rig")
def test_here(board): assert board.name == "rig"

@pytest.mark.boards("all")
def test_each(board): pass
"""
    done = runs.test(source, "-v", "-rs")
    done.assert_outcomes(passed=3, skipped=4)
    text = done.stdout.str()
    assert "boards: rig virtual: (virtual); virtual: auto; reset: function" in text
    assert re.search(
        r"rig: micropython 1\.\d+\.\d+ on webassembly has no bluetooth, has \d+ bytes", text
    )
    assert "(needs 1000000000)" in text
    assert "has no micropython<1.2" in text
    assert "rig is no hardware" in text
    assert "no board roof in this run, which has rig" in text
    assert "test_each[rig] PASSED" in text
    never = runs.test(source, "--device-sim=never")
    never.assert_outcomes(skipped=7)


def test_a_project_that_has_an_option_of_this_name(runs: Runs) -> None:
    """Where nothing speaks of boards, ``--device`` is not ours: pytest refuses it twice."""
    runs.pytester.makeconftest(
        "import pytest\n"
        "def pytest_addoption(parser): parser.addoption('--device', default='cpu')\n"
        "@pytest.fixture\n"
        "def device(request): return request.config.getoption('--device')\n"
    )
    source = "def test_it(device): assert device == 'cuda'"
    runs.test(source, "--device=cuda", apart=True).assert_outcomes(passed=1)
    (runs.pytester.path / "conftest.py").unlink()
    long = "def test_long(device): assert device('1 + 1') == 2"
    runs.test(long, "--belay-device=virtual:", apart=True).assert_outcomes(passed=1)


def test_what_is_wrong_is_said(runs: Runs) -> None:
    bad = """
import pytest
@pytest.mark.requires("micropython>=x")
def test_version(device): pass
@pytest.mark.requires(min_ram=1)
def test_limit(device): pass
@pytest.mark.requires(3)
def test_type(device): pass
@pytest.mark.board()
def test_board(device): pass
"""
    runs.project("[tool.belay]\n")
    text = runs.test(bad).stdout.str()
    for said in (
        "'>=x' is no condition for a version",
        "requires() has no 'min_ram'; it has min_free_ram",
        "requires(3): a requirement is text",
        "board() takes names",
    ):
        assert said in text
    done = runs.run("--device", "nobody")
    assert done.ret == 4
    assert "--device: 'nobody' is not a board address" in done.stderr.str()
    runs.project(ini='belay_device_reset = "always"')
    assert "belay_device_reset = 'always' is none of never, module" in runs.run().stderr.str()


RESETS = """
def test_one(device):
    device("import machine; x = 1")
def test_two(device):
    print("seen:", device("'x' in globals()"))
"""


def test_reset_policy(runs: Runs) -> None:
    runs.project("[tool.belay]\n")
    seen = {}
    for policy in ("function", "module", "never"):
        done = runs.test(RESETS, "-s", f"--device-reset={policy}")
        done.assert_outcomes(passed=2)
        seen[policy] = "seen: True" in done.stdout.str()
    assert seen == {"function": False, "module": True, "never": True}


def test_evidence(runs: Runs) -> None:
    runs.project(RIG)
    done = runs.test(
        """
def test_it(device, record_measurement):
    @device.task
    def divide(a, b):
        print("dividing")
        return a / b
    record_measurement("supply", 3.31, "V", 3.0, 3.6)
    divide(1, 0)

def test_limits(device, record_measurement):
    record_measurement("temperature", 41.5, "°C", high=40)

def test_good(device):
    device("print('fine')")
""",
        "--junitxml=junit.xml",
        "--device-log-dir=logs",
        "--device-measurements=measured.json",
    )
    done.assert_outcomes(passed=1, failed=2)
    text = done.stdout.str()
    assert re.search(r'test_it.py", line 6, in divide\n +return a / b\nZeroDivisionError', text)
    assert re.search(r"- device log -+\n\d\d:\d\d:\d\d\.\d{3} dividing", text)
    assert re.search(r"- facts of the board -+\nboard: +rig", text)
    assert re.search(r"transcript, the last 4 KB -+\n +\d+\.\d+ > ", text)
    assert "temperature = 41.5 °C, not at most 40 °C" in text
    assert "belay/calling.py" not in text  # our own frames hide nothing
    cases = {c.get("name"): c for c in ET.parse(runs.pytester.path / "junit.xml").iter("testcase")}
    found = {p.get("name"): p.get("value") or "" for p in cases["test_it"].iter("property")}
    assert found["board"] == "rig"
    assert found["firmware"].startswith("micropython 1.")
    assert found["serial_number"]
    assert found["measurement.supply"] == "3.31 V (3 to 3.6 V)"
    assert "device log" in (cases["test_it"].find("failure").text or "")  # type: ignore[union-attr]
    logs = sorted(path.name for path in (runs.pytester.path / "logs").iterdir())
    assert logs == [
        "test_it.py.test_good.log",
        "test_it.py.test_it.log",
        "test_it.py.test_limits.log",
    ]
    assert "fine" in (runs.pytester.path / "logs" / logs[0]).read_text()
    records = json.loads((runs.pytester.path / "measured.json").read_text("utf-8"))
    assert [(r["name"], r["board"], r["passed"]) for r in records] == [
        ("supply", "rig", True),
        ("temperature", "rig", False),
    ]


def test_sim_only_keeps_names_and_wiring_without_the_rig(runs: Runs) -> None:
    runs.project(RIG.replace('"virtual:"', '"/dev/ttyBelayIsNotThere"'))
    source = """
import pytest
@pytest.mark.board("rig")
def test_wiring(board):
    assert board.wiring.led == 25 and not board.real
@pytest.mark.requires("wifi")
def test_capability(device): pass
"""
    for option, header in (
        ("--device-sim=only", "boards: rig virtual: (virtual, in its place)"),
        ("--device-sim=auto", "boards: rig /dev/ttyBelayIsNotThere (real)"),
    ):
        done = runs.test(source, option)
        done.assert_outcomes(passed=1, skipped=1)
        assert header in done.stdout.str()
    done = runs.test(source, "--device", "rig")  # named, so it must be there
    done.assert_outcomes(errors=2)
    assert "rig: " in done.stdout.str()
    done = runs.test(source, "--device-sim=never")
    done.assert_outcomes(skipped=2)
    assert "is not there" in done.stdout.str()


MARKED = """
import pytest
pytestmark = [pytest.mark.{0}]
def test_it(device): pass
"""

MISTAKES = {
    "requires(min_free_ram='64k')": "requires(min_free_ram='64k'): that is a number of bytes",
    "requires(platform=3)": "requires(platform=3): that is text",
    "board('all')": '"all" is no name of a board; boards("all") has it alone',
    "boards('all', 'rig')": '"all" is no name of a board; boards("all") has it alone',
    "boards()": 'boards() takes names, such as boards("pico")',
    "board('rig'), pytest.mark.boards('all')": "board() says on which board it runs, boards()",
}


def test_a_marker_that_is_wrong_fails_in_one_line(runs: Runs) -> None:
    runs.project(RIG)
    for number, mark in enumerate(MISTAKES):
        (runs.pytester.path / f"test_{number}.py").write_text(MARKED.format(mark))
    done = runs.run("--continue-on-collection-errors")
    assert done.parseoutcomes() == {"errors": len(MISTAKES)}
    text = done.stdout.str()
    for said in MISTAKES.values():
        assert said in text, said
    assert "Traceback" not in text
    assert "requirements.py" not in text  # no code of ours


def test_what_a_board_lacks_is_told_with_what_it_has(runs: Runs) -> None:
    runs.project(RIG)
    done = runs.test(
        """
import pytest
@pytest.mark.requires("wfi")
def test_capability(device): pass
@pytest.mark.board("rgi")
def test_name(device): pass
""",
    )
    done.assert_outcomes(skipped=2)
    text = done.stdout.str()
    assert "has no wfi (its capabilities: wifi, pin:loopback=2-3)" in text
    assert "no board rgi in this run, which has rig; is rig meant?" in text


OPTIONS = {
    ("--device", "nobody"): "--device: 'nobody' is not a board address",
    ("--device=rig", "--device-sim=never"): "--device-sim=never rules out every board of --device",
    ("--device-log-dir=test_it.py/logs",): "--device-log-dir: there cannot be a folder",
    (
        "--device-measurements=test_it.py/x/m.json",
    ): "--device-measurements: there cannot be a folder",
    ("--device-measurements=.",): "is a folder",
    ("-o", "belay_device_sync=firmware"): "belay_device_sync: there is no folder",
    ("-o", "belay_device_unittest=board_tests"): "belay_device_unittest: there is no folder",
    ("-o", "belay_device_sync=a\nb:/"): "'b:/' would replace a in / of the board",
    ("-o", "belay_device_wait=long"): "belay_device_wait = 'long' is no number of seconds",
}


def test_an_option_that_is_wrong_ends_the_run_before_it_begins(runs: Runs) -> None:
    runs.project(RIG)
    (runs.pytester.path / "test_it.py").write_text("def test_it(device): pass\n")
    for options, said in OPTIONS.items():
        done = runs.run("-q", *options)  # without a header
        assert done.ret == 4, options
        assert said in done.stderr.str(), options
        assert "Traceback" not in done.stderr.str()


def test_boards_are_said_where_only_a_test_or_the_environment_speaks_of_them(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "def test_it(device): pass\n"
    told = runs.test(source, "--collect-only").stdout.str()
    assert "boards: virtual: (virtual); virtual: auto; reset: function" in told
    monkeypatch.setenv("BELAY_DEVICE", "virtual:?seed=3")
    assert "boards: virtual:?seed=3 (virtual)" in runs.test(source, "--collect-only").stdout.str()
    monkeypatch.setenv("BELAY_DEVICE", "nonsense")  # no reason to end runs that use no board
    done = runs.test("def test_it(): pass\n")
    done.assert_outcomes(passed=1)
    assert "boards: BELAY_DEVICE: 'nonsense' is not a board address" in done.stdout.str()


def test_firmware_is_on_the_board_before_each_test(runs: Runs) -> None:
    runs.project(RIG, ini='belay_device_sync = ["firmware", "extra:/lib"]\n')
    for name, text in (("firmware/pump.py", "LITRES = 3\n"), ("extra/valve.py", "OPEN = True\n")):
        (runs.pytester.path / name).parent.mkdir()
        (runs.pytester.path / name).write_text(text)
    source = """
import pytest
@pytest.mark.on_device
@pytest.mark.parametrize("number", [1, 2])
def test_it(number):
    import os, pump, valve
    assert pump.LITRES == 3 and valve.OPEN
    os.remove("/pump.py")
def test_after_a_power_cut(device, power):
    power.cycle()
    assert device("__import__('pump').LITRES") == 3
"""
    runs.test(source).assert_outcomes(passed=3)
    (runs.pytester.path / "firmware" / "pump.py").write_text("LITRES = = 3\n")
    done = runs.test(source)
    done.assert_outcomes(errors=3)
    assert re.search(r"rig: \S+firmware cannot be put on it: .*pump\.py", done.stdout.str())


def test_an_argument_that_cannot_go_to_the_board(runs: Runs) -> None:
    done = runs.test("import pytest\n@pytest.mark.on_device\ndef test_it(board): pass\n")
    done.assert_outcomes(failed=1)
    said = "the body of this test runs on the board, and board would have to go there: a value"
    assert said in done.stdout.str()
