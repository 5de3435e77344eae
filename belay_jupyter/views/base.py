# SPDX-License-Identifier: Apache-2.0
"""What all views of proxies share: how they ask, how they act, and how they go grey."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from belay.output import handler
from belay.proxies import operation
from belay.proxy_operations import METHOD
from belay_jupyter import polling
from belay_jupyter.pages import is_watched

if TYPE_CHECKING:
    from belay.proxies import ProxyObject

__all__ = ["BoardIsBusy", "View", "on_enter", "table"]

_WIDGET = "application/vnd.jupyter.widget-view+json"

_LIFE = 0.5
"""Seconds between two looks whether the object is still there. They cost no message."""

_PATIENCE = 5.0
"""Seconds that what a click asks for may take."""


class BoardIsBusy(Exception):
    """The board runs something else; nothing was done."""


class View:
    """One object of a board, shown. For views of your own, derive from this one.

    Args:
        proxy: the object.
        every: seconds between two looks at it; None: when asked to.
        seen: what the first look would show, where that is known already.

    Attributes:
        values: what the board has answered last.
        said: what is said below the controls: what went wrong.
        methods: names that :meth:`shown` wants the answers of, each called without arguments.
    """

    methods: tuple[str, ...] = ()

    def __init__(
        self,
        proxy: ProxyObject,
        every: float | None = None,
        *,
        seen: polling.Answer | None = None,
    ) -> None:
        self.proxy = proxy
        self.values: list[Any] = []
        self.said = self._name = ""
        self._message = widgets.HTML(layout={"display": "none"})
        self._updating: int | None = None
        self._showing = threading.RLock()
        self._watches: list[polling.Watch] = []
        self.ended = False
        self.controls = self.build()
        again = widgets.Button(
            icon="refresh", tooltip="Refresh",
            layout={"width": "28px", "height": "24px", "padding": "0"},
        )  # fmt: skip
        again.on_click(lambda _: self.refresh())
        self._heads = widgets.HTML(self._title())
        head = widgets.HBox([self._heads, again], layout={"align_items": "center"})
        self.widget = widgets.VBox([head, *self.controls, self._message])
        self._again = again
        if seen is None:
            self.refresh()
        else:
            self._take(seen)
        if not self.ended:
            poller = polling.poller_of(proxy._belay_device)
            alive = polling.Question(polling.ALIVE, proxy)
            self._watches = [poller.watch(alive, self._take_life, _LIFE)]
            if every is not None:
                self._watches.append(poller.watch(self.question(), self._take, every))

    # ---------------------------------------------------------------------------- for subclasses

    def build(self) -> list[Any]:
        """Make the widgets; called once."""
        return []

    def shown(self, value: Any) -> None:
        """Show what the board has answered to :meth:`question`, in the widgets."""

    def question(self) -> polling.Question:
        """What is asked of the board: what :attr:`methods` answer."""
        return polling.Question(polling.CALLS, self.proxy, self.methods)

    def static(self) -> str:
        """The values as HTML, for readers without a kernel."""
        rows = zip(self.methods, self.values, strict=False)
        return table((escape(name), escape(repr(value))) for name, value in rows)

    # ---------------------------------------------------------------------------- asking and acting

    def on_board(self, program: str, name: str, *args: Any) -> polling.Question:
        """What has a function look at the object, on the board.

        Args:
            program: of :mod:`belay.onboard`, one that adds to ``LOOKS``.
            name: the function's.
            args: its arguments behind the object.
        """
        return polling.Question(polling.RUN, self.proxy, (name, *args), (program,))

    def refresh(self) -> bool:
        """Look at the object now; one message.

        Returns:
            Whether the board has answered.
        """
        answers = polling.ask(self.proxy._belay_device, [self.question()])
        if answers is None:
            self.tell("busy: the board runs something else")
            return False
        self._take(answers[0])
        return not answers[0].error

    def call(self, name: str, *args: Any) -> Any:
        """Call a method of the object on the board; one message.

        Raises:
            BoardIsBusy: the board runs something else, so it was not called.
            BelayException: what the board raised, or what is wrong with it.
        """
        self.proxy._belay_check()
        wanted = operation(METHOD, self.proxy._belay_operand, name, {}, *args)
        session = self.proxy._belay_device._session
        answer = session.perform_if_idle(
            wanted, timeout=_PATIENCE, output=handler(None), taped=True
        )
        if answer is NotImplemented:
            raise BoardIsBusy("busy: the board runs something else; nothing was done")
        return answer

    def act(self, name: str, *args: Any) -> bool:
        """What a control does: call a method, say what went wrong, and look at the object again.

        One message. On a board that is busy nothing is done.

        Returns:
            Whether it was called, and did not raise.
        """
        return self.do(polling.Question(polling.METHOD, self.proxy, (name, *args)))

    def do(self, wanted: polling.Question) -> bool:
        """The same for anything that can be asked of a board; see :meth:`on_board`."""
        return self._ask(wanted) is not None

    @property
    def follows(self) -> bool:
        """Whether a control is being set to what the board said, and nobody has touched it."""
        return self._updating == threading.get_ident()

    def _ask(self, wanted: polling.Question) -> polling.Answer | None:
        """What the board answers; None where it did not, and that is told."""
        if self.follows:
            return polling.Answer(None)
        answers = polling.ask(self.proxy._belay_device, [wanted, self.question()])
        if answers is None:
            self._show_again()
            self.tell("busy: the board runs something else; nothing was done")
            return None
        self._take(answers[-1])
        if answers[0].error:
            self._show_again()
            self.tell(answers[0].error)
            return None
        return answers[0]

    def tell(self, text: str) -> None:
        """Say something below the controls; nothing for an empty text."""
        self.said = text
        said = f'<span style="color: var(--jp-error-color1, #c62828)">{escape(text)}</span>'
        self._message.value = said if text else ""
        self._message.layout.display = None if text else "none"

    def rename(self, name: str) -> None:
        """Call the object something else, above the controls."""
        self._name = name
        self._heads.value = self._title()

    def stop(self) -> None:
        """Follow the object no longer."""
        for watch in self._watches:
            watch.stop()

    def _title(self) -> str:
        """Which object it is, what of, and where."""
        proxy = self.proxy
        kind = "" if proxy._belay_kind is None else proxy._belay_kind.name
        target = proxy._belay_target
        name = self._name or (f"handle {target}" if isinstance(target, int) else target)
        where = proxy._belay_device._session.transport.address
        return (
            f"<b>{escape(name)}</b> &nbsp;<i>{escape(kind)}</i> &nbsp;"
            f'<span style="opacity: 0.65">{escape(where)}</span>'
        )

    def _take(self, answer: polling.Answer) -> None:
        self.tell(answer.error)
        if answer.ended:
            self._end()
        elif not answer.error:
            self.values = answer.value if isinstance(answer.value, list) else [answer.value]
            self._show_again()

    def _take_life(self, answer: polling.Answer) -> None:
        if answer.ended:
            self._take(answer)

    def _show_again(self) -> None:
        """The controls as the board's object was last; a click that did nothing springs back."""
        if not self.values:
            return
        with self._showing:  # the poller's thread and that of clicks
            self._updating = threading.get_ident()
            try:
                self.shown(self.values if self.methods else self.values[0])
            finally:
                self._updating = None

    def _end(self) -> None:
        """The board or the object is gone: grey."""
        self.stop()
        waiting = [*self.controls, self._again]
        while waiting:
            one = waiting.pop()
            waiting += getattr(one, "children", ())
            if one.has_trait("disabled"):
                one.disabled = True
        for one in self.controls:
            one.layout.opacity = "0.5"
        self.ended = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.proxy!r}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = self.widget._repr_mimebundle_()
        if not is_watched():
            del bundle[_WIDGET]
        bundle["text/plain"] = repr(self)
        with ExitStack() as stack:
            for watch in self._watches:
                stack.enter_context(watch.settled())
                watch.shown(self.proxy._belay_device)
            bundle["text/html"] = f"<div>{self._title()}</div>{self.static()}"
        return bundle


def table(rows: Iterable[Iterable[str]], heads: Iterable[str] = ()) -> str:
    """Rows of HTML as a table; what came from a board or a user is escaped by the caller."""
    left = ' style="text-align: left"'  # notebooks have numbers in mind, and align to the right
    head = "".join(f"<th{left}>{one}</th>" for one in heads)
    lines = ["<tr>" + "".join(f"<td{left}>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return f"<table>{head and f'<tr>{head}</tr>'}{''.join(lines)}</table>"


def on_enter(field: widgets.Text, act: Callable[[], object]) -> None:
    """Have Enter in a field do something; leaving the field does not."""

    def told(_: Any, content: Any, __: Any) -> None:
        if isinstance(content, dict) and content.get("event") == "submit":
            act()

    field.on_msg(told)
