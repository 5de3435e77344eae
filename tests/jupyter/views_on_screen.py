# SPDX-License-Identifier: Apache-2.0
"""Views of proxies in JupyterLab, clicked; steps of tests/jupyter/test_browser.py."""

from __future__ import annotations

from pathlib import Path

from playwright import sync_api

from tests.jupyter.plots_on_screen import PANEL, run

OBJECTS = """\
%%device
from machine import ADC, PWM, Pin
led = Pin(25, Pin.OUT)
motor = PWM(Pin(4), freq=1000, duty_u16=0)
knob = ADC(26)
settings = {'name': '<i>tank</i>', 'limits': [2, 8.5], 'led': led}
'objects ' + 'made'
"""

VIEWS = """\
import belay_jupyter, ipywidgets
board = belay_jupyter.get_device()
views = [belay_jupyter.view(board.proxy(name)) for name in ('led', 'motor', 'knob', 'settings')]
ipywidgets.VBox([view.widget for view in views])
"""


def views_are_touched(page: sync_api.Page, pictures: Path) -> None:
    run(page, OBJECTS, "objects made")
    page.evaluate("source => { add(source); run(); }", VIEWS)
    switch = page.locator(f"{PANEL} button.widget-toggle-button")
    switch.wait_for()
    assert "low (0)" in switch.inner_text()
    switch.click()
    page.wait_for_function("() => output(cells().at(-1)).includes('high (1)')")
    # What is outside of the simulated chip sees it.
    run(page, "'level', board.board.pins[25].read()", "('level', 1)")
    # By keyboard: the slider has the focus, and an arrow moves it.
    handle = page.locator(f"{PANEL} .widget-slider .noUi-handle").last
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => { const found = [...document.querySelectorAll('.widget-readout')].at(-1);"
        " return found && parseFloat(found.textContent) > 0; }"
    )
    run(page, "%%device\n'turned' if motor.duty_u16() > 0 else 'still'", "'turned'")
    page.locator(f"{PANEL} button[title*=limits]").click()
    opened = page.locator(f"{PANEL} .widget-html", has_text="8.5")
    opened.last.wait_for()
    assert page.locator(f"{PANEL} .widget-html i", has_text="tank").count() == 0
    inner = page.locator("button.widget-toggle-button")
    area = page.locator(f"{PANEL} .jp-OutputArea-output", has=inner)
    area.last.screenshot(path=pictures / "views.png")
    run(page, "board.close()\n'closed ' + 'now'", "closed now")
    page.locator(f"{PANEL} button.widget-toggle-button[disabled]").wait_for()
    run(page, "%belay_connect virtual:", "Connected")
