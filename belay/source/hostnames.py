# SPDX-License-Identifier: Apache-2.0
"""Names of the host program that a function uses, and that the board may lack."""

from __future__ import annotations

import ast
import builtins
import copy
import dis
from collections.abc import Callable, Iterator
from types import CodeType
from typing import TYPE_CHECKING, Any

from belay.source.cells import parsed, quietly

if TYPE_CHECKING:
    from belay.source.capture import Captured

__all__ = ["host_name_warning", "host_names", "names_that_run"]


def host_names(
    function: Callable[..., Any],
    definition: ast.FunctionDef | ast.AsyncFunctionDef,
    is_on_board: Callable[[str, object], bool],
) -> tuple[str, ...]:
    """The globals of the host program that a function will look for on the board.

    Args:
        function: the function.
        definition: how it is defined. Annotations and decorators are taken out of it: the
            board evaluates neither.
        is_on_board: tells by name and value what the board has under that name.

    Returns:
        The names, in the order of their first use.
    """
    variables = function.__globals__
    possible = {name for code in _codes(function.__code__) for name in code.co_names}
    for default in (*definition.args.defaults, *definition.args.kw_defaults):
        if default is not None:
            possible |= {part.id for part in ast.walk(default) if isinstance(part, ast.Name)}
    possible = {name for name in possible if name in variables and not hasattr(builtins, name)}
    if not possible:  # as in most cases, and it was quick to find out
        return ()
    _Strip().visit(definition)
    definition.decorator_list = []
    module = ast.Module([definition], [])
    try:
        with quietly():
            code = compile(module, "<function>", "exec", dont_inherit=True)
    except SyntaxError:  # nonlocal: the board's compiler will say so
        return ()
    loaded = _loaded(code) & possible
    loaded -= {*function.__code__.co_freevars, definition.name}
    uses = [part for part in ast.walk(module) if isinstance(part, ast.Name) and part.id in loaded]
    uses.sort(key=lambda part: (part.lineno, part.col_offset))
    names = dict.fromkeys(part.id for part in uses)
    return tuple(name for name in names if not is_on_board(name, variables[name]))


def host_name_warning(captured: Captured, missing: list[str]) -> str:
    """What to tell the user about host names that the board lacks.

    Args:
        captured: the function or body that uses them.
        missing: which they are.

    Returns:
        Place, names and what to do instead.
    """
    lines = [
        part.lineno
        for part in ast.walk(parsed(captured.text))
        if isinstance(part, ast.Name) and part.id in missing
    ]
    line = captured.first_line + min(lines, default=1) - 1
    them, which, an_argument, exists = (
        ("it", "a name", "an argument", "does")
        if len(missing) == 1
        else ("them", "names", "arguments", "do")
    )
    return (
        f"{captured.filename}:{line}: {captured.name}() uses {', '.join(missing)}, {which} of the "
        f"host program that {exists} not exist on the board. Pass {them} as {an_argument}, import "
        f"{them} inside the function, or define {them} on the board first."
    )


def names_that_run(definition: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The names of a function that a board will meet: all but those of annotations.

    Python counts names of annotations among those that a function takes from the one around it; a
    board's compiler passes over them.
    """
    names = {"__class__"}  # which super() uses without naming it
    stripped = _Strip().visit(copy.deepcopy(definition))
    for part in ast.walk(ast.Module(stripped.body, [])):
        if isinstance(part, ast.Name):
            names.add(part.id)
        elif isinstance(part, ast.Nonlocal):
            names.update(part.names)
    return names


class _Strip(ast.NodeTransformer):
    """Takes annotations out."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        # It stays one, for it makes its target a local variable also without a value.
        node.annotation = ast.copy_location(ast.Constant(None), node)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and all that are inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _loaded(code: CodeType) -> set[str]:
    """The global names that code loads and does not bind itself."""
    loaded: set[str] = set()
    bound: set[str] = set()
    for part in _codes(code):
        own = set()
        stored = set()
        for instruction in dis.get_instructions(part):
            name = instruction.argval
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                own.add(name)
            elif instruction.opname == "STORE_NAME":  # of a class body
                stored.add(name)
            elif instruction.opname == "STORE_GLOBAL":
                bound.add(name)
        loaded |= own - stored
    return loaded - bound
