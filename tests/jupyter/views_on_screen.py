# SPDX-License-Identifier: Apache-2.0
"""Views of proxies in JupyterLab, clicked; steps of tests/jupyter/test_browser.py."""

from __future__ import annotations

from pathlib import Path

from playwright import sync_api

from tests.jupyter.plots_on_screen import PANEL, run

OBJECTS = """\
%%device
from machine import ADC, I2C, PWM, Pin
from neopixel import NeoPixel
led = Pin(25, Pin.OUT)
motor = PWM(Pin(15), freq=1000, duty_u16=0)
bus, lights = I2C(0), NeoPixel(Pin(28), 8)
knob = ADC(26)
settings = {'name': '<i>tank</i>', 'limits': [2, 8.5], 'led': led}
'objects ' + 'made'
"""

VIEWS = """\
import belay_jupyter, ipywidgets, math
board = belay_jupyter.get_device()
names = ('led', 'motor', 'knob', 'lights', 'settings')
views = [belay_jupyter.view(board.proxy(name)) for name in names]
for n in range(90):
    board.board.adc[0].volts = 1.8 + math.sin(n / 9)
    views[2].refresh()
ipywidgets.VBox([view.widget for view in views])
"""

BUS = """\
bme280 = belay_jupyter.registers({
    'id': {'address': 0xD0, 'access': 'ro'},
    'reset': {'address': 0xE0, 'access': 'wo'},
    'ctrl_meas': {'address': 0xF4, 'fields': {'osrs_t': '7:5', 'osrs_p': '4:2',
                  'mode': ('1:0', {0: 'sleep', 1: 'forced', 3: 'normal'})}},
    'config': {'address': 0xF5, 'fields': {'t_sb': '7:5', 'filter': '4:2', 'spi3w_en': 0}},
    'temperature': {'address': 0xFA, 'width': 24, 'access': 'ro'},
})
belay_jupyter.view(board.proxy('bus'), registers=bme280)
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
    page.get_by_role("button", name="▸").and_(page.locator("[title*=limits]")).click()
    page.locator(f"{PANEL} button[title='delete 1']").wait_for()
    value = page.locator(f"{PANEL} .widget-text input[type=text]").first
    value.fill("'pond'")
    value.press("Enter")
    run(page, "%%device\nsettings['name'] + ' now'", "'pond now'")
    the_lights_are_coloured(page)
    assert page.locator(f"{PANEL} .widget-html i", has_text="tank").count() == 0
    inner = page.locator("button.widget-toggle-button")
    area = page.locator(f"{PANEL} .jp-OutputArea-output", has=inner)
    in_both_themes(page, area.last, pictures / "views.png")
    registers_are_changed(page, pictures)
    run(page, "board.proxy('led')", "high (1)")  # a proxy alone shows its view, too
    run(page, "board.close()\n'closed ' + 'now'", "closed now")
    page.locator(f"{PANEL} button.widget-toggle-button[disabled]").first.wait_for()
    page.locator(f"{PANEL} button[title='choose the device 0x76'][disabled]").wait_for()
    run(page, "%belay_connect virtual:", "Connected")


def the_lights_are_coloured(page: sync_api.Page) -> None:
    picker = page.locator(f"{PANEL} .widget-colorpicker input[type=color]").first
    # As the browser's own dialog does it.
    picker.evaluate(
        "(node, colour) => { node.value = colour;"
        " node.dispatchEvent(new Event('change', {bubbles: true})); }",
        "#ff8000",
    )
    page.locator(f"{PANEL} circle[fill='#ff8000']").first.wait_for()
    run(page, "tuple(board.board.pins[28].lights[0])", "(255, 128, 0)")


def registers_are_changed(page: sync_api.Page, pictures: Path) -> None:
    """Choose a device in the grid, and change a field of a register; by keyboard."""
    page.evaluate("source => { add(source); run(); }", BUS)
    device = page.locator(f"{PANEL} button[title='choose the device 0x76']")
    device.wait_for()
    device.focus()
    page.keyboard.press("Enter")
    mode = page.locator(f"{PANEL} .widget-dropdown", has_text="mode [1:0]").locator("select")
    mode.wait_for()
    mode.focus()
    page.keyboard.press("n")  # normal
    page.locator(f"{PANEL} .widget-checkbox", has_text="spi3w_en").locator("input").focus()
    page.keyboard.press("Space")
    source = (
        "board('bus.readfrom_mem(0x76, 0xF4, 1)[0] & 3, bus.readfrom_mem(0x76, 0xF5, 1)[0] & 1')"
    )
    run(page, source, "(3, 1)")
    inner = page.locator("button[title='choose the device 0x76']")
    area = page.locator(f"{PANEL} .jp-OutputArea-output", has=inner)
    in_both_themes(page, area.last, pictures / "i2c.png")


def in_both_themes(page: sync_api.Page, shown: sync_api.Locator, path: Path) -> None:
    """A picture in light, and one in dark beside it, to be looked at."""
    theme = "theme => { jupyterapp.commands.execute('apputils:change-theme', {theme}); }"
    is_light = "light => document.body.dataset.jpThemeLight === light"
    shown.screenshot(path=path)
    page.evaluate(theme, "JupyterLab Dark")
    page.wait_for_function(is_light, arg="false")
    shown.screenshot(path=path.with_stem(f"{path.stem}-dark"))
    page.evaluate(theme, "JupyterLab Light")
    page.wait_for_function(is_light, arg="true")
