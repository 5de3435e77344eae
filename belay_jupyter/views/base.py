# SPDX-License-Identifier: Apache-2.0
"""What all views of proxies share: how they ask, how they act, and how they go grey."""

from __future__ import annotations

import threading
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from belay.errors import BelayException
from belay.output import handler
from belay.proxies import operation
from belay.proxy_operations import METHOD
from belay_jupyter import polling

if TYPE_CHECKING:
    from belay.proxies import ProxyObject

__all__ = ["BoardIsBusy", "View"]

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

    Attributes:
        methods: names that :meth:`shown` wants the answers of, each called without arguments.
    """

    methods: tuple[str, ...] = ()

    def __init__(self, proxy: ProxyObject, every: float | None = None) -> None:
        self.proxy = proxy
        self.values: list[Any] = []
        self._message = widgets.HTML()
        self._updating: int | None = None
        self._watches: list[polling.Watch] = []
        self.ended = False
        self.controls = self.build()
        again = widgets.Button(description="Refresh", layout={"width": "auto"})
        again.on_click(lambda _: self.refresh())
        bar = widgets.HBox([again, self._message])
        self.widget = widgets.VBox(
            [widgets.HTML(f"<b>{escape(repr(proxy))}</b>"), *self.controls, bar]
        )
        self._again = again
        self.refresh()
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
        cells = "".join(f"<tr><td>{escape(n)}</td><td>{escape(repr(v))}</td></tr>" for n, v in rows)
        return f"<table>{cells}</table>"

    # ---------------------------------------------------------------------------- asking and acting

    def refresh(self) -> None:
        """Look at the object now; one message."""
        answers = polling.ask(self.proxy._belay_device, [self.question()])
        if answers is None:
            self.tell("busy: the board runs something else")
        else:
            self._take(answers[0])

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

        Returns:
            Whether it was called, and did not raise.
        """
        if self._updating == threading.get_ident():
            return True  # the control follows the board, and not the other way round
        try:
            self.call(name, *args)
        except (BoardIsBusy, BelayException, KeyboardInterrupt) as error:
            text = str(error) or type(error).__name__
            self._show_again()
            self.tell(text)
            if self.proxy._belay_device.closed:
                self._end()
            return False
        self.refresh()
        return True

    def tell(self, text: str) -> None:
        """Say something below the controls; nothing for an empty text."""
        said = f'<span style="color: var(--jp-error-color1, #c62828)">{escape(text)}</span>'
        self._message.value = said if text else ""

    def stop(self) -> None:
        """Follow the object no longer."""
        for watch in self._watches:
            watch.stop()

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
        self._updating = threading.get_ident()
        try:
            self.shown(self.values if self.methods else self.values[0])
        finally:
            self._updating = None

    def _end(self) -> None:
        """The board or the object is gone: grey."""
        self.ended = True
        self.stop()
        waiting = [*self.controls, self._again]
        while waiting:
            one = waiting.pop()
            waiting += getattr(one, "children", ())
            if one.has_trait("disabled"):
                one.disabled = True
        for one in self.controls:
            one.layout.opacity = "0.5"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.proxy!r}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = self.widget._repr_mimebundle_()
        bundle["text/plain"] = repr(self)
        bundle["text/html"] = f"<b>{escape(repr(self.proxy))}</b>{self.static()}"
        return bundle
