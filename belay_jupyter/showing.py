# SPDX-License-Identifier: Apache-2.0
"""A proxy as the value of a cell shows its view.

IPython is told here how to show proxies, so :mod:`belay` knows nothing of notebooks, and nothing of
widgets is loaded before a proxy is shown. A board that is busy or gone keeps nobody waiting, and
raises nothing: then there is the line that a proxy has always been, and why.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from belay.proxies import ProxyObject
    from belay_jupyter.views.base import View

__all__ = ["ProxyDisplay"]

Bundle = dict[str, Any]


class ProxyDisplay:
    """How one IPython shows proxies.

    Args:
        shell: the IPython.

    Attributes:
        on: whether proxies show views; off, they are a line of text.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self.on = True
        self._views: dict[int, weakref.ref[View]] = {}
        """By the id of the proxy: asking a proxy for its hash or for equality asks the board."""

    def install(self) -> None:
        """Show views from now on; not in a terminal, where there is only text."""
        display = self._shell.display_formatter
        if display is not None and getattr(self._shell, "kernel", None) is not None:
            formatter = display.mimebundle_formatter
            formatter.for_type_by_name("belay.proxies", "ProxyObject", self.bundle)

    def uninstall(self) -> None:
        """Show them as IPython does by itself."""
        if self._shell.display_formatter is not None:
            formatter = self._shell.display_formatter.mimebundle_formatter
            formatter.pop("belay.proxies.ProxyObject", None)
        self._views.clear()

    def bundle(self, proxy: ProxyObject) -> Bundle:
        """What a notebook shows; only what differs from the line of text."""
        from belay.proxies import ProxyMethod

        if not self.on or isinstance(proxy, ProxyMethod):
            return {}
        try:
            shown = self._view(proxy)._repr_mimebundle_()
            shown["text/plain"] = repr(proxy)
            return shown
        except Exception as error:  # views of the user's own, too: a value is shown all the same
            return {"text/plain": f"{proxy!r} ({str(error) or type(error).__name__})"}

    def _view(self, proxy: ProxyObject) -> View:
        """The view of a proxy: one for each, however often it is shown."""
        from belay_jupyter.views.base import BoardIsBusy
        from belay_jupyter.views.registry import view_now

        known = self._views.get(id(proxy))
        view = None if known is None else known()
        if view is not None and view.proxy is proxy and not view.ended:
            if not view.refresh():
                raise BoardIsBusy(view.said)
            return view
        view = view_now(proxy)
        there = {key: one for key, one in self._views.items() if one() is not None}
        self._views = {**there, id(proxy): weakref.ref(view)}
        return view
