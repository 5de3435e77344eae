# SPDX-License-Identifier: Apache-2.0
"""Any object: its type, its text, and its members, which open one level at a time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from belay.proxies import make_proxy_from_result
from belay_jupyter import polling
from belay_jupyter.views.base import View
from belay_jupyter.views.opening import ITEM, MEMBER, opener

__all__ = ["TreeView"]

_CONTAINERS = ("list", "tuple", "dict")
_NO_INSIDE = ("int", "float", "str", "bool", "bytes", "NoneType", "")


class TreeView(View):
    """Type, text and members; each member opens with a button. One message a level."""

    def build(self) -> list[Any]:
        """A heading, and a row for each member."""
        self._heading = widgets.HTML()
        self._rows = widgets.VBox([])
        self._members: Sequence[Any] = ()
        self._labels: dict[int, Any] = {}
        return [self._heading, self._rows]

    def question(self) -> polling.Question:
        """What there is to see of the object."""
        return polling.Question(polling.MEMBERS, self.proxy)

    def shown(self, value: Any) -> None:
        """The members; what was open stays open unless there are other ones."""
        type_name, text, count, members = value
        more = f", {count} members" if count else ""
        self._type = type_name
        self._heading.value = (
            f"{escape(type_name)}{more}: <code>{escape(text)}</code>"
            if not members
            else f"{escape(type_name)}{more}"
        )
        before, self._members = self._members, members
        if [one[:3] for one in before] != [one[:3] for one in members]:
            self._labels = {}
            self._rows.children = [self._row(i, one) for i, one in enumerate(members)]
        for place, label in self._labels.items():
            label.value = _label(members[place])

    def static(self) -> str:
        """The members as a table."""
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(type_name)}</td>"
            f"<td><code>{escape(text)}</code></td></tr>"
            for name, _, type_name, text in self._members
        )
        return f"{self._heading.value}<table>{rows}</table>"

    def _row(self, index: int, member: Any) -> Any:
        name, kind, type_name, _ = member
        if kind == "f" and self._type not in _CONTAINERS:
            return self._method(name, widgets.VBox([], layout={"margin": "0 0 0 24px"}))
        label = self._labels[index] = widgets.HTML(_label(member))
        if type_name in _NO_INSIDE:
            return label
        inner = (ITEM, index) if self._type in _CONTAINERS else (MEMBER, name)
        button, inside = opener(self, name, type_name, *inner)
        return widgets.VBox([widgets.HBox([button, label]), inside])

    def _method(self, name: str, result: Any) -> Any:
        """A method: a field for its arguments, as Python literals, and a button that calls it."""
        import ast

        button = widgets.Button(description=f"{name}()", tooltip=f"call {name} on the board")
        field = widgets.Text(placeholder="arguments: 1, 'text'", layout={"width": "180px"})

        def called(_: Any) -> None:
            try:
                args = ast.literal_eval(f"({field.value},)") if field.value.strip() else ()
            except (ValueError, SyntaxError):
                self.tell(f"{name}: arguments are numbers, texts and the like, with commas between")
                return
            try:
                answer = self.call(name, *args)
            except Exception as error:  # the board's, busy, or what cannot travel: told, not raised
                self.tell(str(error) or type(error).__name__)
                return
            self.tell("")
            if isinstance(answer, tuple):
                answer = (
                    make_proxy_from_result(self.proxy._belay_device, answer)
                    if answer
                    else self.proxy
                )
            result.children = [widgets.HTML(f"<code>{escape(repr(answer))}</code>")]

        button.on_click(called)
        return widgets.VBox([widgets.HBox([button, field]), result])


def _label(member: Any) -> str:
    name, _, type_name, text = member
    return f"<b>{escape(name)}</b> <i>{escape(type_name)}</i> <code>{escape(text)}</code>"
