# SPDX-License-Identifier: Apache-2.0
"""What Shift-Tab and ``?`` tell about names of a board."""

from __future__ import annotations

import inspect as python_inspect
import re
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from belay_jupyter.names import Names, Seen, Target

if TYPE_CHECKING:
    from belay.proxies import ProxyObject
    from belay_jupyter.boards import Board
    from belay_jupyter.sources import Found

__all__ = ["called_at", "candidates", "describe", "describe_proxy", "inspect"]

_DOTTED = re.compile(r"[^\W\d]\w*(?:[ \t]*\.[ \t]*[^\W\d]\w*)*\Z")
_BACKWARDS = {")": "(", "]": "[", "}": "{"}
_LABEL = 12  # columns, as in IPython
_WIDTH = 88


def inspect(board: Board | None, code: str, cursor: int, detail: int = 0) -> str | None:
    """What is known about the name under the cursor, or about the function that is called there.

    Takes 0.3 s at the most, whatever the board does, and runs nothing of the user's.

    Args:
        board: the one that the cell is for; None while there is none.
        code: the cell, without a magic.
        cursor: in characters.
        detail: 1 shows the source in place of the docstring.

    Returns:
        Some lines; None when nothing is known.
    """
    names = Names(board, code, code.count("\n", 0, cursor) + 1)
    for path in candidates(code, cursor):
        if told := describe(names, path, detail):
            return told
    return None


def candidates(code: str, cursor: int) -> list[tuple[str, ...]]:
    """The dotted names that may be meant where the cursor is, the likeliest first."""
    name, end = _name_at(code, cursor)
    call = called_at(code, cursor)
    # Between brackets the question is how the function wants to be called.
    both = [name, call] if code[end:].lstrip(" ").startswith("(") else [call, name]
    return [path for path in both if path]


def describe(names: Names, path: tuple[str, ...], detail: int = 0) -> str | None:
    """What is known about a dotted name."""
    return _shown(path, names.look_up(path, deep=True), detail)


def describe_proxy(proxy: ProxyObject, path: tuple[str, ...], detail: int = 0) -> str | None:
    """What is known about the object of a proxy, or about an attribute of it."""

    class Owner:
        device = proxy._belay_device

    names = Names(Owner())  # type: ignore[arg-type]
    seen = names.look_up(path, proxy, deep=True)
    if seen.source is None and len(path) == 1:  # a method, whose class may be the notebook's
        above = names.look_up((), proxy)
        one = above.members.get(path[0])
        if one is not None and above.source is not None and above.source.found is not None:
            found = above.source.found._replace(definition=one)
            seen = seen._replace(source=Target(found))
    return _shown(path or ("proxy",), seen, detail)


def _name_at(code: str, cursor: int) -> tuple[tuple[str, ...], int]:
    """The dotted name up to the word under the cursor, and where that ends; empty without one."""
    end = cursor
    while end < len(code) and (code[end].isalnum() or code[end] == "_"):
        end += 1
    match = _DOTTED.search(code, 0, end)
    if match is None or match.end() < cursor or code[: match.start()].rstrip().endswith("."):
        return (), end
    return tuple(part.strip() for part in match[0].split(".")), end


def called_at(code: str, cursor: int) -> tuple[str, ...]:
    """The function between whose brackets the cursor stands; empty when there is none."""
    open_brackets: list[str] = []
    at = cursor
    while at > 0:
        at -= 1
        character = code[at]
        if character in _BACKWARDS:
            open_brackets.append(_BACKWARDS[character])
        elif character in "([{":
            if open_brackets:
                if open_brackets.pop() != character:
                    return ()
            elif character == "(" and (match := _DOTTED.search(code[:at].rstrip(" "))):
                return tuple(part.strip() for part in match[0].split("."))
            else:
                return ()
    return ()


# ------------------------------------------------------------------------------------ the text


class _Text:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, label: str, text: str) -> None:
        """``label:`` and a text; one of several lines stands below."""
        if "\n" in text:
            self.lines += [f"{label}:", text]
        else:
            self.lines.append(f"{label + ':':<{_LABEL}}{text}")

    def add_names(self, label: str, names: Iterable[str]) -> None:
        listed = sorted(name for name in names if not name.startswith("_"))
        if listed:
            text = textwrap.fill(", ".join(listed), _WIDTH)
            self.add(label, textwrap.indent(text, "  ") if "\n" in text else text)


def _shown(path: tuple[str, ...], seen: Seen, detail: int) -> str | None:
    listing = seen.listing
    found = seen.source.found if seen.source else None
    if listing is None and found is None:
        return None
    text = _Text()
    instance = bool(seen.source and seen.source.instance)
    if found is not None:
        _add_source(text, path, found, instance, detail)
    elif listing and listing.kind == "function":
        text.add("Signature", f"{path[-1]}(...), which the board does not keep")
    if listing and listing.text and not listing.kind:
        text.add("Value", listing.text)
    kind = found.definition.kind if found and not instance else ""
    if instance and found:
        kind = found.definition.name
    if listing:
        kind = listing.kind or listing.type
    text.add("Type", f"{kind}, on the board")
    if listing and listing.kind != "function":
        _add_members(text, listing.members)
    elif found and (instance or found.definition.kind == "class"):
        _add_members(text, {name: one.kind for name, one in seen.members.items()})
    if not seen.fresh and listing:
        text.add("Note", "the board did not answer just now; this is what it said before")
    return "\n".join(text.lines)


def _add_source(
    text: _Text, path: tuple[str, ...], found: Found, instance: bool, detail: int
) -> None:
    one = found.definition
    if one.kind == "class" and not instance:
        text.add("Init signature", f" {one.name}{one.signature}")
    elif one.kind == "function":
        text.add("Signature", f"{path[-1]}{one.signature}")
    if detail and one.source and not instance:
        text.add("Source", textwrap.dedent(one.source) + "\n")
    elif one.doc:
        doc = python_inspect.cleandoc(one.doc)
        text.add("Class docstring" if instance else "Docstring", f" {doc}" if instance else doc)
    if found.place and not instance:
        text.add("File", found.place)


def _add_members(text: _Text, members: dict[str, str]) -> None:
    functions = [name for name, kind in members.items() if kind == "function"]
    classes = [name for name, kind in members.items() if kind == "class"]
    rest = [name for name in members if name not in functions and name not in classes]
    text.add_names("Functions", functions)
    text.add_names("Classes", classes)
    text.add_names("Attributes", rest)
