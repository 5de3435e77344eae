# SPDX-License-Identifier: Apache-2.0
"""The linter names exactly what a board cannot compile: both ways, on a board."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

import belay
from belay.source.cells import quietly
from belay.source.lint import LINTED_VERSION, Finding, lint
from belay.source.minify import minify
from tests.source.constructs import ALLOWED, FAILS, REFUSED
from tests.source.programs import is_valid, programs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def device() -> Iterator[belay.Device]:
    with belay.Device("virtual:", startup="") as connected:
        assert connected.implementation.version[:2] == LINTED_VERSION, "try the tables anew"
        connected("""
            def _errors(sources):
                found = []
                for source in sources:
                    try:
                        compile(source, "x", "exec")
                        found.append("")
                    except Exception as error:
                        found.append(repr(error))
                return found
        """)
        yield connected


def compiled(device: belay.Device, sources: list[str]) -> dict[str, str]:
    """What the board's compiler says to each; nothing where it is content."""
    sources = [source for source in sources if is_valid(source)]
    assert len(sources) > 20
    return dict(zip(sources, device(f"_errors({sources!r})"), strict=True))


def test_what_is_named_is_refused(device: belay.Device) -> None:
    found = compiled(device, REFUSED)
    assert [source for source, error in found.items() if not error] == []
    assert [source for source in found if not lint(source)] == []


def test_what_is_not_named_is_compiled(device: belay.Device) -> None:
    found = compiled(device, ALLOWED)
    assert {source: error for source, error in found.items() if error} == {}
    findings = {source: lint(source) for source in found}
    assert {source: some for source, some in findings.items() if some} == {}


PRELUDE = """
x = 5
def g(v): return v
class B:
    def __init_subclass__(cls, **k): pass
class M:
    def __enter__(self): pass
    def __exit__(self, *a): pass
    async def __aenter__(self): pass
    async def __aexit__(self, *a): pass
"""


def here(source: str) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.suppress(StopIteration), quietly():
        exec(PRELUDE + source, {})
    return output.getvalue()


def there(source: str, device: belay.Device) -> str:
    output = io.StringIO()
    try:
        device(f"import gc\nexec({PRELUDE + source!r}, {{}})", stream_out=output)
    except belay.PyboardException as error:
        return error.type
    return output.getvalue()


def test_what_is_compiled_and_fails(device: belay.Device) -> None:
    errors = compiled(device, FAILS)
    assert not any(errors.values())
    assert [source for source in errors if not lint(source)] == []
    assert [source for source in errors if here(source) == there(source, device)] == []
    # What it is compared with works, or the comparison would say nothing.
    fine = "with M(): print(f'{x}', '{}')"
    assert here(fine) == there(fine, device) == "5 {}\n"
    assert lint(fine) == []


def test_programs_for_boards_have_no_findings() -> None:
    folders = [ROOT / "belay" / "onboard", ROOT / "belay" / "virtual" / "modules"]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    assert len(files) > 10
    for path in files:
        assert lint(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize(
    ("source", "place", "says"),
    [
        ("x = 1\nif x:\n    y = [*x]\n", (3, 10), "MicroPython has * in calls and assignments"),
        ("'é'; match_ = {**é}", (1, 18), "has no ** in a dict display; use dict.update"),
        ("def f(a, /): pass", (1, 7), "no positional-only parameters; take the / out"),
        ("@a\n@b[0]\ndef f(): pass", (2, 2), "decorators are dotted names, called at most once"),
        ("x = f'{a:>5}{b!a}'", (1, 14), "cannot read this field of an f-string; give the value a"),
        ("f'''\n{a}\n{b = }'''", (3, 2), "cannot read this field of an f-string"),
        ("f'''\n{(*a, 1)}'''", (2, 3), "MicroPython has * in calls"),
        ("x = (1\n  if y else 2or 3)", (2, 13), "a number and the word behind it for one number"),
        ("x = R'a'", (1, 5), "MicroPython has no prefix R; write r"),
        ("x = (f'{a}'\n     '{}')", (2, 6), "braces in a string beside an f-string for fields"),
    ],
)
def test_findings_say_where_what_and_what_to_do(
    source: str, place: tuple[int, int], says: str
) -> None:
    (finding,) = lint(source)
    assert (finding.line, finding.column) == place
    assert says in str(finding)
    (later,) = lint(source.replace("\n", "\r\n"), first_line=101)
    assert later == Finding(place[0] + 100, place[1], finding.what, finding.remedy)
    assert str(later).startswith(f"line {place[0] + 100}, column {place[1]}: MicroPython")
    assert str(later).endswith(".")


def test_several_findings_come_in_order() -> None:
    source = "x = {**a}\nwith (b as c): y = [*d, *e]\ndel []\n"
    assert [(found.line, found.column) for found in lint(source)] == [
        (1, 8), (2, 7), (2, 21), (2, 25), (3, 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "source",
    ["print 'old'", "x = ", "a\0b", "@micropython.asm_thumb\ndef f(r0):\n  mov(r0, 1) 2"],
)
def test_what_only_the_board_can_judge(source: str) -> None:
    assert lint(source) == []


@given(programs())
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_programs_that_hypothesis_makes(device: belay.Device, source: str) -> None:
    """Whether a program is compiled is what the linter says of it."""
    small = minify(source)  # without form feeds, which a board takes for indentation
    try:
        with quietly():
            compile(small, "x", "exec")
    except SyntaxError:  # what CPython parses, but does not compile either
        return
    (error,) = device(f"_errors({[small]!r})")
    assert bool(lint(small)) == bool(error), small
