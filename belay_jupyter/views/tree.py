# SPDX-License-Identifier: Apache-2.0
"""Any object: its type, its text, and its members, which open one level at a time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from belay.errors import BelayException
from belay.output import handler
from belay.proxies import make_proxy_from_result, operation
from belay.proxy_operations import EXPRESSION
from belay_jupyter import polling
from belay_jupyter.views.base import View

__all__ = ["TreeView"]

_CONTAINERS = ("list", "tuple", "dict")
_NO_INSIDE = ("int", "float", "str", "bool", "bytes", "NoneType", "")

_ITEM = "list(a.values())[b]if isinstance(a,dict)else a[b]if isinstance(a,(list,tuple))else None"


class TreeView(View):
    """Type, text and members; each member opens with a button. One message a level."""

    def build(self) -> list[Any]:
        """A heading, and a row for each member."""
        self._heading = widgets.HTML()
        self._rows = widgets.VBox([])
        self._members: Sequence[Any] = ()
        return [self._heading, self._rows]

    def question(self) -> polling.Question:
        """What there is to see of the object."""
        return polling.Question(polling.MEMBERS, self.proxy)

    def shown(self, value: Any) -> None:
        """The members; what was open is closed where they have changed."""
        type_name, text, count, members = value
        more = f", {count} members" if count else ""
        self._type = type_name
        self._heading.value = (
            f"{escape(type_name)}{more}: <code>{escape(text)}</code>"
            if not members
            else f"{escape(type_name)}{more}"
        )
        if list(members) != list(self._members):
            self._members = members
            self._rows.children = [self._row(i, one) for i, one in enumerate(members)]

    def static(self) -> str:
        """The members as a table."""
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(type_name)}</td>"
            f"<td><code>{escape(text)}</code></td></tr>"
            for name, _, type_name, text in self._members
        )
        return f"{self._heading.value}<table>{rows}</table>"

    def _row(self, index: int, member: Any) -> Any:
        name, kind, type_name, text = member
        label = widgets.HTML(
            f"<b>{escape(name)}</b> <i>{escape(type_name)}</i> <code>{escape(text)}</code>"
        )
        inside = widgets.VBox([], layout={"margin": "0 0 0 24px"})
        if kind == "f" and self._type not in _CONTAINERS:
            return self._method(name, inside)
        if type_name in _NO_INSIDE:
            return label
        button = widgets.Button(description="▸", tooltip=f"open {name}", layout={"width": "32px"})
        button.on_click(lambda _: self._open(index, name, button, inside))
        return widgets.VBox([widgets.HBox([button, label]), inside])

    def _open(self, index: int, name: str, button: Any, inside: Any) -> None:
        if inside.children:
            inside.children, button.description = [], "▸"
            return
        try:
            child = self._child(index, name)
        except BelayException as error:
            self.tell(str(error))
            return
        if child is NotImplemented:
            self.tell("busy: the board runs something else; nothing was opened")
            return
        from belay_jupyter.views.registry import view

        inside.children, button.description = [view(child).widget], "▾"

    def _child(self, index: int, name: str) -> Any:
        """A proxy of a member, made in one message."""
        device, operand = self.proxy._belay_device, self.proxy._belay_operand
        self.proxy._belay_check()
        if self._type in _CONTAINERS:
            wanted = operation(EXPRESSION, operand, _ITEM, index)
        else:
            wanted = operation(EXPRESSION, operand, "getattr(a,b)", name)
        session = device._session
        answer = session.perform_if_idle(wanted, timeout=5, output=handler(None), taped=True)
        return answer if answer is NotImplemented else make_proxy_from_result(device, answer)

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
