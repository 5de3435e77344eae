# SPDX-License-Identifier: Apache-2.0
"""What Tab offers behind the name of a magic: its options, boards, variables, addresses."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from belay_jupyter import boards

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["RUN_CODE", "MagicLine", "chosen", "offered", "read"]

_MAGIC = re.compile(r"(?:[^\n#%]*=)?[ \t]*(?:#[ \t]*)?%(%?)(device|belay_[a-z]+)(?=[ \t])")
_WORD = re.compile(r"\s*(\S+)(?=\s)")

RUN_CODE = ("device", "belay_time")
"""The magics whose line, or cell, is code for a board."""

PATHS = {
    "belay_sync": ("here", "board"),
    "belay_put": ("here", "board"),
    "belay_get": ("board", "here"),
    "belay_install": ("here",),
}
"""The magics of files, and where their paths are."""


class MagicLine(NamedTuple):
    """A line with a magic of ours, up to the cursor.

    Attributes:
        name: of the magic.
        cell: it has two percent signs.
        option: the one whose value the cursor is in; or empty.
        word: what has been typed of the word that the cursor is in.
        code: where the code for the board begins, if the cursor is in that.
        targets: the value of ``-t``.
        before: how many words stand in front of it that are no options.
    """

    name: str
    cell: bool
    option: str = ""
    word: str = ""
    code: int | None = None
    targets: str = ""
    before: int = 0


def read(shell: InteractiveShell, line: str) -> MagicLine | None:
    """Understand a line up to the cursor; None if it has no magic of ours."""
    match = _MAGIC.match(line)
    if match is None:
        return None
    cell, name = bool(match[1]), match[2]
    takes_value = _options(shell, name, cell=cell)
    end = match.end()
    option = targets = ""
    before = 0
    while word := _WORD.match(line, end):
        stem, is_given, value = word[1].partition("=")
        if option:
            targets = word[1] if option in ("-t", "--target") else targets
            option = ""
        elif stem in takes_value:
            option = stem if takes_value[stem] and not is_given else ""
            targets = value if is_given and stem == "--target" else targets
        elif name in RUN_CODE and not cell:
            return MagicLine(name, cell, code=word.start(1), targets=targets)
        else:
            before += not word[1].startswith("-")
        end = word.end()
    last = line[end:].lstrip()
    if "=" in last and last.partition("=")[0] in takes_value:
        option, _, last = last.partition("=")
    if name in RUN_CODE and not cell and not option and not last.startswith("-"):
        return MagicLine(name, cell, code=len(line) - len(last), targets=targets)
    return MagicLine(name, cell, option, last, targets=targets, before=before)


def _options(shell: InteractiveShell, name: str, *, cell: bool) -> Mapping[str, bool]:
    """The options of a magic, and whether each takes a value."""
    magic = shell.magics_manager.magics["cell" if cell else "line"].get(name)
    actions: Iterable[argparse.Action] = getattr(getattr(magic, "parser", None), "_actions", ())
    return {option: action.nargs != 0 for action in actions for option in action.option_strings}


def offered(shell: InteractiveShell, line: MagicLine) -> tuple[str, list[tuple[str, str]]] | None:
    """What fits; None where others know more.

    Returns:
        The text that is replaced, and texts with their types.
    """
    if line.option:
        word = line.word.rpartition(",")[2]
        if line.option == "-i" and "=" in word:
            return None  # an expression of the notebook
        found = _values(shell, line)
    elif line.word.startswith("-"):
        word = line.word
        found = [(name, "option") for name in _options(shell, line.name, cell=line.cell)]
    else:
        word = line.word
        found = _positional(shell, line)
    return word, [one for one in found if one[0].startswith(word)]


def _values(shell: InteractiveShell, line: MagicLine) -> list[tuple[str, str]]:
    there = [(board.name, "board") for board in boards.of(shell)]
    if line.option in ("-t", "--target"):
        return [*there, (boards.ALL, "keyword")]
    if line.option == "--name":
        return there
    if line.option == "-i":
        names = [name for name in shell.user_ns if not name.startswith("_")]
        hidden = getattr(shell, "user_ns_hidden", {})
        return [(name, type(shell.user_ns[name]).__name__) for name in names if name not in hidden]
    if line.option == "-o":
        from belay_jupyter.completion import globals_of

        board = chosen(shell, line.targets)
        return [(match.text, match.type) for match in globals_of(board)]
    return []


def _positional(shell: InteractiveShell, line: MagicLine) -> list[tuple[str, str]]:
    name = line.name
    if name in PATHS:
        from belay_jupyter import paths

        if line.before >= len(PATHS[name]):
            return []
        if PATHS[name][line.before] == "here":
            return paths.here(line.word)
        return paths.on_board(chosen(shell, line.targets), line.word)
    if name == "belay_connect":
        return [(address, "address") for address in _addresses()]
    if name == "belay_auto":
        return [("on", "keyword"), ("off", "keyword")]
    there = [(board.name, "board") for board in boards.of(shell)]
    if name in ("belay_dashboard", "belay_console"):
        return there
    if name == "belay_disconnect":
        return [*there, (boards.ALL, "keyword")]
    return []


def _addresses() -> list[str]:
    from belay.transports.usb import list_devices

    ports = [device.device for device in list_devices() if device.device]
    return ["virtual:", *ports, "socket://", "rfc2217://", "exec:"]


def chosen(shell: InteractiveShell, targets: str) -> boards.Board | None:
    """The board that ``-t`` means; of several the last. None is connected for the sake of a key."""
    there = {board.name: board for board in boards.of(shell) if not board.device.closed}
    if not targets or targets == boards.ALL:
        return next(reversed(there.values()), None)
    return there.get(targets.rpartition(",")[2])
