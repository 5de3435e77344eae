# SPDX-License-Identifier: Apache-2.0
"""Assert statements of a test, so that the board remembers what they have looked at.

The text is changed where it stands, and never gets another line: a traceback of the board means
the lines of the file. ``assert a == f(b)`` becomes::

    assert _belay_seen(0)or((_belay_seen(1,0,(a))) == (_belay_seen(1,1,(f(b))))),_belay_seen(2,0)
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import NamedTuple

from belay.source.tokens import Places

__all__ = ["AssertStatement", "Probe", "Rewritten", "rewrite_asserts"]

SEEN = "_belay_seen"
_SHOWN = (ast.Call, ast.Attribute, ast.Name, ast.Subscript, ast.BinOp)
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Probe(NamedTuple):
    """Something that an assert statement looks at.

    Attributes:
        source: its text.
        operand: it is one side of a comparison, or the whole of the condition.
        start: where it stands in the condition's text.
        end: likewise.
    """

    source: str
    operand: bool
    start: int = 0
    end: int = 0


@dataclass
class AssertStatement:
    """One assert statement.

    Attributes:
        first: its first line in the text.
        last: its last line.
        condition: the text of what is asserted.
        operator: of a comparison of two; else empty.
        sides: the numbers of the two probes of such a comparison.
        probes: what it looks at, by number.
    """

    first: int
    last: int
    condition: str
    operator: str = ""
    sides: tuple[int, int] = (0, 0)
    probes: dict[int, Probe] = field(default_factory=dict)


class Rewritten(NamedTuple):
    """A source whose assert statements were rewritten.

    Attributes:
        text: the same lines.
        asserts: its statements, by the number that the board gives.
    """

    text: str
    asserts: list[AssertStatement]


def rewrite_asserts(text: str) -> Rewritten:
    """Let the assert statements of a source tell what they have seen.

    Args:
        text: a function's source.
    """
    rewriter = _Rewriter(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assert):
            rewriter.rewrite(node)
    return Rewritten(rewriter.result(), rewriter.asserts)


class _Rewriter:
    def __init__(self, text: str) -> None:
        self._text = text
        self._places = Places(text)
        self._inserted: list[tuple[int, int, str]] = []
        self._order = 0
        self._numbers = 0
        self.asserts: list[AssertStatement] = []

    def result(self) -> str:
        """The text with all that was inserted."""
        parts, end = [], 0
        for place, _, inserted in sorted(self._inserted):
            parts += [self._text[end:place], inserted]
            end = place
        return "".join([*parts, self._text[end:]])

    def rewrite(self, node: ast.Assert) -> None:
        number = len(self.asserts)
        start, end = self._span(node.test)
        found = AssertStatement(node.lineno, node.end_lineno or node.lineno, self._text[start:end])
        self.asserts.append(found)
        self._begin(start, f"{SEEN}(0)or(")
        self._condition(node.test, found, start)
        self._end(end, ")")
        if node.msg is not None:
            start, end = self._span(node.msg)
            self._begin(start, f"{SEEN}(2,{number},(")
            self._end(end, "))")
        else:
            self._end(self._places.end(node), f",{SEEN}(2,{number})")

    def _condition(self, node: ast.expr, found: AssertStatement, base: int) -> None:
        """What is true or false: its parts are looked at one by one."""
        if isinstance(node, ast.BoolOp):
            for value in node.values:
                self._condition(value, found, base)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._condition(node.operand, found, base)
        elif isinstance(node, ast.Compare):
            sides = [
                self._look(operand, found, base, operand=True)
                for operand in (node.left, *node.comparators)
            ]
            if len(sides) == 2 and node is _whole(found, node):
                found.operator = _operator(node.ops[0])
                found.sides = (sides[0], sides[1])
        else:
            self._look(node, found, base, operand=True)

    def _look(
        self, node: ast.AST, found: AssertStatement, base: int, *, operand: bool = False
    ) -> int:
        """Remember a value, and the values that it is made of; the number of the first."""
        number = -1
        start, end = self._span(node) if isinstance(node, ast.expr) else (0, 0)
        shown = operand or isinstance(node, _SHOWN)
        if shown and not (isinstance(node, ast.Constant) and not operand):
            number, self._numbers = self._numbers, self._numbers + 1
            source = self._text[start:end]
            found.probes[number] = Probe(source, operand, start - base, end - base)
            self._begin(start, f"({SEEN}(1,{number},(")
        for part in _parts(node):
            self._look(part, found, base)
        if number >= 0:
            self._end(end, ")))")
        return number

    def _span(self, node: ast.expr) -> tuple[int, int]:
        return self._places.start(node), self._places.end(node)

    def _begin(self, place: int, text: str) -> None:
        self._order += 1
        self._inserted.append((place, self._order, text))

    def _end(self, place: int, text: str) -> None:
        # What ends at the same place as something inside of it comes behind that: later.
        self._order += 1
        self._inserted.append((place, self._order, text))


def _parts(node: ast.AST) -> list[ast.expr]:
    """The values that a value is made of, as far as they are worth to be shown."""
    if isinstance(node, (*_SCOPES, ast.JoinedStr, ast.Await, ast.NamedExpr)):
        return []
    if isinstance(node, ast.Call):
        arguments = [a.value if isinstance(a, ast.Starred) else a for a in node.args]
        arguments += [keyword.value for keyword in node.keywords]
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        inner = [owner] if isinstance(owner, (ast.Call, ast.Subscript)) else []
        return [*inner, *arguments]
    if isinstance(node, ast.Attribute):
        return [node.value] if not isinstance(node.value, ast.Name) else []
    if isinstance(node, ast.Subscript):
        return [node.value]
    return [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]


def _whole(found: AssertStatement, node: ast.Compare) -> ast.Compare | None:
    """The comparison, where it is all of the condition."""
    parsed = ast.parse(f"({found.condition}\n)", mode="eval").body
    return node if isinstance(parsed, ast.Compare) else None


_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def _operator(operator: ast.cmpop) -> str:
    return _OPERATORS[type(operator)]
