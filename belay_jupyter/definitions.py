# SPDX-License-Identifier: Apache-2.0
"""What the text of cells defines: names, signatures, docstrings. A board keeps none of these."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from belay.source.cells import UNREADABLE, parsed

__all__ = ["Definition", "definitions", "in_scope"]

Path = tuple[str, ...]
"""A dotted name: ``("machine", "Pin")``."""

_MOST_REPAIRS = 10


@dataclass(frozen=True)
class Definition:
    """What a name is, as far as the source tells.

    Attributes:
        name: the name.
        kind: ``function``, ``class``, ``module``, or empty for a value.
        line: of the source, from 1.
        signature: of a function or a class, without its name: ``(pin, *, fast=False)``.
        doc: its docstring.
        source: its text.
        module: the module that it is imported from, or that it is.
        path: where it is found in that module; or, without a module, what it is another name of.
        made_by: what was called to make it: it may be an object of that class.
        members: those of a class, and what its methods assign to ``self``.
        bases: those of a class.
    """

    name: str
    kind: str = ""
    line: int = 0
    signature: str = ""
    doc: str = ""
    source: str = ""
    module: str = ""
    path: Path = ()
    made_by: Path = ()
    members: Mapping[str, Definition] = field(default_factory=dict)
    bases: tuple[Path, ...] = ()


@lru_cache(maxsize=256)
def definitions(source: str) -> Mapping[str, Definition]:
    """What the statements define at their top level; the last definition of a name counts."""
    return _defined(_tolerant(source, 0).body, source)


def in_scope(source: str, line: int) -> dict[str, Definition]:
    """What a cell defines that is being typed: at its top level, and where the cursor is.

    Args:
        source: the cell, which need not be complete.
        line: that of the cursor, from 1. What stands in it may make no sense yet.
    """
    tree = _tolerant(source, line)
    found = dict(_defined(tree.body, source))
    inside: list[ast.AST] = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and node.lineno <= line <= _last_line(node, source)
    ]
    outer: ast.AST | None = None
    for node in inside:  # ast.walk goes from the outside in
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.update(_parameters(node, outer))
            found.update(_defined(node.body, source))
        outer = node
    return found


def _last_line(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, source: str) -> int:
    """That of a block, with the lines behind it that belong to it while it is being typed."""
    lines = source.split("\n")
    last = node.end_lineno or node.lineno
    while last < len(lines):
        text = lines[last]
        if text.strip() and len(text) - len(text.lstrip()) <= node.col_offset:
            break
        last += 1
    return last


def _tolerant(source: str, line: int) -> ast.Module:
    """The syntax tree of what can be read; ``line`` is the first to be left out."""
    lines = source.split("\n")
    for attempt in range(_MOST_REPAIRS):
        try:
            return parsed("\n".join(lines))
        except SyntaxError as error:
            at = line if attempt == 0 and line else error.lineno or len(lines)
            index = min(at, len(lines)) - 1
            while index > 0 and not lines[index].strip():
                index -= 1  # it is the line above that lacks something: its block, say
            text = lines[index]
            # First without what it says, then without the line: it may be indented too far.
            lines[index] = "" if text.strip() == "pass" else f"{_indent(text)}pass"
        except UNREADABLE:
            break
    return ast.Module([], [])


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


# ------------------------------------------------------------------------------------ statements


def _defined(body: Iterable[ast.stmt], source: str) -> dict[str, Definition]:
    found: dict[str, Definition] = {}
    for node in body:
        for one in _of_statement(node, source):
            found[one.name] = one
    return found


def _of_statement(node: ast.stmt, source: str) -> Iterator[Definition]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield _function(node, source)
    elif isinstance(node, ast.ClassDef):
        yield _class(node, source)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from _imported(node)
    else:
        yield from _bound(node)
        # What stands in blocks is defined where they stand.
        for part in ast.iter_child_nodes(node):
            inner = [part] if isinstance(part, ast.stmt) else []
            if isinstance(part, ast.ExceptHandler):
                inner = part.body
                if part.name:
                    yield Definition(part.name, line=part.lineno, made_by=_dotted(part.type))
            for one in inner:
                yield from _of_statement(one, source)


def _bound(node: ast.stmt) -> Iterator[Definition]:
    """What a statement assigns to, itself."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _assigned(target, node.value)
    elif isinstance(node, ast.AnnAssign):
        yield from _assigned(node.target, node.value, node.annotation)
    elif isinstance(node, (ast.AugAssign, ast.For, ast.AsyncFor)):
        yield from _assigned(node.target, None)
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        for item in node.items:
            if item.optional_vars is not None:
                yield from _assigned(item.optional_vars, item.context_expr)


