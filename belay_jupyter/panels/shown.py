# SPDX-License-Identifier: Apache-2.0
"""A dashboard in the notebook: a widget for each board, and what remains beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets as widgets
import traitlets

from belay_jupyter.pages import is_watched, shown
from belay_jupyter.panels.panel import Panel, Send
from belay_jupyter.panels.still import html_of, summary_of

if TYPE_CHECKING:
    from belay_jupyter.boards import Board, Boards

__all__ = ["Dashboard", "PanelWidget"]

_HERE = Path(__file__).parent


class PanelWidget(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Shows one board in the browser; all that it needs comes with it.

    Attributes:
        summary: names and texts, shown where no kernel answers.
    """

    _esm = _HERE / "panel.js"
    _css = _HERE / "panel.css"

    summary: Any = traitlets.List().tag(sync=True)


class Dashboard:
    """Boards to look after. Made by :func:`belay_jupyter.dashboard`.

    Args:
        boards: which, each with those that it is one of.
        every: seconds between two polls of a board that is idle, while a page shows it.

    Attributes:
        panels: one for each board.
        widget: of the page; None where nobody looks.
    """

    def __init__(self, boards: Sequence[tuple[Board, Boards | None]], every: float = 1.0) -> None:
        if not every > 0:
            raise ValueError(f"every={every!r}: it must be a number of seconds, such as 1")
        self.panels: list[Panel] = []
        self._widgets: list[PanelWidget] = []
        # Where nobody looks there is no widget either: its state would be kept in the notebook.
        watched = is_watched()
        for board, known in boards:
            widget = PanelWidget() if watched else None
            send: Send = _nowhere if widget is None else widget.send
            panel = Panel(board, known, send, every)
            self.panels.append(panel)
            if widget is not None:
                widget.summary = [list(row) for row in summary_of(panel)]
                widget.on_msg(_to(panel))
                self._widgets.append(widget)
        self.widget: Any = self._widgets[0] if len(self._widgets) == 1 else None
        if len(self._widgets) > 1:
            names = [panel.board.name for panel in self.panels]
            self.widget = widgets.Tab(children=self._widgets, titles=names, selected_index=0)

    def stop(self) -> None:
        """Follow the boards no longer; what is shown stays as it is."""
        for panel in self.panels:
            panel.stop()

    def close(self) -> None:
        """The same, and take it from the page."""
        self.stop()
        for widget in self._widgets:
            widget.close()
        if self.widget is not None:
            self.widget.close()

    def html(self) -> str:
        """What is known of the boards by now, as HTML without anything else."""
        return "".join(map(html_of, self.panels))

    def __repr__(self) -> str:
        states = ", ".join(f"{panel.board.name}: {panel.state}" for panel in self.panels)
        return f"<Dashboard of {states}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {}
        if self.widget is not None:
            bundle.update(shown(self.widget))
        bundle["text/plain"] = repr(self)
        bundle["text/html"] = self.html()
        return bundle


def _to(panel: Panel) -> Callable[[Any, Any, Any], None]:
    """Takes what a page sends."""
    return lambda widget, message, buffers: panel.asked(message, buffers)


def _nowhere(message: dict[str, Any], buffers: list[bytes]) -> None:
    """There is no page."""
