# SPDX-License-Identifier: Apache-2.0
"""The last expression of a cell becomes its result, and nothing else changes."""

from __future__ import annotations

import ast
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belay.source.cells import (
    RESULT,
    binds_names,
    imported_names,
    is_expression,
    leaves_code,
    with_result,
)


def run(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(source, "<cell>", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("1 + 1", "_belay_value=(1 + 1)"),
        ("x = 2\nx\n", "x = 2\n_belay_value=(x)\n"),
        ("x = 2; x", "x = 2; _belay_value=(x)"),
        ("x = 2\nx # why", "x = 2\n_belay_value=(x) # why"),
        ("x = 2\nx  # a; b", "x = 2\n_belay_value=(x)  # a; b"),
        ("x = 2\nx\n# the end", "x = 2\n_belay_value=(x)\n# the end"),
        ("(1,\n 2)", "_belay_value=((1,\n 2))"),
        ("1, 2", "_belay_value=(1, 2)"),
        ("1, 2,", "_belay_value=(1, 2,)"),
        ("(y := 3)", "_belay_value=((y := 3))"),
        ("[i\n for i in range(3)\n]  # three", "_belay_value=([i\n for i in range(3)\n])  # three"),
        ('"""a\nb"""', '_belay_value=("""a\nb""")'),
        ("'é' + 'ü'; 'ñ' * 2", "'é' + 'ü'; _belay_value=('ñ' * 2)"),
        ("s = 'é🙂'; s  # ß", "s = 'é🙂'; _belay_value=(s)  # ß"),
        ("f'{1}' # x", "_belay_value=(f'{1}') # x"),
        ('"x;"', '_belay_value=("x;")'),
        ("1 + \\\n 2", "_belay_value=(1 + \\\n 2)"),
        ("x = 1\r\nx\r\n", "x = 1\r\n_belay_value=(x)\r\n"),
        ("x = 1\rx", "x = 1\r_belay_value=(x)"),
        ("'a\x0cb\u2028c\x85d'\nlen('\x1c')", "'a\x0cb\u2028c\x85d'\n_belay_value=(len('\x1c'))"),
        ("'\u2028'", "_belay_value=('\u2028')"),
        (r"'\d'", r"_belay_value=('\d')"),
        ("(yes) if 1 else (no)", "_belay_value=((yes) if 1 else (no))"),
    ],
)
def test_the_last_expression_is_assigned(source: str, sent: str) -> None:
    assert with_result(source) == (sent, True)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "\n\n",
        "# only a comment",
        "x = 1",
        "x = 1; y = 2",
        "1 + 1;",
        "1 + 1 ; # quiet",
        "x = 5\nx;",
        "(1,\n 2);",
        "'é';",
        "for i in range(3): i",
        "def f(): pass",
        "if True:\n    1\n",
        "import sys",
        "del x",
        "pass",
        "@micropython.asm_thumb\ndef f(r0): mov(r0, 1) 2",  # CPython does not parse it
        "print 'old'",
        "x = 1\n  y = 2",
        "a\0b",
        "(" * 300,
        "-" * 100_000 + "1",
    ],
)
def test_where_there_is_no_result_the_source_stays(source: str) -> None:
    assert with_result(source) == (source, False)


def test_lines_stay_where_they_are() -> None:
    source = "a = 1\n\nb = '''\nx\n'''\n(a\n +\n 1)\n\n"
    sent, has_result = with_result(source)
    assert has_result
    assert sent.count("\n") == source.count("\n")
    assert [a == b for a, b in zip(sent.split("\n"), source.split("\n"), strict=True)] == (
        [True] * 5 + [False, True, False] + [True] * 2
    )


@pytest.mark.filterwarnings("error")
def test_warnings_are_the_boards_to_give() -> None:
    assert with_result(r"'\d'")[1]
    assert is_expression(r"'\d'")
    assert is_expression("1 is 1")


