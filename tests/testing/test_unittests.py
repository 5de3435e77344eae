# SPDX-License-Identifier: Apache-2.0
"""Files of unittest on the board, one test at a time."""

from __future__ import annotations

import pytest

import belay
from belay.session.onboard import load
from tests.testing.rigs import Runs
from tests.testing.rigs import runs as runs

pytest_plugins = ["pytester"]

FILE = """\
import unittest
import machine

class TestPins(unittest.TestCase):
    def setUp(self):
        self.pin = machine.Pin(2, machine.Pin.OUT)

    def test_on(self):
        self.pin.on()
        self.assertEqual(self.pin.value(), 1)

    def test_wrong(self):
        print("printed")
        self.assertEqual(self.pin.value(), 7, "the pin")

    def test_raises(self):
        with self.assertRaises(ValueError):
            int("x")
        {}["missing"]

    @unittest.skip("not today")
    def test_skipped(self):
        pass

    async def test_coroutine(self):
        import asyncio
        await asyncio.sleep(0)
        self.assertEqual(self.pin.value(), 8, "after a while")

    def helper(self):
        pass

class TestMore(TestPins):
    def test_sub(self):
        for number in (1, 2):
            with self.subTest(number=number):
                self.assertEqual(number, 1)
"""


def test_files_run_on_the_board_test_by_test(runs: Runs) -> None:
    runs.project(ini='belay_device_unittest = ["board_tests"]')
    folder = runs.pytester.path / "board_tests"
    folder.mkdir()
    (folder / "test_pins.py").write_text(FILE)
    (folder / "test_unread.py").write_text("import unittest\n__requires__ = wifi\n")
    (folder / "test_radio.py").write_text(
        '__requires__ = ("bluetooth",)\nfrom unittest import TestCase\nimport bluetooth\n'
        "class TestRadio(TestCase):\n    def test_it(self): pass\n"
    )
    (runs.pytester.path / "test_here.py").write_text(
        "import unittest\nclass TestHere(unittest.TestCase):\n    def test_here(self): pass\n"
    )
    wrong = runs.run("--collect-only")
    assert "line 2: __requires__ is read, not run: it is a tuple of texts" in wrong.stdout.str()
    assert "Traceback" not in wrong.stdout.str()
    (folder / "test_unread.py").unlink()
    done = runs.run("-v", "-rA")
    done.assert_outcomes(passed=3, failed=7, skipped=3)
    text = "\n".join(line.rstrip() for line in done.stdout.lines)
    for shown in (
        "board_tests/test_pins.py::TestPins::test_on PASSED",
        "SKIPPED (not today)",
        "has no bluetooth",
        "E       AssertionError: after a while",
        '>       self.assertEqual(self.pin.value(), 7, "the pin")\nE       AssertionError: the pin',
        "test_pins.py:14: AssertionError",
        '>       {}["missing"]\nE       belay.testing.ondevice.OnDeviceError: KeyError: missing',
        "TestMore::test_sub",
        "test_here.py::TestHere::test_here PASSED",
    ):
        assert shown in text, shown


CASES = """
import unittest
class T(unittest.TestCase):
    log = []
    @classmethod
    def setUpClass(cls): cls.log.append("class")
    @classmethod
    def tearDownClass(cls): cls.log.append("end")
    def setUp(self):
        self.log.append("set up")
        self.addCleanup(self.log.append, "cleanup")
    def tearDown(self): self.log.append("tear down")
    def test_fine(self):
        self.log.append("test")
        self.assertNotEqual(1, 2); self.assertTrue([0]); self.assertFalse([])
        self.assertIs(None, None); self.assertIsNot([], []); self.assertIsNone(None)
        self.assertIsNotNone(1); self.assertIn(1, [1]); self.assertNotIn(2, [1])
        self.assertIsInstance(1, int); self.assertNotIsInstance(1, str)
        self.assertLess(1, 2); self.assertLessEqual(2, 2); self.assertGreater(2, 1)
        self.assertGreaterEqual(2, 2); self.assertAlmostEqual(0.1 + 0.2, 0.3)
        self.assertAlmostEqual(1, 2, delta=1); self.assertNotAlmostEqual(1, 2)
        self.assertRaises(KeyError, lambda: {}["x"])
        with self.assertRaises((KeyError, ValueError)) as caught:
            int("x")
        assert isinstance(caught.exception, ValueError)
    def test_equal(self): self.assertEqual(1, 2)
    def test_raises(self):
        with self.assertRaises(KeyError): pass
    def test_in(self): self.assertIn(1, [2], "why")
    def test_near(self): self.assertAlmostEqual(1.0, 1.1)
    def test_fail(self): self.fail()
    def test_skip(self): self.skipTest("because")
    @unittest.skipUnless(False, "never")
    def test_unless(self): self.fail()
    @unittest.skipIf(False, "never")
    def test_if(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
@unittest.skip("all of it")
class S(unittest.TestCase):
    def test_it(self): self.fail()
"""


def test_a_board_without_the_module_gets_ours() -> None:
    with belay.Device("virtual:") as device:
        device.run_cell(load("unittesting"), result=False)
        assert device("_belay_lacks_unittest()") is False  # its firmware has one
        device(f"_belay_unittest({load('unittestmodule')!r})")
        device.run_cell(CASES, result=False)

        def run(name: str, case: str = "T") -> object:
            return device(f"_belay_case({case}, {name!r})")

        assert run("test_fine") is None
        steps = ["class", "set up", "test", "tear down", "cleanup", "end"]
        assert device("T.log") == steps
        assert run("test_if") is None
        assert run("test_skip") == "because"
        assert run("test_unless") == "never"
        assert run("test_it", "S") == "all of it"
        assert str(run("test_expected")).startswith("expected failure")
        for name, message in (
            ("test_equal", "1 != 2"),
            ("test_raises", "not raised"),
            ("test_in", "1 not found in [2] : why"),
            ("test_near", "too far apart"),
            ("test_fail", "fail() was called"),
            ("test_unexpected", "unexpected success"),
        ):
            with pytest.raises(belay.PyboardException) as caught:
                run(name)
            assert caught.value.type == "AssertionError"
            assert message in str(caught.value)
