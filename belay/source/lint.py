# SPDX-License-Identifier: Apache-2.0
"""What CPython compiles and MicroPython does not, found before a board is asked.

Each rule was tried on a board: ``tests/source/test_lint.py`` compiles an example of everything
that is named here, and of what stands close to it and is not named.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from belay.source.cells import UNREADABLE, parsed
from belay.source.literals import FIELD_REMEDY, Problem, check_literals
from belay.source.tokens import Places

__all__ = ["LINTED_VERSION", "Finding", "advice", "lint"]

LINTED_VERSION = (1, 27)
"""The newest MicroPython that the rules were tried on: a newer one may have learned something."""


@dataclass(frozen=True)
class Finding:
    """Something that MicroPython cannot compile, or that must fail when it runs.

    Attributes:
        line: line number.
        column: column of its first character, counted from 1.
        what: what it is, as a clause.
        remedy: what to write in its place.
    """

    line: int
    column: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.what}; {self.remedy}."


def lint(text: str, *, first_line: int = 1) -> list[Finding]:
    """Find what MicroPython cannot compile although CPython can, or what must fail when it runs.

    Args:
        text: source of a module, or a function's as :func:`belay.source.capture.capture` gives it.
        first_line: line number of its first line.

    Returns:
        What was found, in order. Nothing for source that the host's Python cannot parse: only the
        board can judge it.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        tree = parsed(text)
    except UNREADABLE:
        return []
    places = Places(text)
    findings = []
    for index, what, remedy in sorted(set(_problems(text, tree))):
        line, column = places.place(index)
        findings.append(Finding(line + first_line - 1, column, what, remedy))
    return findings


def _problems(code: str, tree: ast.AST, nested: bool = False) -> Iterator[Problem]:
    yield from _Checker(code).check(tree)
    for problem in check_literals(code, nested):
        if isinstance(problem, Problem):
            yield problem
            continue
        # An expression in the braces of an f-string: MicroPython compiles it in parentheses.
        start, inside = problem
        inside = f"({inside})"
        try:
            tree = parsed(inside)
        except UNREADABLE:
            yield Problem(start, "MicroPython cannot read this field of an f-string", FIELD_REMEDY)
            continue
        for index, what, remedy in _problems(inside, tree, nested=True):
            yield Problem(index + start - 1, what, remedy)


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

_MISSING = {
    "Match": ("match statement", "use if and elif"),
    "TryStar": ("except*", "use except"),
    "TypeAlias": ("type statement", "assign the type, or leave it out"),
}
"""Nodes, some of them younger than the oldest Python that runs this."""


