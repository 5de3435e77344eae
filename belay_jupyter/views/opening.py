# SPDX-License-Identifier: Apache-2.0
"""Members that open where they stand."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from belay.errors import BelayException
from belay.proxies import ProxyObject, make_proxy_from_result
from belay_jupyter import polling
from belay_jupyter.views.base import BoardIsBusy, View

__all__ = ["ITEM", "MEMBER", "opener"]

ITEM = "list(a.values())[b]if isinstance(a,dict)else a[b]if isinstance(a,(list,tuple))else None"
"""What is in a place of a container, for :func:`opener`."""

MEMBER = "getattr(a,b)"


def opener(view: View, name: str, type_name: str, text: str, operand: Any) -> tuple[Any, Any]:
    """A button that opens a member, and the box in which it is then shown.

    Args:
        view: of the object.
        name: of the member, for people.
        type_name: of it, as it was when it was looked at.
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
            inside.children = [_child(view, name, type_name, text, operand)]
            button.description = "▾"
        except (BelayException, BoardIsBusy) as error:
            view.tell(str(error))

    button.on_click(clicked)
    return button, inside


def _child(view: View, name: str, type_name: str, text: str, operand: Any) -> Any:
    """The widget of a member. What a tree or a table shows of it comes in the same message.

    Raises:
        BelayException: it cannot be shown; the message says why.
        BoardIsBusy: the board runs something else.
    """
    from belay_jupyter.views.registry import child_of, first_look

    kind, names, brings = first_look(view.proxy, type_name)
    how = ("opened", text, operand, kind, list(names))
    wanted = polling.Question(polling.RUN, view.proxy, how, ("proxies", *brings))
    answers = polling.ask(view.proxy._belay_device, [wanted])
    if answers is None:
        raise BoardIsBusy("busy: the board runs something else; nothing was opened")
    if answers[0].error:
        raise BelayException(answers[0].error)
    described, bases, (good, value) = answers[0].value
    child = make_proxy_from_result(view.proxy._belay_device, described)
    if not isinstance(child, ProxyObject):  # it has been replaced since it was shown
        return widgets.HTML(f"<code>{escape(repr(child))}</code>")
    seen = polling.Answer(value) if good else polling.Answer(None, value)
    made = child_of(child, type_name, bases, seen)
    made.rename(name)
    return made.widget
