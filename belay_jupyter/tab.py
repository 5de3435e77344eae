# SPDX-License-Identifier: Apache-2.0
"""Puts completion and inspection for boards into an IPython, and takes them out again."""

from __future__ import annotations

import re
import sys
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

from belay_jupyter import auto, magiclines

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from belay.proxies import ProxyObject
    from belay_jupyter.boards import Board

__all__ = ["BoardPart", "Tab", "board_part", "install", "of", "uninstall"]

_PRIORITY = 1000.0
"""Before all matchers of IPython: what stands in a board's cell means nothing to Jedi."""

_FIRST = re.compile(r"\s*(?:%%(?!device|belay_time)\w+[^\n]*\n\s*)*((?:#[ \t]*)?%%[^\n]*)(?:\n|\Z)")
_NAME = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*)\.((?:[^\W\d]\w*)?)\Z")


class BoardPart(NamedTuple):
    """The part of a cell that runs on a board.

    Attributes:
        board: where; None while there is none.
        start: where it begins in the cell.
        code: its text.
    """

    board: Board | None
    start: int
    code: str


def board_part(shell: InteractiveShell, cell: str, cursor: int) -> BoardPart | None:
    """The part around the cursor, if that runs on a board."""
    if match := _FIRST.match(cell):
        line = magiclines.read(shell, f"{match[1]} ")
        if line is not None and line.cell and line.name in magiclines.RUN_CODE:
            if cursor < match.end() or not match[0].endswith("\n"):
                return None
            board = magiclines.chosen(shell, line.targets)
            return BoardPart(board, match.end(), cell[match.end() :])
    rewriting = auto.of(shell)
    first = rewriting.body_line(cell)
    if first is None and rewriting.on and not cell.strip():
        first = 0  # nothing that could run, but what is typed there will
    if first is not None:
        start = len("".join(cell.splitlines(keepends=True)[:first]))
        if cursor >= start:
            board = magiclines.chosen(shell, rewriting.target)
            return BoardPart(board, start, cell[start:])
    begin = cell.rfind("\n", 0, cursor) + 1
    line = magiclines.read(shell, cell[begin:cursor])
    if line is None or line.code is None:
        return None
    end = cell.find("\n", cursor)
    start = begin + line.code
    code = cell[start : len(cell) if end < 0 else end]
    return BoardPart(magiclines.chosen(shell, line.targets), start, code)


class _Only(list[Any]):
    """Completions beside which there are no others, also when there are none."""

    def __len__(self) -> int:
        return max(1, super().__len__())


