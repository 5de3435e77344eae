# SPDX-License-Identifier: Apache-2.0
"""A dashboard and a console in JupyterLab, used; steps of tests/jupyter/test_browser.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright import sync_api

from tests.jupyter.plots_on_screen import PANEL, run

PREPARED = """\
%%device
import machine
title = '<b>tank</b>'
limits = [2, 8.5]
with open('/boot.py', 'w') as f: f.write('# runs first\\n')
with open('/main.py', 'w') as f: f.write('print("main")\\n')
import os
os.mkdir('/lib')
with open('/lib/driver.py', 'wb') as f: f.write(b'x = 1\\r\\n' * 40)
clock = machine.Timer(-1)
'prepared ' + 'now'
"""


EDITED = """\
from machine import ADC

def level():
    return ADC(26).read_u16() * 3.3 / 65535
"""

LATER = """\
%%device
clock.init(mode=machine.Timer.ONE_SHOT, period=20, callback=lambda t: print('<i>tock</i>'))
'armed ' + 'now'
"""


def theme(page: sync_api.Page, name: str) -> None:
    page.evaluate(
        "theme => { jupyterapp.commands.execute('apputils:change-theme', {theme}); }",
        f"JupyterLab {name}",
    )
    page.wait_for_function(
        "light => document.body.dataset.jpThemeLight === light",
        arg="true" if name == "Light" else "false",
    )


def drop(page: sync_api.Page, target: sync_api.Locator, name: str, text: str) -> None:
    """Drop a file of this computer."""
    files = page.evaluate_handle(
        "([name, text]) => { const data = new DataTransfer();"
        " data.items.add(new File([text], name)); return data; }",
        [name, text],
    )
    for event in ("dragenter", "dragover", "drop"):
        target.dispatch_event(event, {"dataTransfer": files})


def a_board_is_looked_after(page: sync_api.Page, pictures: Path) -> None:
    page.evaluate(
        """() => {
          if (document.querySelector('#jp-left-stack')?.checkVisibility())
            jupyterapp.commands.execute('application:toggle-left-area');
        }"""
    )
    # Another board than before, which has files of its own.
    run(page, "%belay_connect virtual:", "Connected")
    run(page, PREPARED, "prepared now")
    page.evaluate("() => { add('%belay_dashboard'); run(); }")
    panel = page.locator(f"{PANEL} .belay-panel").last
    panel.wait_for()
    page.wait_for_function(
        f"() => [...document.querySelectorAll('{PANEL} .belay-panel')].at(-1).dataset.samples > 2"
    )
    panel.screenshot(path=pictures / "dashboard-overview.png")
    files_are_changed(page, panel, pictures)


def files_are_changed(page: sync_api.Page, panel: sync_api.Locator, pictures: Path) -> None:
    panel.get_by_role("tab", name="Files").click()
    panel.get_by_role("button", name="Upload into /lib").click()
    drop(page, panel.locator(".belay-panel-files"), "dropped.txt", "from here\n")
    panel.get_by_role("button", name="Edit /lib/dropped.txt").wait_for()
    with page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Upload…").click()
    chooser.value.set_files([{"name": "chosen.bin", "mimeType": "", "buffer": b"\0\1\2"}])
    panel.get_by_role("button", name="Edit /lib/chosen.bin").click()
    panel.get_by_text("cannot be edited").wait_for()
    with page.expect_download() as saved:
        panel.locator(".belay-panel-editor").get_by_role("button", name="Download").click()
    assert Path(saved.value.path()).read_bytes() == b"\0\1\2"
    panel.get_by_role("button", name="Edit /lib/driver.py").click()
    area = panel.locator("textarea")
    area.wait_for()
    area.fill(EDITED)
    panel.screenshot(path=pictures / "dashboard.png")
    theme(page, "Dark")
    panel.screenshot(path=pictures / "dashboard-dark.png")
    theme(page, "Light")
    area.press("Control+s")
    panel.get_by_text("saved /lib/driver.py").wait_for()
    panel.get_by_role("button", name="Delete /lib/dropped.txt").click()
    panel.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    panel.get_by_text("deleted /lib/dropped.txt").wait_for()
    # The file had Windows' line ends, and has them still.
    source = (
        "%%device\nprint(os.listdir('/lib'), open('/lib/driver.py', 'rb').read().count(b'\\r\\n'))"
    )
    run(page, source, "['chosen.bin', 'driver.py'] 4")


def a_cell_is_stopped_and_the_board_goes_grey(page: sync_api.Page, pictures: Path) -> None:
    panel = page.locator(f"{PANEL} .belay-panel").last
    run(page, LATER, "armed now")
    panel.locator(".belay-panel-log").get_by_text("<i>tock</i>").wait_for(state="attached")
    run(page, "%%device --bg\nprint('begun' + '!')\nwhile True: pass", "begun!")
    page.locator(f'{PANEL} .belay-panel[data-state="busy"]').last.wait_for()
    panel.get_by_role("button", name="Interrupt").click()
    page.wait_for_function("() => output(cells().at(-1)).includes('stopped')")
    page.locator(f'{PANEL} .belay-panel[data-state="idle"]').last.wait_for()
    panel.get_by_role("tab", name="Log").click()
    panel.screenshot(path=pictures / "dashboard-log.png")
    run(page, "%belay_disconnect", "Closed")
    page.locator(f'{PANEL} .belay-panel[data-state="closed"]').last.wait_for()
    assert panel.get_by_role("button", name="Soft reset").is_disabled()
    panel.screenshot(path=pictures / "dashboard-closed.png")
    panel.get_by_role("button", name="Reconnect").click()
    page.locator(f'{PANEL} .belay-panel[data-state="idle"]').last.wait_for()


def screen(page: sync_api.Page, condition: str, arg: Any = None) -> None:
    """Wait for what stands in the terminal."""
    page.wait_for_function(
        f"arg => {{ const area = [...document.querySelectorAll('{PANEL} .belay-console')].at(-1);"
        " const rows = area?.querySelectorAll('.xterm-rows > div') ?? [];"
        f" const lines = [...rows].map(row => row.textContent.trimEnd()); return {condition}; }}",
        arg=arg,
    )


def the_console_is_typed_into(page: sync_api.Page, pictures: Path) -> None:
    page.evaluate("() => { add('%belay_console'); run(); }")
    console = page.locator(f'{PANEL} .belay-console[data-ready="true"]').last
    console.wait_for()
    screen(page, "lines.some(line => line.startsWith('>>>'))")
    console.locator(".xterm-screen").click()
    page.keyboard.type("1+1\n")
    screen(page, "lines.includes('2')")
    run(page, "%%device\nanswer = 6 * 7\nanswer", "42")
    console.locator(".xterm-screen").click()
    page.keyboard.type("print('\\x1b[32mgreen\\x1b[0m', ans\t)\n")
    screen(page, "lines.some(line => line.startsWith('green'))")
    page.keyboard.type("while True: pass\n\n")
    page.keyboard.press("Control+c")
    screen(page, "lines.some(line => line.startsWith('KeyboardInterrupt'))")
    page.keyboard.press("Control+e")
    screen(page, "lines.at(-1) === '===' || lines.includes('===')")
    page.keyboard.press("Control+c")
    screen(page, "lines.filter(line => line === '>>>').length >= 1")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    screen(page, "lines.filter(line => line.includes('green')).length >= 3")
    console.screenshot(path=pictures / "console.png")
    theme(page, "Dark")
    page.locator(f'{PANEL} .belay-console[data-dark="true"]').last.wait_for()
    console.screenshot(path=pictures / "console-dark.png")
    theme(page, "Light")
    # Half a line stands there, and a cell works all the same.
    run(page, "%%device\nanswer + 1", "43")
    page.keyboard.press("Escape")
