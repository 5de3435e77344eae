# SPDX-License-Identifier: Apache-2.0
"""What docs/testing.md shows runs, and it names all that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from belay.testing import plugin
from tests.testing.rigs import Runs
from tests.testing.rigs import runs as runs

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "testing.md").read_text("utf-8")

RIG = """
from pathlib import Path
def reset(): Path("reset").touch()
class Power:
    def on(self): Path("on").touch()
    def off(self): Path("off").touch()
    def cycle(self): self.off(); self.on()
"""


def snippet(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_page_is_true(runs: Runs) -> None:
    table = snippet("toml").replace("usb:serial=E6614C775B3A2C35", "virtual:")
    runs.project(table)
    (runs.pytester.path / "rig.py").write_text(RIG)
    runs.pytester.syspathinsert()
    more = "\ndef test_power(power): power.cycle()\n"
    done = runs.test(snippet("py") + more, "--device-measurements=m.json", "-v")
    done.assert_outcomes(passed=5)
    assert '"supply"' in (runs.pytester.path / "m.json").read_text()
    assert (runs.pytester.path / "off").exists()
    assert (runs.pytester.path / "on").exists()
    runs.project(snippet("toml"))  # no such board: the virtual one in its place lacks its radio
    done = runs.test(snippet("py"))
    done.assert_outcomes(passed=3, skipped=1)


def test_all_options_fixtures_and_markers_are_on_the_page(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig("-p", "no:cacheprovider")
    ours = {name for name in config._parser._inidict if name.startswith("belay_")}
    rows = set(re.findall(r"`(belay_\w+)`", PAGE))
    assert rows == ours
    options = {name for name in vars(config.option) if name.startswith("belay_device")}
    named = set(re.findall(r"`--(device[\w-]*)", PAGE))
    assert named == {name.removeprefix("belay_").replace("_", "-") for name in options}
    for marker in plugin._MARKERS:
        name = re.split(r"\W", marker)[0]
        assert re.search(rf"`{name}[(`]", PAGE), marker
    fixtures = re.findall(
        r"^@pytest\.fixture\ndef ([a-z]\w+)", Path(plugin.__file__).read_text(), re.M
    )
    assert len(fixtures) > 7
    for fixture in fixtures:
        assert re.search(rf"`{fixture}[(`]", PAGE), fixture