class Tab:
    """Answers Tab and Shift-Tab in one IPython.

    Args:
        shell: which.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._replaced: list[tuple[Any, str, Any, bool]] = []

    def install(self) -> None:
        """Begin."""
        from IPython.core.completer import completion_matcher

        mark = completion_matcher(identifier="belay", priority=_PRIORITY, api_version=2)

        def belay_matcher(context: CompletionContext) -> dict[str, Any]:
            return self._matches(context)

        self._matcher = mark(belay_matcher)
        self._shell.Completer.custom_matchers.append(self._matcher)
        self._replace(self._shell, "_inspect", self._question_mark)
        kernel = getattr(self._shell, "kernel", None)
        if kernel is not None and hasattr(kernel, "do_inspect"):
            self._replace(kernel, "do_inspect", self._shift_tab)

    def uninstall(self) -> None:
        """End, and leave IPython as it was."""
        matchers = self._shell.Completer.custom_matchers
        if self._matcher in matchers:
            matchers.remove(self._matcher)
        for owner, name, ours, had in reversed(self._replaced):
            if vars(owner).get(name) is ours:
                if had:
                    setattr(owner, name, ours.before)
                else:
                    delattr(owner, name)
        self._replaced.clear()

    def _replace(self, owner: Any, name: str, method: Any) -> None:
        before = getattr(owner, name)

        def ours(*args: Any, **keywords: Any) -> Any:
            return method(before, *args, **keywords)

        ours.before = before  # type: ignore[attr-defined]
        self._replaced.append((owner, name, ours, name in vars(owner)))
        setattr(owner, name, ours)

    # ---------------------------------------------------------------------------- Tab

    def _matches(self, context: CompletionContext) -> dict[str, Any]:
        lines = context.full_text.split("\n")
        cursor = sum(len(line) + 1 for line in lines[: context.cursor_line])
        cursor += context.cursor_position
        found = self.complete(context.full_text, cursor)
        if found is None:
            return {"completions": [], "suppress": False}
        from IPython.core.completer import SimpleCompletion

        prefix, matches = found
        return {
            "completions": _Only(
                SimpleCompletion(text, type=kind or None) for text, kind in matches
            ),
            "matched_fragment": prefix,
            "suppress": True,
            "ordered": True,
        }

    def complete(self, cell: str, cursor: int) -> tuple[str, list[tuple[str, str]]] | None:
        """What to offer; None where it is not for us to say.

        Args:
            cell: all of it.
            cursor: in characters.

        Returns:
            The text that is replaced, and texts with their types.
        """
        line = cell[cell.rfind("\n", 0, cursor) + 1 : cursor]
        part = board_part(self._shell, cell, cursor)
        if part is None:
            magic = magiclines.read(self._shell, line)
            if magic is not None:
                return magiclines.offered(self._shell, magic)
        else:
            from belay_jupyter.completion import matches

            found, start, end = matches(part.board, part.code, cursor - part.start)
            return part.code[start:end], [(match.text, match.type) for match in found]
        match = _NAME.search(line)
        proxy, path = self._proxy(match[1]) if match else (None, ())
        if proxy is None or match is None:
            return None
        from belay_jupyter.completion import members_of_proxy

        shown = members_of_proxy(proxy, path, match[2])
        return match[2], [(one.text, one.type) for one in shown]

    # ---------------------------------------------------------------------------- Shift-Tab

    def _shift_tab(
        self,
        before: Any,
        code: str,
        cursor_pos: int,
        detail_level: int = 0,
        *rest: Any,
        **more: Any,
    ) -> Any:
        text = self.inspect(code, cursor_pos, detail_level)
        if text is None:
            return before(code, cursor_pos, detail_level, *rest, **more)
        data = {"text/plain": text} if text else {}
        return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}

    def inspect(self, cell: str, cursor: int, detail: int = 0) -> str | None:
        """What to show; empty for nothing, None where it is not for us to say."""
        from belay_jupyter import inspection

        part = board_part(self._shell, cell, cursor)
        if part is not None:
            within = cursor - part.start
            return inspection.inspect(part.board, part.code, within, detail) or ""
        for name in inspection.candidates(cell, cursor):
            proxy, path = self._proxy(".".join(name))
            if proxy is not None:
                return inspection.describe_proxy(proxy, path, detail) or ""
        return None

    def _question_mark(self, before: Any, kind: str, name: str, *rest: Any, **more: Any) -> Any:
        """``name?``, which IPython asks about as it is."""
        proxy, path = self._proxy(name)
        text: str | None = None
        if kind in ("pinfo", "pinfo2"):
            from belay_jupyter import inspection
            from belay_jupyter.names import Names

            detail = int(kind == "pinfo2" or bool(more.get("detail_level")))
            if proxy is not None:
                text = inspection.describe_proxy(proxy, path, detail)
            elif auto.of(self._shell).on and name and not name.startswith("%"):
                board = magiclines.chosen(self._shell, auto.of(self._shell).target)
                text = inspection.describe(Names(board), tuple(name.split(".")), detail)
        if text is None:
            return before(kind, name, *rest, **more)
        from IPython.core import page

        return page.page(text)

    def _proxy(self, name: str) -> tuple[ProxyObject | None, tuple[str, ...]]:
        """The proxy at the beginning of a dotted name, and what stands behind it."""
        proxies = sys.modules.get("belay.proxies")
        first, *path = name.split(".")
        value = self._shell.user_ns.get(first)
        if proxies is None or not issubclass(type(value), proxies.ProxyObject):
            return None, ()
        return value, tuple(path)


_installed: weakref.WeakKeyDictionary[InteractiveShell, Tab] = weakref.WeakKeyDictionary()


def install(shell: InteractiveShell) -> None:
    """Answer Tab and Shift-Tab for boards. Doing it twice is harmless."""
    if shell not in _installed:
        tab = _installed[shell] = Tab(shell)
        tab.install()


def uninstall(shell: InteractiveShell) -> None:
    """Undo :func:`install`."""
    tab = _installed.pop(shell, None)
    if tab is not None:
        tab.uninstall()


def of(shell: InteractiveShell) -> Tab | None:
    """What answers in an IPython; None where it is not installed."""
    return _installed.get(shell)