def _assigned(
    target: ast.expr, value: ast.expr | None, annotation: ast.expr | None = None
) -> Iterator[Definition]:
    if isinstance(target, ast.Name):
        made_by = _dotted(annotation) or _maker(value)
        yield Definition(
            target.id, line=target.lineno, made_by=made_by, path=() if made_by else _dotted(value)
        )
    elif isinstance(target, (ast.Tuple, ast.List)):
        values: list[ast.expr | None] = [None] * len(target.elts)
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(values):
            values = list(value.elts)
        for part, given in zip(target.elts, values, strict=True):
            yield from _assigned(part.value if isinstance(part, ast.Starred) else part, given)


_DISPLAYS: dict[type[ast.expr], str] = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
    ast.Tuple: "tuple",
    ast.JoinedStr: "str",
}


def _maker(value: ast.expr | None) -> Path:
    """What makes a value: the called name, or the type of what is written there."""
    if isinstance(value, ast.Call):
        return _dotted(value.func)
    if isinstance(value, ast.Constant) and value.value is not None and value.value is not Ellipsis:
        return (type(value.value).__name__,)
    name = _DISPLAYS.get(type(value)) if value is not None else None
    return (name,) if name else ()


def _dotted(node: ast.expr | None) -> Path:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[Definition]:
    for alias in node.names:
        if alias.name == "*":
            continue
        if isinstance(node, ast.Import):
            module = alias.name if alias.asname else alias.name.partition(".")[0]
            yield Definition(alias.asname or module, "module", node.lineno, module=module)
        elif node.module and not node.level:
            name = alias.asname or alias.name
            yield Definition(name, line=node.lineno, module=node.module, path=(alias.name,))


# ---------------------------------------------------------------------------- functions, classes


def _text(node: ast.stmt, source: str) -> str:
    return ast.get_source_segment(source, node, padded=True) or ""


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef, *, method: bool = False) -> str:
    arguments = node.args
    decorators = {_dotted(one)[-1:] for one in node.decorator_list}
    if method and ("staticmethod",) not in decorators:
        text = ast.unparse(arguments)
        first = (arguments.posonlyargs + arguments.args)[:1]
        if first:
            text = text[len(ast.unparse(first[0])) :].removeprefix(", ").removeprefix("/, ")
    else:
        text = ast.unparse(arguments)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({text}){returns}"


def _function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, source: str, *, method: bool = False
) -> Definition:
    return Definition(
        node.name,
        "function",
        node.lineno,
        _signature(node, method=method),
        ast.get_docstring(node) or "",
        _text(node, source),
    )


def _class(node: ast.ClassDef, source: str) -> Definition:
    members: dict[str, Definition] = {}
    signature = "()"
    for part in node.body:
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            one = _function(part, source, method=True)
            if ("property",) in {_dotted(decorator) for decorator in part.decorator_list}:
                one = Definition(part.name, "property", part.lineno, doc=one.doc, source=one.source)
            members[part.name] = one
            if part.name == "__init__":
                signature = one.signature
            for name in _own_attributes(part):
                members.setdefault(name.name, name)
        else:
            for one in _of_statement(part, source):
                members[one.name] = one
    bases = tuple(filter(None, map(_dotted, node.bases)))
    doc = ast.get_docstring(node) or ""
    text = _text(node, source)
    return Definition(
        node.name, "class", node.lineno, signature, doc, text, members=members, bases=bases
    )


def _own_attributes(method: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Definition]:
    """What a method assigns to attributes of its first parameter."""
    parameters = method.args.posonlyargs + method.args.args
    if not parameters:
        return
    for node in ast.walk(method):
        value: ast.expr | None = None
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            value, targets = node.value, node.targets
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            value, targets = node.value, [node.target]
        for target in targets:
            path = _dotted(target)
            if len(path) == 2 and path[0] == parameters[0].arg:
                made_by = () if isinstance(node, ast.AugAssign) else _maker(value)
                yield Definition(path[1], line=target.lineno, made_by=made_by)


def _parameters(
    node: ast.FunctionDef | ast.AsyncFunctionDef, outer: ast.AST | None
) -> dict[str, Definition]:
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    every += [one for one in (given.vararg, given.kwarg) if one]
    found = {
        one.arg: Definition(one.arg, line=node.lineno, made_by=_dotted(one.annotation))
        for one in every
    }
    static = ("staticmethod",) in {_dotted(one) for one in node.decorator_list}
    positional = given.posonlyargs + given.args
    if isinstance(outer, ast.ClassDef) and node in outer.body and positional and not static:
        first = positional[0].arg
        found[first] = Definition(first, line=node.lineno, made_by=(outer.name,))
    return found
