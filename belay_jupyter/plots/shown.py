# SPDX-License-Identifier: Apache-2.0
"""A plot in the notebook: the widget that draws it, and the picture beside it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anywidget
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display

from belay_jupyter.output import CellText
from belay_jupyter.plots.series import Rows, Series

if TYPE_CHECKING:
    from belay_jupyter.plots.figure import LivePlot

__all__ = ["PlotWidget", "Shown"]

_VIEW = "application/vnd.jupyter.widget-view+json"

_PIECE = 100_000
"""Rows of one message: a page that is opened late gets what there is in several."""


class PlotWidget(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Draws in the browser; all that it needs comes with it.

    Attributes:
        options: what does not change.
        status: what is told about the measurement.
        picture: shown where no kernel answers.
    """

    _esm = Path(__file__).parent / "plot.js"
    _css = Path(__file__).parent / "plot.css"

    options = traitlets.Dict().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    picture = traitlets.Unicode("").tag(sync=True)


class Shown:
    """What a notebook shows of one plot.

    The output holds the widget and a picture. Where there is no browser (nbconvert --execute,
    papermill) the widget's place is given up in the end: what reads such a notebook would prefer
    it to the picture, and show nothing.
    """

    def __init__(self, figure: LivePlot) -> None:
        self._figure = figure
        self._lock = threading.RLock()
        self._sent = [0] * len(figure.series)
        self._places: list[tuple[str, CellText | None]] = []
        self._looked_at = False
        self._kept: str | None = None
        options = {
            "title": figure.title,
            "window": figure.window,
            "height": figure.height,
            "keep": min(one.most for one in figure.series),
        }
        self.widget = PlotWidget(options=options)
        self.widget.on_msg(self._asked)
        self._tell()

    # ---------------------------------------------------------------------------- to the browser

    def push(self) -> None:
        """Send what is new."""
        with self._lock:
            for index, series in enumerate(self._figure.series):
                while self._sent[index] < series.total:
                    self._send(index, series)
            self._tell()

    def _send(self, index: int, series: Series) -> None:
        from belay_jupyter.plots.figure import wire

        rows: Rows = series.rows(self._sent[index], _PIECE)
        self._sent[index] = rows.first + len(rows.times)
        content = {
            "type": "rows",
            "series": index,
            "first": rows.first,
            "count": len(rows.times),
            "channels": list(rows.columns),
            "drawn": series.drawn,
        }
        columns = [rows.times, *rows.columns.values()]
        self.widget.send(content, [wire(column) for column in columns])

    def _tell(self) -> None:
        figure = self._figure
        status = {
            "running": figure.running,
            "samples": figure.samples,
            "lost": figure.lost,
            "rate": round(figure.rate),
            "errors": figure.errors,
        }
        if status != self.widget.status:
            self.widget.status = status

    def _asked(self, widget: Any, content: Any, buffers: Any) -> None:
        """A page was opened, or has missed a message: it gets everything."""
        if not isinstance(content, dict) or content.get("type") != "hello":
            return
        with self._lock:
            self._looked_at = True
            self._sent = [0] * len(self._sent)
            self.widget.send({"type": "reset"})
            self.push()
            if self._kept is not None:
                self.keep_picture()  # with the widget, which is wanted after all

    # ---------------------------------------------------------------------------- in the notebook

    def show(self) -> None:
        """Show it below the cell that runs."""
        place = uuid4().hex
        shell = get_ipython()
        self._places.append((place, None if shell is None else CellText(shell, "stdout")))
        display(self._bundle(widget=True), raw=True, display_id=place)

    def keep_picture(self) -> None:
        """Put the picture as it is now into the notebook."""
        with self._lock:
            picture = self._figure.svg()
            widget = self._looked_at or self._figure.running
            in_cell = threading.current_thread() is threading.main_thread()
            # nbclient listens to the cell that runs only: it may not have heard a thread.
            key = f"{widget} {in_cell} {picture}"
            if key == self._kept:
                return
            self._kept = key
            self.widget.picture = picture
            bundle = self._bundle(widget=widget, picture=picture)
        for place, cell in self._places:
            if cell is None or in_cell:
                display(bundle, raw=True, display_id=place, update=True)
            else:
                cell.update(bundle, place)

    def _bundle(self, *, widget: bool, picture: str = "") -> dict[str, Any]:
        bundle: dict[str, Any] = {
            "text/plain": repr(self._figure),
            "image/svg+xml": picture or self._figure.svg(),
        }
        if widget:
            bundle[_VIEW] = {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.widget.model_id,
            }
        return bundle
