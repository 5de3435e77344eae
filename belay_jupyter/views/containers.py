# SPDX-License-Identifier: Apache-2.0
"""dict and list: a table whose values can be changed."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from belay_jupyter import polling
from belay_jupyter.views.base import View, on_enter, table
from belay_jupyter.views.opening import ITEM, opener

__all__ = ["ContainerView"]

_AT_ONCE = 40
"""Rows that are shown until there is a click for more."""

_PLAIN = ("int", "float", "str", "bool", "bytes", "NoneType", "complex")

_VALUES = "a value is written as in Python: 1, 2.5, 'text', b'\\x00', True, None, [1, 2], {'a': 1}"

Entry = tuple[str, str, str, bool]
"""The key as text, the name of the value's type, its text, and whether the text is all of it."""


class ContainerView(View):
    """Keys and values. Values that can be written as literals can be changed, others open.

    A key that is not in its place any more is left alone: what was shown is not what is there.

    Attributes:
        kind: of container, as the board calls it.
    """

    kind = ""

    def build(self) -> list[Any]:
        """A heading, a row for each entry, and a row for a new one."""
        self._heading = widgets.HTML()
        self._rows = widgets.VBox([])
        self._entries: Sequence[Entry] = ()
        self._fields: dict[int, Any] = {}
        self._seen = _AT_ONCE
        self._more = widgets.Button(description="more", layout={"width": "auto"})
        self._more.on_click(lambda _: self._show_more())
        self._key = widgets.Text(placeholder="new key: 'name'", layout={"width": "140px"})
        self._value = widgets.Text(placeholder="new value", layout={"width": "200px"})
        add = widgets.Button(description="Add", layout={"width": "auto"})
        add.on_click(lambda _: self._add())
        for field in (self._key, self._value):
            on_enter(field, self._add)
        new = widgets.HBox([self._key, self._value, add])
        return [self._heading, self._rows, self._more, new]

    def question(self) -> polling.Question:
        """The entries."""
        return self.on_board("panels", "entries")

    def shown(self, value: Any) -> None:
        """The entries; a row that stays keeps what is open below it."""
        self.kind, count, entries = value
        is_list = self.kind == "list"
        self._heading.value = f"{escape(self.kind)}, {count} {'items' if is_list else 'entries'}"
        self._key.layout.display = "none" if is_list else None
        old, self._entries = self._entries, entries
        before = [(key, _shape(one)) for key, *one in old]
        if before == [(key, _shape(one)) for key, *one in entries] and self._rows.children:
            for place, field in self._fields.items():
                field.value = entries[place][2]
        else:
            self._make_rows()
        hidden = count - min(self._seen, len(entries))
        self._more.description = f"{hidden} more"
        shown_more = self._seen < len(entries)
        self._more.layout.display = None if shown_more else "none"

    def static(self) -> str:
        """The entries."""
        rows = (
            (f"<b>{escape(key)}</b>", f"<i>{escape(kind)}</i>", f"<code>{escape(text)}</code>")
            for key, kind, text, _ in self._entries
        )
        heading: str = self._heading.value
        return heading + table(rows)

    def _make_rows(self) -> None:
        self._fields = {}
        shown = enumerate(self._entries[: self._seen])
        self._rows.children = [self._row(place, entry) for place, entry in shown]

    def _show_more(self) -> None:
        self._seen += 4 * _AT_ONCE
        self._make_rows()
        self._show_again()

    def _row(self, place: int, entry: Entry) -> Any:
        key, kind, text, whole = entry
        name = widgets.HTML(
            f"<b>{escape(key)}</b> <i>{escape(kind)}</i>", layout={"min_width": "140px"}
        )
        if whole:
            # Leaving the field changes the value, too, as in a spreadsheet.
            field: Any = widgets.Text(text, continuous_update=False, layout={"width": "260px"})
            field.observe(lambda change: self._changed(place, change["new"]), "value")
            self._fields[place] = field
        else:
            field = widgets.HTML(f"<code>{escape(text)}</code>")
        drop = widgets.Button(description="✕", tooltip=f"delete {key}", layout={"width": "32px"})
        drop.on_click(lambda _: self._drop(place))
        if kind in _PLAIN:
            return widgets.HBox([name, field, drop])
        button, inside = opener(self, key, kind, ITEM, place)
        return widgets.VBox([widgets.HBox([name, field, drop, button]), inside])

    def _changed(self, place: int, text: str) -> None:
        if self.follows or text == self._entries[place][2]:
            return
        key = self._entries[place][0]
        try:
            value = literal(text)
        except ValueError as error:
            self._show_again()
            self.tell(f"{key}: {error}")
            return
        self.do(self.on_board("panels", "set_entry", place, key, value))

    def _drop(self, place: int) -> None:
        self.do(self.on_board("panels", "drop_entry", place, self._entries[place][0]))

    def _add(self) -> None:
        try:
            key = None if self.kind == "list" else literal(self._key.value)
            value = literal(self._value.value)
        except ValueError as error:
            self.tell(str(error))
            return
        if self.do(self.on_board("panels", "add_entry", key, value)):
            self._key.value = self._value.value = ""


def _shape(entry: Sequence[Any]) -> tuple[Any, ...]:
    """What of an entry makes another row, and no other text in the same one."""
    kind, text, whole = entry
    return (kind in _PLAIN, whole) if whole else (kind, text)


def literal(text: str) -> Any:
    """A value that is written as a Python literal.

    Raises:
        ValueError: it is none; the message says how.
    """
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"{text!r} is no value: {_VALUES}") from None
