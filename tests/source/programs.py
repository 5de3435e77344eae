# SPDX-License-Identifier: Apache-2.0
"""Programs for the tests of what changes source: made ones, and how two of them are compared."""

from __future__ import annotations

import ast
import itertools
import random
import warnings

from hypothesis import strategies as st

# ------------------------------------------------------------------------------ comparing programs


def parsed(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def is_valid(source: str) -> bool:
    try:
        parsed(source)
    except SyntaxError:
        return False
    return True


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def described(source: str, *, without_docstrings: bool = False) -> str:
    """Everything that a program says, with the first and last line of each part of it.

    Args:
        source: the program.
        without_docstrings: whether docstrings are taken out as :func:`belay.minify` does: those
            that stand alone, or that another string would follow, become ``0``.
    """
    tree = parsed(source)
    for node in ast.walk(tree):
        for name in ("col_offset", "end_col_offset"):
            if hasattr(node, name):
                setattr(node, name, 0)
    if without_docstrings:
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                _drop_docstring(node)
    return ast.dump(tree, include_attributes=True)


def _drop_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    body = node.body
    if not body or not _is_text(body[0]) or (isinstance(node, ast.Module) and len(body) == 1):
        return
    if len(body) > 1 and not _is_text(body[1]):
        del body[0]
        return
    line = body[0].end_lineno or 0
    place = {"lineno": line, "end_lineno": line, "col_offset": 0, "end_col_offset": 0}
    body[0] = ast.Expr(ast.Constant(0, **place), **place)


# --------------------------------------------------------------------------------- making programs

Tokens = tuple[str, ...]
"""A statement or an expression, as its tokens."""

NAMES = st.sampled_from(["a", "x1", "_", "e5", "rb", "f", "größe", "变量", "print", "match"])
NUMBERS = st.sampled_from(["0", "1", "1_000", "0xe", "1.", ".5", "1e5", "1.5e-3", "2j", "0b1"])
STRINGS = st.sampled_from(
    [
        "''",
        '""',
        "'a'",
        '"b # c"',
        "'it\\'s'",
        "r'\\d'",
        "b'x'",
        "Rb'\\''",
        "u'ü'",
        "'''a\n  # b\n'''",
        '"""q"r\n\n\t"""',
        "'a\\\n  b'",
        "'\x0c\u2028'",
        "f'{a}'",
        "f'{a!r:>{x1}} {{'",
        'rf"{a:%H:%M}\\d"',
        "f'''{a:\n}'''",
        "f\"{a['k']}#\"",
        "f'{1 if a else 2}'",
    ]
)
ATOMS = st.one_of(NAMES, NUMBERS, STRINGS, st.just("...")).map(lambda token: (token,))
BINARY = st.sampled_from(["+", "-", "*", "**", "//", "<", ">", "==", "!=", "<=", "%", "<<", "&"])
WORDS = st.sampled_from([("and",), ("or",), ("in",), ("not", "in"), ("is",), ("is", "not")])


def _joined(parts: list[Tokens], opening: str, closing: str) -> Tokens:
    inside = [token for part in parts for token in (*part, ",")]
    return (opening, *inside, closing)


def _expressions(inner: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    return st.one_of(
        st.tuples(inner, BINARY, inner).map(lambda p: ("(", *p[0], p[1], *p[2], ")")),
        st.tuples(inner, WORDS, inner).map(lambda p: ("(", *p[0], *p[1], *p[2], ")")),
        st.tuples(st.sampled_from(["-", "~", "not", "+"]), inner)
        .map(lambda p: ("(", *p, ")"))
        .map(lambda p: ("(", p[1], *p[2], ")")),
        st.tuples(inner, NAMES).map(lambda p: (*p[0], ".", p[1])),
        st.tuples(NAMES, st.lists(inner, max_size=3)).map(
            lambda p: (p[0], *_joined(p[1], "(", ")"))
        ),
        st.lists(inner, max_size=3).map(lambda p: _joined(p, "[", "]")),
        st.lists(st.tuples(inner, inner), max_size=2).map(
            lambda p: _joined([(*key, ":", *value) for key, value in p], "{", "}")
        ),
        st.tuples(inner, inner, inner).map(lambda p: ("(", *p[0], "if", *p[1], "else", *p[2], ")")),
        st.tuples(inner, inner).map(
            lambda p: ("(", "lambda", "*", "a", ",", "b", "=", *p[0], ":", *p[1], ")")
        ),
        st.tuples(NAMES, inner, inner).map(lambda p: (p[0], "[", *p[1], ":", ":", *p[2], "]")),
        st.tuples(inner, inner).map(lambda p: ("[", *p[0], "for", "a", "in", *p[1], "]")),
        st.lists(STRINGS.filter(lambda s: "b" not in s[:2].lower()), min_size=2, max_size=3).map(
            tuple
        ),
    )


EXPRESSIONS = st.recursive(ATOMS, _expressions, max_leaves=6)
SIMPLE = st.one_of(
    EXPRESSIONS,
    st.tuples(NAMES, EXPRESSIONS).map(lambda p: (p[0], "=", *p[1])),
    st.tuples(NAMES, EXPRESSIONS).map(lambda p: (p[0], "+=", *p[1])),
    st.tuples(NAMES, EXPRESSIONS).map(lambda p: (p[0], ":", "int", "=", *p[1])),
    st.tuples(EXPRESSIONS, EXPRESSIONS).map(lambda p: ("assert", *p[0], ",", *p[1])),
    st.tuples(EXPRESSIONS).map(lambda p: ("raise", *p[0])),
    st.sampled_from(
        [
            ("pass",),
            ("import", "a", ".", "b", "as", "c"),
            ("from", ".", "import", "x"),
            ("from", ".", "..", "a", "import", "(", "x", ",", "y", ")"),
            ("from", "...", "a", "import", "*"),
            ("del", "a", ",", "x1"),
        ]
    ),
)
HEADS = st.one_of(
    st.tuples(NAMES, EXPRESSIONS).map(
        lambda p: ("def", p[0], "(", "a", ",", "*", ",", "b", "=", *p[1], ")", "->", "x")
    ),
    NAMES.map(lambda name: ("async", "def", name, "(", "*", "a", ",", "**", "k", ")")),
    st.tuples(NAMES, EXPRESSIONS).map(lambda p: ("class", p[0], "(", *p[1], ")")),
    EXPRESSIONS.map(lambda e: ("if", *e)),
    EXPRESSIONS.map(lambda e: ("while", *e)),
    EXPRESSIONS.map(lambda e: ("for", "a", ",", "x1", "in", *e)),
    EXPRESSIONS.map(lambda e: ("with", *e, "as", "a")),
)
DECORATORS = st.lists(
    st.one_of(NAMES.map(lambda n: ("@", n)), EXPRESSIONS.map(lambda e: ("@", *e))), max_size=2
)


class Block:
    """A compound statement: what stands before its colon, and its body."""

    def __init__(self, decorators: list[Tokens], head: Tokens, body: list[Statement]) -> None:
        self.head = head
        self.decorators = decorators if head[0] in ("def", "async", "class") else []
        self.body = body

    def __repr__(self) -> str:
        return f"Block({self.decorators}, {self.head}, {self.body})"


Statement = Tokens | Block
STATEMENTS: st.SearchStrategy[Statement] = st.recursive(
    SIMPLE,
    lambda inner: st.builds(
        Block,
        DECORATORS,
        HEADS,
        st.lists(st.one_of(STRINGS.map(lambda s: (s,)), inner), min_size=1, max_size=4),
    ),
    max_leaves=8,
)


class _Layout:
    """Writes programs with white space wherever Python allows some."""

    def __init__(self, chance: random.Random, end: str) -> None:
        self.chance = chance
        self.end = end

    def between(self, before: str, behind: str, depth: int) -> str:
        text = "".join(self.chance.choices(("", " ", "  ", "\t", "\x0c"), (8, 8, 1, 1, 1), k=1))
        if not self.chance.randrange(12):
            comment = self.chance.choice(("", " # (", "# it's"))
            text += f"{comment}{self.end}   " if depth else f"\\{self.end} "
        if not text and _would_merge(before, behind):
            text = " "
        return text

    def line(self, tokens: Tokens) -> str:
        text, depth = tokens[0], 0
        for before, behind in itertools.pairwise(tokens):
            depth += (before in "([{") - (before in ")]}")
            text += self.between(before, behind, depth) + behind
        return text

    def ending(self) -> str:
        kinds = ("", " ", "\t# comment", "#", "  # é 'x")
        text = self.chance.choice(kinds) + self.end
        while not self.chance.randrange(4):  # lines between
            text += self.chance.choice(("", "    ", "# at the margin", "      # deep")) + self.end
        return text

    def simple(self, statements: list[Tokens]) -> str:
        text = self.between(";", "", 0).join(self.line(s) + ";" for s in statements)
        return text if self.chance.randrange(4) == 0 else text[:-1]

    def block(self, body: list[Statement], indentation: str) -> str:
        text = ""
        rest = list(body)
        while rest:
            statement = rest.pop(0)
            if isinstance(statement, Block):
                text += self.compound(statement, indentation)
                continue
            line = [statement]
            while rest and not isinstance(rest[0], Block) and not self.chance.randrange(4):
                line.append(rest.pop(0))  # type: ignore[arg-type]
            text += indentation + self.simple(line) + self.ending()
        return text

    def compound(self, block: Block, indentation: str) -> str:
        text = "".join(
            indentation + self.line(decorator) + self.ending() for decorator in block.decorators
        )
        text += indentation + self.line(block.head) + self.between("", ":", 0) + ":"
        simple = [statement for statement in block.body if not isinstance(statement, Block)]
        if len(simple) == len(block.body) and not self.chance.randrange(3):
            return text + self.between(":", "", 0) + self.simple(simple) + self.ending()
        deeper = indentation + self.chance.choice((" ", "    ", "\t", "  \t"))
        return text + self.ending() + self.block(block.body, deeper)


def _would_merge(before: str, behind: str) -> bool:
    if not before or not behind:
        return False
    last, first = before[-1], behind[0]
    is_name = (last.isalnum() or last == "_") and (first.isalnum() or first in "_'\"")
    is_number = before[0] in ".0123456789" and before != "."
    return (
        is_name
        or (last in "'\"" and first in "'\"")
        or (is_number and (first.isalnum() or first == "."))
        or (before == "..." and first in ".0123456789")
    )


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Source that Python can parse, laid out in every way that it allows."""
    body = draw(st.lists(STATEMENTS, max_size=4))
    chance = random.Random(draw(st.integers(0, 2**32)))
    end = draw(st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"]))
    layout = _Layout(chance, end)
    text = (layout.ending() if chance.randrange(2) else "") + layout.block(body, "")
    if chance.randrange(3) == 0:
        text = text.rstrip("\r\n")  # no end of the last line
    return text