STATEMENTS = [
    "x = 1",
    "x = 'é'; y = x",
    "def f():\n    'é'\n    return 5",
    "'''a\n;b'''",
    "for i in (1, 2):\n    i",
    "# comment ;",
    "",
    "'\u2028\x0c'",
]
EXPRESSIONS = [
    "1",
    "(1,\n 2)",
    "'é;#'",
    "[n for n in\n (1, 2)]",
    "'''x\n y'''",
    "{'a': 1,\n}",
    "1 if 1 else (\n2)",
    "'\x85' # é ;",
]


@given(st.lists(st.sampled_from(STATEMENTS), max_size=4), st.sampled_from(EXPRESSIONS))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_the_result_is_what_the_expression_is(before: list[str], expression: str) -> None:
    source = "\n".join([*before, expression])
    sent, has_result = with_result(source)
    assert has_result
    names = run(sent)
    assert names.pop(RESULT) == eval(f"({expression}\n)")
    assert names.keys() - {"__doc__"} == run(source).keys() - {"__doc__"}


def test_what_is_sent_is_one_assignment() -> None:
    for expression in EXPRESSIONS:
        (statement,) = ast.parse(with_result(expression)[0]).body
        assert isinstance(statement, ast.Assign)


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("1 + 1", True),
        ("  1", False),
        ("f(\n1)", True),
        ("x := 1", False),
        ("(x := 1)", True),
        ("x = 1", False),
        ("1; 2", False),
        ("", False),
        ("import sys", False),
        ("1 +", False),
        ("a\0b", False),
        ("'a\0b'", True),
        ("1" + "+1" * 3000, True),
        ("x = 1" + "+1" * 3000, False),
        ("(" * 300, False),
        ("-" * 100_000 + "1", False),
    ],
)
def test_is_expression(source: str, answer: bool) -> None:
    assert is_expression(source) is answer


@pytest.mark.parametrize(
    ("source", "leaves"),
    [
        ("x = 1", False),
        ("for i in range(3): print([j for j in range(i)])", False),
        ("text = 'def f(): lambda'", False),
        ("f = lambda: 1", True),
        ("def f(): pass", True),
        ("class A:\n def f(self): pass", True),
        ("g = (i for i in range(3))", True),
        ("only the board's compiler knows", True),
    ],
)
def test_code_that_stays_on_the_board(source: str, leaves: bool) -> None:
    assert leaves_code(source) is leaves


@pytest.mark.parametrize(
    ("source", "binds"),
    [
        ("x = 1", True),
        ("import machine", True),
        ("def f(): pass", True),
        ("led.on(); x = 5", True),
        ("print(1); print(2)", False),
        ("only the board's compiler knows", True),
        ("led.on()", False),
        ("  led.on()\n", False),
        ("(x := 1)", False),
        ("f(\n1)", False),
        ("", False),
        ("# nothing", False),
    ],
)
def test_statements_are_what_is_replayed(source: str, binds: bool) -> None:
    assert binds_names(source) is binds


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import machine", ("machine",)),
        ("import a, b as c", ("a", "c")),
        ("import a.b.c", ("a",)),
        ("import a.b.c as d, e.f", ("d", "e")),
        ("from machine import Pin", ("Pin",)),
        ("from machine import (Pin as P,\n  ADC,)  # both", ("P", "ADC")),
        ("from . import x;", ("x",)),
        ("import a; import b", None),
        ("import a\na", None),
        ("x = 1", None),
        ("f()", None),
        ("", None),
        ("import", None),
        ("only the board's compiler knows", None),
    ],
)
def test_the_names_that_an_import_binds(source: str, names: tuple[str, ...] | None) -> None:
    assert imported_names(source) == names


def test_an_import_that_does_not_say_what_it_binds() -> None:
    with pytest.raises(ValueError, match="'from machine import \\*' does not say"):
        imported_names("from machine import *")