class _Checker:
    """Looks through a syntax tree.

    Args:
        code: its source.
    """

    def __init__(self, code: str) -> None:
        self._code = code
        self._places = Places(code)
        self._found: list[Problem] = []
        self._starred: set[ast.expr] = set()  # stars that stand where they may
        self._bare: set[ast.expr] = set()  # generators without parentheses of their own

    def check(self, tree: ast.AST) -> list[Problem]:
        """What is wrong in it."""
        rest: list[tuple[ast.AST, bool]] = [(tree, False)]
        while rest:
            node, inside = rest.pop()
            if isinstance(node, ast.JoinedStr):
                continue  # literals.py sees it as MicroPython does
            name = type(node).__name__
            if name in _MISSING:
                what, remedy = _MISSING[name]
                self._report(node, f"MicroPython has no {what}", remedy)
            if name in _RULES:
                _RULES[name](self, node)
            if inside and isinstance(node, ast.Await):
                self._report(
                    node, "MicroPython cannot await inside a comprehension", "use a for statement"
                )
            if isinstance(node, _COMPREHENSIONS):
                first = node.generators[0].iter  # which is evaluated outside
                rest.append((first, inside))
                rest += [(part, True) for part in _inside(node) if part is not first]
            elif not isinstance(node, ast.comprehension):
                inside = inside and not isinstance(node, ast.Lambda)
                rest += [(part, inside) for part in ast.iter_child_nodes(node)]
        return self._found

    def _report(self, node: Any, what: str, remedy: str) -> None:
        self._found.append(Problem(self._places.start(node), what, remedy))

    def _before(self, node: ast.expr) -> str:
        """The character in front of a node."""
        position = self._places.start(node) - 1
        while self._code[position] in " \t\f\n\\" and position > 0:
            position -= 1
        return self._code[position]

    # ------------------------------------------------------------------------------ expressions

    def call(self, node: ast.Call) -> None:
        self._starred.update(node.args)
        if len(node.args) == 1 and not node.keywords:
            between = self._code[self._places.end(node.func) : self._places.start(node.args[0])]
            if "(" not in between:
                self._bare.add(node.args[0])

    def starred(self, node: ast.Starred) -> None:
        if isinstance(node.ctx, ast.Load) and node not in self._starred:
            self._report(
                node,
                "MicroPython has * in calls and assignments only, not in lists, tuples and sets",
                "join the parts with +",
            )

    def dictionary(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self._report(value, "MicroPython has no ** in a dict display", "use dict.update()")

    def tuple(self, node: ast.Tuple) -> None:
        if isinstance(node.ctx, ast.Store) and not node.elts:
            self._report(node, "MicroPython cannot assign to ()", "assign to a name")

    def comprehension(self, node: ast.comprehension) -> None:
        if node.is_async:
            self._report(
                node.target,
                "MicroPython has no async comprehensions",
                "use an async for statement",
            )

    def subscript(self, node: ast.Subscript) -> None:
        index = node.slice
        self._walruses(index.elts if isinstance(index, ast.Tuple) else [index])

    def set(self, node: ast.Set) -> None:
        self._walruses(node.elts)

    def set_comprehension(self, node: ast.SetComp) -> None:
        self._walruses([node.elt])

    def generator(self, node: ast.GeneratorExp) -> None:
        if node in self._bare:
            self._walruses([node.elt], bare=True)

    def _walruses(self, parts: list[ast.expr], bare: bool = False) -> None:
        for part in parts:
            if isinstance(part, ast.NamedExpr) and (bare or self._before(part) != "("):
                self._report(
                    part, "MicroPython wants := in parentheses here", "put it in parentheses"
                )

    # ------------------------------------------------------------------------------- statements

    def arguments(self, node: ast.arguments) -> None:
        if node.posonlyargs:
            self._report(
                node.posonlyargs[0],
                "MicroPython has no positional-only parameters",
                "take the / out",
            )

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for parameter in getattr(node, "type_params", ())[:1]:
            self._report(parameter, "MicroPython has no type parameters", "leave them out")
        for decorator in node.decorator_list:
            name = decorator.func if isinstance(decorator, ast.Call) else decorator
            while isinstance(name, ast.Attribute):
                name = name.value
            if not isinstance(name, ast.Name) or self._before(decorator) != "@":
                self._report(
                    decorator,
                    "MicroPython's decorators are dotted names, called at most once",
                    "give the expression a name and use that",
                )

    def class_(self, node: ast.ClassDef) -> None:
        self.function(node)
        self._starred.update(node.bases)
        for keyword in node.keywords:
            if keyword.arg is not None:
                self._report(
                    keyword,
                    "MicroPython's classes take no keywords, such as metaclass=",
                    "do it in a function that is called with the class",
                )

    def with_(self, node: ast.With | ast.AsyncWith) -> None:
        first = node.items[0].context_expr
        before = _without_comments(self._code[self._places.start(node) : self._places.start(first)])
        behind = _without_comments(self._code[self._places.end(first) :][:2000])
        closed = len(behind) - len(behind.lstrip(")"))
        if before.count("(") > closed and behind[closed:].startswith((",", "as")):
            self._report(
                first,
                "MicroPython has no parentheses around the items of a with statement",
                "leave them out, and end lines with a backslash",
            )

    def delete(self, node: ast.Delete) -> None:
        targets = list(node.targets)
        for target in targets:
            if isinstance(target, ast.Tuple) and target.elts:
                targets += target.elts
            elif isinstance(target, (ast.Tuple, ast.List)):
                self._report(
                    target, "MicroPython cannot delete a list of targets", "name them one by one"
                )

    def handler(self, node: ast.ExceptHandler) -> None:
        if isinstance(node.type, ast.Tuple) and self._code[self._places.start(node.type)] != "(":
            self._report(
                node.type,
                "MicroPython wants several exceptions in parentheses",
                "put them in parentheses",
            )


_RULES: dict[str, Callable[[_Checker, Any], None]] = {
    "AsyncFunctionDef": _Checker.function,
    "AsyncWith": _Checker.with_,
    "Call": _Checker.call,
    "ClassDef": _Checker.class_,
    "Delete": _Checker.delete,
    "Dict": _Checker.dictionary,
    "ExceptHandler": _Checker.handler,
    "FunctionDef": _Checker.function,
    "GeneratorExp": _Checker.generator,
    "Set": _Checker.set,
    "SetComp": _Checker.set_comprehension,
    "Starred": _Checker.starred,
    "Subscript": _Checker.subscript,
    "Tuple": _Checker.tuple,
    "With": _Checker.with_,
    "arguments": _Checker.arguments,
    "comprehension": _Checker.comprehension,
}


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a comprehension, those of its ``for`` and ``if`` among them."""
    for part in ast.iter_child_nodes(node):
        yield part
        if isinstance(part, ast.comprehension):
            yield from ast.iter_child_nodes(part)


def _without_comments(code: str) -> str:
    """Code between two nodes, which holds no strings, without comments and white space."""
    lines = (line.partition("#")[0] for line in code.split("\n"))
    return "".join("".join(lines).replace("\\", " ").split())


def advice(text: str) -> str:
    """Why boards refuse a source, one line for each reason; empty when nothing is known.

    For a source that a board has refused already, so that asking costs nothing before.
    """
    return "\n".join(f"  {finding}" for finding in lint(text))
