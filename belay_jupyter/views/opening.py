# SPDX-License-Identifier: Apache-2.0
"""Members that open where they stand."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from belay.errors import BelayException
from belay.output import handler
from belay.proxies import ProxyObject, make_proxy_from_result, operation
from belay.proxy_operations import EXPRESSION
from belay_jupyter.views.base import View

__all__ = ["BUSY", "ITEM", "MEMBER", "opener"]

ITEM = "list(a.values())[b]if isinstance(a,dict)else a[b]if isinstance(a,(list,tuple))else None"
"""What is in a place of a container, for :func:`opener`."""

MEMBER = "getattr(a,b)"

BUSY = "busy: the board runs something else; nothing was opened"


def opener(view: View, name: str, text: str, operand: Any) -> tuple[Any, Any]:
    """A button that opens a member, and the box in which it is then shown.

    Args:
        view: of the object.
        name: of the member, for people.
        text: an expression of the board: ``a`` is the object, ``b`` the operand.
        operand: for it.
    """
    inside = widgets.VBox([], layout={"margin": "0 0 0 24px"})
    button = widgets.Button(description="▸", tooltip=f"open {name}", layout={"width": "32px"})

    def clicked(_: Any) -> None:
        if inside.children:
            inside.children, button.description = [], "▸"
            return
        try:
            child = _child(view, name, text, operand)
        except BelayException as error:
            view.tell(str(error))
            return
        if child is None:
            view.tell(BUSY)
            return
        inside.children, button.description = [child], "▾"

    button.on_click(clicked)
    return button, inside


def _child(view: View, name: str, text: str, operand: Any) -> Any:
    """The widget of a member: a message for a proxy of it, and one for a look."""
    device = view.proxy._belay_device
    view.proxy._belay_check()
    wanted = operation(EXPRESSION, view.proxy._belay_operand, text, operand)
    answer = device._session.perform_if_idle(wanted, timeout=5, output=handler(None), taped=True)
    if answer is NotImplemented:
        return None
    child = make_proxy_from_result(device, answer)
    if not isinstance(child, ProxyObject):  # it has been replaced since it was shown
        return widgets.HTML(f"<code>{escape(repr(child))}</code>")
    from belay_jupyter.views.registry import view as shown

    made = shown(child)
    made.rename(name)
    return made.widget
