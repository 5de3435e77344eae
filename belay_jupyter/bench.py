# SPDX-License-Identifier: Apache-2.0
"""A virtual board as a picture that follows it, with sliders and buttons for its parts.

The picture is an ordinary output, replaced in place while the board lives: a saved notebook,
nbconvert and GitHub show it as it was last, without any widget. The controls are widgets below.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from IPython.display import DisplayHandle, display

from belay.errors import ReplayError

if TYPE_CHECKING:
    from belay.virtual import Board

__all__ = ["BenchView"]

_EVERY = 0.25
"""Seconds between two looks at the board."""


class BenchView:
    """One view of one board.

    Args:
        board: the outside of a virtual board.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._handle = DisplayHandle()
        self._shown = ""
        self._ended = threading.Event()

    def show(self, *, live: bool) -> None:
        """Display it, below the cell that runs.

        Args:
            live: with controls, and followed from now on.
        """
        self._shown = self._board.svg()
        self._handle.display(self._output(), raw=True)
        if not live:
            return
        controls = self._controls()
        if controls is not None:
            display(controls)
        threading.Thread(target=self._follow, name="bench view", daemon=True).start()

    def _output(self) -> dict[str, str]:
        return {"image/svg+xml": self._shown, "text/plain": repr(self._board)}

    def stop(self) -> None:
        """Follow the board no longer."""
        self._ended.set()

    def _follow(self) -> None:
        while not self._ended.wait(_EVERY):
            try:
                now = self._board.unrecorded().svg()
            except (ConnectionError, TimeoutError):
                return  # the board has ended: the picture stays as it was last
            if now != self._shown:
                self._shown = now
                self._handle.update(self._output(), raw=True)

    # ---- controls

    def _controls(self) -> Any:
        """Sliders for what can be measured, buttons for what can be done; None for neither."""
        import ipywidgets as widgets

        rows: list[Any] = []
        for name, part in self._board.parts.items():
            state = part.state
            sliders = [
                self._slider(name, key, quantity, state[key])
                for key, quantity in part.quantities.items()
            ]
            buttons = [self._button(name, action) for action in part.actions if action != "say"]
            if sliders or buttons:
                rows.append(widgets.HTML(f"<b>{name}</b>"))
                rows += sliders
            if buttons:
                rows.append(widgets.HBox(buttons))
        volts = [self._volts(number) for number in range(3)]
        rows.append(widgets.Accordion([widgets.VBox(volts)], titles=["analogue inputs"]))
        return widgets.VBox(rows)

    def _slider(self, part: str, key: str, quantity: dict[str, Any], now: float) -> Any:
        import ipywidgets as widgets

        low, high = quantity["low"], quantity["high"]
        slider = widgets.FloatSlider(
            value=min(max(now, low), high),
            min=low,
            max=high,
            step=(high - low) / 500,
            description=f"{key} {quantity['unit']}",
            style={"description_width": "130px"},
            layout={"width": "420px"},
            readout_format=".4g",
        )

        def turned(change: dict[str, Any]) -> None:
            self._do(lambda: self._board.parts[part].set(**{key: change["new"]}))

        slider.observe(turned, names="value")
        return slider

    def _button(self, part: str, action: str) -> Any:
        import ipywidgets as widgets

        button = widgets.Button(description=action)
        button.on_click(lambda _: self._do(lambda: self._board.parts[part].do(action)))
        return button

    def _volts(self, channel: int) -> Any:
        import ipywidgets as widgets

        slider = widgets.FloatSlider(
            value=self._board.adc[channel].volts,
            min=0,
            max=3.3,
            step=0.01,
            description=f"GP{26 + channel} (ADC {channel}) V",
            style={"description_width": "130px"},
            layout={"width": "420px"},
        )

        def turned(change: dict[str, Any]) -> None:
            self._do(lambda: setattr(self._board.adc[channel], "volts", change["new"]))

        slider.observe(turned, names="value")
        return slider

    def _do(self, action: Any) -> None:
        """Do what was turned or pressed; a board that has ended makes it do nothing."""
        try:
            action()
        except (ConnectionError, ReplayError):
            self.stop()
