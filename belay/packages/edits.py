# SPDX-License-Identifier: Apache-2.0
"""Edits of a ``pyproject.toml`` that keep comments, order and the style of everything else.

Each is checked: the new text says what the old one said and the change, or there is none.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from itertools import pairwise
from typing import Any

import tomlkit

from belay.packages.model import MAIN
from belay.packages.projectfile import TABLE, ProjectFile, parse, places

__all__ = ["dependency_table", "with_dependency", "without_dependency"]


def with_dependency(
    file: ProjectFile, name: str, value: str | Mapping[str, Any], group: str = MAIN
) -> str:
    """The text with one more dependency, or with another value for one that is there.

    Args:
        file: as it stands.
        name: the key.
        value: as it stands in the file: ``">=1.2"``, or a table.
        group: of dependencies; it is made where it is missing.

    Raises:
        ProjectError: the file is written in a way that cannot be edited here.
    """
    wanted = copy.deepcopy(file.tables)
    _descend(wanted, file, dependency_table(group))[name] = value
    item = _item(value)
    line = f"{_written((name,))} = {item.as_string()}"
    edits = [
        lambda: _insert(file, (*TABLE, *dependency_table(group)), line),
        lambda: _edit(file, group, lambda table: table.__setitem__(name, item)),
    ]
    return _first(file, edits, wanted)


def without_dependency(file: ProjectFile, name: str, group: str = MAIN) -> str:
    """The text without a dependency that it has; its group stays, if empty.

    Raises:
        ProjectError: the file is written in a way that cannot be edited here.
    """
    wanted = copy.deepcopy(file.tables)
    del _descend(wanted, file, dependency_table(group))[name]
    return _first(file, [lambda: _edit(file, group, lambda table: table.__delitem__(name))], wanted)


def dependency_table(group: str) -> tuple[str, ...]:
    """The keys below ``[tool.belay]`` that lead to a group's dependencies."""
    return ("dependencies",) if group == MAIN else ("group", group, "dependencies")


def _first(file: ProjectFile, edits: Iterable[Callable[[], str]], wanted: dict[str, Any]) -> str:
    """The first text that says exactly what is wanted: no edit ever breaks a file."""
    for edit in edits:
        with contextlib.suppress(tomlkit.exceptions.TOMLKitError, ValueError, LookupError):
            text = edit()
            if parse(text) == wanted:
                return text
    raise file.error("is written in a way that cannot be edited here: change it by hand")


def _edit(file: ProjectFile, group: str, change: Callable[[Any], None]) -> str:
    document: Any = tomlkit.parse(file.text)
    change(_descend(document, file, dependency_table(group)))
    return tomlkit.dumps(document)


def _insert(file: ProjectFile, table: tuple[str, ...], line: str) -> str:
    """The text with a line below the last one of a table, which gets a header if it has none.

    So the comments that lead to the next table stay with that.
    """
    lines = [line for line in re.split(r"(?<=\n)", file.text) if line]
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    headers = [*_headers(file.text), (len(lines) + 1, ())]
    ends = [n for (_, keys), (n, _) in pairwise(headers) if keys == table]
    new = [line + end]
    if not ends:
        new = [end, f"[{_written(table)}]{end}", line + end]
        ends = [n for (_, keys), (n, _) in pairwise(headers) if keys[:2] == TABLE]
    place = (ends or [len(lines) + 1])[-1] - 1
    while ends and lines[place - 1].lstrip()[:1] in ("", "#"):
        place -= 1
    if place and not lines[place - 1].endswith("\n"):
        lines[place - 1] += end
    return "".join([*lines[:place], *(new if place else new[-2:]), *lines[place:]])


def _item(value: str | Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return tomlkit.string(value)
    item = tomlkit.inline_table()
    item.update(dict(value))
    return item


def _written(keys: tuple[str, ...]) -> str:
    return ".".join(tomlkit.key(key).as_string() for key in keys)


def _descend(document: Any, file: ProjectFile, keys: tuple[str, ...]) -> Any:
    table = document
    path = (*TABLE, *keys)
    for place, key in enumerate(path):
        if key not in table:
            table[key] = {}
        table = table[key]
        if not isinstance(table, MutableMapping):
            raise file.error(f"{key} must be a table", *path[2 : place + 1])
    return table


def _headers(text: str) -> list[tuple[int, tuple[str, ...]]]:
    lines = text.split("\n")
    last = dict(places(text))  # of a line, the whole name comes last
    return [place for place in last.items() if lines[place[0] - 1].lstrip().startswith("[")]
