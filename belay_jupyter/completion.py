# SPDX-License-Identifier: Apache-2.0
"""What Tab offers in cells that run on a board."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from belay_jupyter import knowledge
from belay_jupyter.definitions import Definition
from belay_jupyter.knowledge import Question
from belay_jupyter.names import Names, in_text

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from belay.proxies import ProxyObject
    from belay_jupyter.boards import Board

__all__ = [
    "Match",
    "Matches",
    "complete",
    "globals_of",
    "install",
    "matches",
    "members_of_proxy",
    "uninstall",
]

_NAME = re.compile(r"((?:[^\W\d]\w*[ \t]*\.[ \t]*)*)((?:[^\W\d]\w*)?)\Z")
_FROM = re.compile(r"\s*from\s+([\w.]+)\s+import\s+\(?(?:[\w\s,]*,\s*)?(\w*)\Z")
_MODULE = re.compile(r"\s*(?:from\s+|import\s+(?:[\w\s.,]*,\s*)?)([\w.]*)\Z")
_OURS = re.compile(r"__b\Z|_belay_")


def install(shell: InteractiveShell) -> None:
    """Answer Tab and Shift-Tab in an IPython; see :mod:`belay_jupyter.tab`."""
    from belay_jupyter import tab

    tab.install(shell)


def uninstall(shell: InteractiveShell) -> None:
    """Undo :func:`install`."""
    from belay_jupyter import tab

    tab.uninstall(shell)


class Match(NamedTuple):
    """One thing that Tab offers.

    Attributes:
        text: what is inserted.
        type: ``function``, ``class``, ``module``, ``property``, ``keyword``, ``param``; of a value
            the name of its type; empty where that is not known.
        signature: of a function or a class that the notebook has defined.
    """

    text: str
    type: str = ""
    signature: str = ""


class Matches(NamedTuple):
    """What Tab offers.

    Attributes:
        found: best group first, each in alphabetical order.
        start: where the text begins that is replaced.
        end: where it ends.
    """

    found: list[Match]
    start: int
    end: int


def complete(board: Board | None, code: str, cursor: int) -> tuple[list[str], int, int]:
    """The names that fit where the cursor is; :func:`matches` tells more about each.

    Takes 0.3 s at the most, whatever the board does.

    Args:
        board: the one that the cell is for; None while there is none.
        code: the cell, without a magic.
        cursor: in characters.

    Returns:
        The texts, and the part of the code that one of them takes the place of.
    """
    found, start, end = matches(board, code, cursor)
    return [match.text for match in found], start, end


def matches(board: Board | None, code: str, cursor: int) -> Matches:
    """What fits where the cursor is; see :func:`complete`."""
    before = code[:cursor]
    line = before.rpartition("\n")[2]
    if in_text(before):
        return Matches([], cursor, cursor)
    if match := _FROM.match(line):
        names = Names(board)
        question = Question(tuple(match[1].split(".")[1:]), match[1].partition(".")[0])
        listing = names.ask([question])[0][0]
        members = listing.members if listing else {}
        found = [Match(name, kind) for name, kind in members.items()]
        return _fitting([found], match[2], cursor)
    if match := _MODULE.match(line):
        known = knowledge.modules(board.device) if board else []
        found = [Match(name, "module") for name in known or knowledge.HARMLESS]
        return _fitting([found], match[1], cursor)
    name = _NAME.search(line)
    assert name is not None
    if line[: name.start()].rstrip().endswith("."):
        return Matches([], cursor, cursor)  # of a value that only running it would tell
    path = tuple(part.strip() for part in name[1].split("."))[:-1]
    names = Names(board, code, before.count("\n") + 1)
    if path:
        return _fitting([_members(names, path)], name[2], cursor)
    return _fitting(_globals(names, code, cursor), name[2], cursor)


def globals_of(board: Board | None) -> list[Match]:
    """The globals of a board."""
    [listing], _ = Names(board).ask([Question()])
    members = listing.members if listing else {}
    return [Match(name, kind) for name, kind in members.items() if _wanted(name, "")]


def members_of_proxy(proxy: ProxyObject, path: tuple[str, ...], prefix: str) -> list[Match]:
    """What fits behind a proxy, or behind an attribute of one."""
    names = Names(_Of(proxy))  # type: ignore[arg-type]
    return _fitting([_members(names, path, proxy)], prefix, 0).found


class _Of:
    """Has a device, as a board has."""

    def __init__(self, proxy: ProxyObject) -> None:
        self.device = proxy._belay_device


def _members(names: Names, path: tuple[str, ...], proxy: ProxyObject | None = None) -> list[Match]:
    seen = names.look_up(path, proxy)
    found = {}
    if seen.listing is None or not seen.fresh:
        found = {name: _of_definition(one) for name, one in seen.members.items()}
    for name, kind in (seen.listing.members if seen.listing else {}).items():
        one = seen.members.get(name)
        found[name] = Match(name, kind, one.signature if one else "")
    return list(found.values())


def _of_definition(one: Definition) -> Match:
    kind = one.kind or (one.made_by[-1] if one.made_by else "")
    return Match(one.name, kind, one.signature)


def _globals(names: Names, code: str, cursor: int) -> list[list[Match]]:
    """The names that a cell can begin with: its parameters, globals, builtins, keywords."""
    (board, builtins), fresh = names.ask([Question(), knowledge.BUILTINS])
    found: dict[str, Match] = {}
    for name, source in (names.here if fresh and board else names.scope).items():
        found[name] = _of_definition(source.definition)
    for name, kind in (board.members if board else {}).items():
        known = found.get(name)
        if name in names.here and known is not None and known.type:
            continue  # what it will be once this cell has run
        one = names.scope.get(name)
        found[name] = Match(name, kind, one.definition.signature if one else "")
    given = [Match(name, kind) for name, kind in (builtins.members if builtins else {}).items()]
    keywords = [Match(word, "keyword") for word in keyword.kwlist]
    return [_parameters(names, code, cursor), list(found.values()), given, keywords]


def _parameters(names: Names, code: str, cursor: int) -> list[Match]:
    """``name=`` for the function whose brackets the cursor stands in."""
    from belay_jupyter.inspection import called_at

    path = called_at(code, cursor)
    source = names.source_of(path) if path else None
    if source is None or source.found is None or source.instance:
        return []
    try:
        tree = ast.parse(f"def f{source.found.definition.signature}: pass")
    except SyntaxError:
        return []
    [function] = tree.body
    assert isinstance(function, ast.FunctionDef)
    return [Match(f"{one.arg}=", "param") for one in function.args.args + function.args.kwonlyargs]


def _fitting(groups: Iterable[list[Match]], prefix: str, cursor: int) -> Matches:
    found: dict[str, Match] = {}
    for group in groups:
        for match in sorted(group, key=_order):
            if _wanted(match.text, prefix):
                found.setdefault(match.text, match)
    return Matches(list(found.values()), cursor - len(prefix), cursor)


def _order(match: Match) -> tuple[bool, bool, str]:
    """Alphabetical, but constants behind the rest, and what begins with underscores last."""
    return (match.text.startswith("_"), match.text.isupper(), match.text.casefold())


def _wanted(name: str, prefix: str) -> bool:
    """Whether it begins so; names with underscores are offered to those who have typed one."""
    if not name.startswith(prefix) or _OURS.match(name):
        return False
    last = prefix.rpartition(".")[2]
    hidden = "__" if name.startswith("__") else "_" if name.startswith("_") else ""
    return last.startswith(hidden)
