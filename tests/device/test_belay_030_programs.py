# SPDX-License-Identifier: Apache-2.0
"""Programs of the kinds that users of Belay 0.30 have: they print what they print there.

They stand in ``belay_030_programs.md`` with what they print. It was recorded from Belay 0.30.1 on
the virtual board, but for programs with a paragraph in front, which says what is different here and
why.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import belay
from tests.session.boards import fresh_name

PAGE = Path(__file__).with_name("belay_030_programs.md")
PROGRAM = re.compile(
    r"^## (?P<name>[^\n]+)\n\n(?P<reason>.*?)"
    r"```python\n(?P<source>.*?)```\n\n```text\n(?P<text>.*?)```$",
    re.DOTALL | re.MULTILINE,
)


class Program(NamedTuple):
    name: str
    reason: str
    source: str
    text: str


def programs() -> list[Program]:
    return [Program(*match.groups()) for match in PROGRAM.finditer(PAGE.read_text("utf-8"))]


@pytest.fixture(scope="module")
def board() -> str:
    """One board for all: each Device resets it."""
    name = fresh_name()
    belay.Device(name).close()
    return name


def test_the_page_is_read_to_its_end() -> None:
    headings = re.findall(r"^## (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [program.name for program in programs()] == headings
    assert len(set(headings)) == len(headings) > 100


@pytest.mark.parametrize("program", programs(), ids=lambda program: program.name)
def test_a_program_written_for_belay_030(program: Program, board: str, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(program.source, encoding="utf-8")
    linecache.checkcache(str(path))
    names: dict[str, Any] = {"__name__": "prog", "__file__": str(path)}
    names |= {"belay": belay, "BOARD": board}
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.ExitStack() as stack:
        stack.callback(close_all, names)
        code = compile(program.source, str(path), "exec", dont_inherit=True)
        exec(code, names)
    assert output.getvalue() == program.text


def test_exceptions_that_are_in_a_module_of_their_own() -> None:
    from belay import exceptions

    for name in ("InternalError", "PackageNotFoundError", "IntegrityError", *belay.__all__):
        if name.endswith(("Error", "Exception", "Lost")):
            kind = getattr(exceptions, name)
            assert issubclass(kind, belay.BelayException)
            assert kind is getattr(belay, name, kind)


def close_all(names: dict[str, Any]) -> None:
    for value in list(names.values()):
        if isinstance(value, belay.Device):
            value.close()
