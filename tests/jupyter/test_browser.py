# SPDX-License-Identifier: Apache-2.0
"""Notebooks in JupyterLab, in a real browser, started as `make lab` starts it."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import pytest

from belay_jupyter.kernelspec import install
from tests.jupyter.dashboard_on_screen import (
    a_board_is_looked_after,
    a_cell_is_stopped_and_the_board_goes_grey,
    the_console_is_typed_into,
)
from tests.jupyter.kernels import ROOT
from tests.jupyter.plots_on_screen import a_minute_is_plotted, a_plot_advances
from tests.jupyter.views_on_screen import views_are_touched

if not os.environ.get("CI"):  # there, what is missing is a failure
    pytest.importorskip("jupyterlab", reason="no JupyterLab: `make lab` installs it")
    pytest.importorskip("playwright", reason="no playwright: `make test` installs it")
from playwright import sync_api

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PATIENCE = 120_000  # milliseconds

PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
"""The notebook that is in front."""

POPUP = ".jp-Completer:not(.lm-mod-hidden)"
"""What Tab offers."""

BROWSER_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# What the notebook's code cells show, by their prompt's number or position.
SCRIPT = """
window.notebook = () => window.jupyterapp.shell.currentWidget;
window.kernelReady = () => {
  const kernel = notebook()?.sessionContext?.session?.kernel;
  return kernel?.status === 'idle' && kernel?.connectionStatus === 'connected';
};
window.cells = () => [...notebook().node.querySelectorAll('.jp-CodeCell')];
window.prompt = cell => cell.querySelector('.jp-InputPrompt').textContent.trim();
window.output = cell => cell.querySelector('.jp-Cell-outputArea').textContent;
window.watch = () => {
  window.seen = [];
  new MutationObserver(() => {
    const cell = notebook().content ? cells()[1] : null;
    if (cell) window.seen.push([prompt(cell), output(cell)]);
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
};
window.open_ = path => { jupyterapp.commands.execute('docmanager:open', {path}); };
// One more cell at the end, with the cursor behind what is in it.
window.add = source => {
  const content = notebook().content;
  content.model.sharedModel.addCell({cell_type: 'code', source});
  content.activeCellIndex = content.widgets.length - 1;
};
window.type = () => {
  const content = notebook().content;
  content.mode = 'edit';
  const editor = content.activeCell.editor;
  editor.focus();
  editor.setCursorPosition(editor.getPositionAt(content.activeCell.model.sharedModel.source.length));
};
window.run = () => { jupyterapp.commands.execute('notebook:run-cell'); };
"""


@dataclass
class Lab:
    url: str
    token: str


def lab_command(*arguments: str) -> list[str]:
    """The command line of `make lab`, with what it takes from ARGS."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    match = re.search(r"^lab:.*\n\t@?(.+)$", makefile, re.MULTILINE)
    assert match
    recipe = match[1].replace("$(BIN)", shlex.quote(str(Path(sys.executable).parent)))
    return shlex.split(recipe.replace("$(ARGS)", shlex.join(arguments)))


@pytest.fixture
def lab(tmp_path: Path, chromium: str) -> Iterator[Lab]:
    """A JupyterLab without the user's settings; nothing is saved, nothing leaves the machine."""
    settings = tmp_path / "settings" / "@jupyterlab"
    for name, text in {
        "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
        "docmanager-extension/plugin": '{"autosave": false}',
        "notebook-extension/tracker": '{"windowingMode": "none"}',
        # Usually a second; on a machine that does ten things at once that is not much.
        "completer-extension/manager": '{"providerTimeout": 60000}',
    }.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    env = {
        **os.environ,
        **{f"JUPYTER_{name}": str(tmp_path / name.lower()) for name in names},
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    env.pop("BELAY_DEVICE", None)
    install(prefix=str(tmp_path / "prefix"))
    env["JUPYTER_PATH"] = str(tmp_path / "prefix" / "share" / "jupyter")
    token = secrets.token_hex(16)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = lab_command(
        "--no-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",
        # Opening a notebook makes a checkpoint, beside it unless told otherwise.
        f"--AsyncFileCheckpoints.checkpoint_dir={tmp_path / 'checkpoints'}",
        *(["--allow-root"] if os.geteuid() == 0 else []),
    )
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    log: list[str] = []
    started: Queue[bool] = Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            log.append(line)
            if "is running at" in line:
                started.put(True)
        started.put(False)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert started.get(timeout=PATIENCE / 1000), "".join(log)
        yield Lab(f"http://127.0.0.1:{port}/lab/tree/01-first-board.ipynb", token)
    finally:
        process.terminate()
        process.wait()
        reader.join()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def page(lab: Lab, chromium: str) -> Iterator[sync_api.Page]:
    """The first notebook, open, with a kernel that is ready."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER_OPTIONS)
        page = browser.new_page(viewport={"width": 850, "height": 1700}, color_scheme="light")
        page.set_default_timeout(PATIENCE)
        page.add_init_script(SCRIPT)
        page.goto(f"{lab.url}?token={lab.token}")
        page.wait_for_function("() => window.jupyterapp && kernelReady()")
        yield page
        browser.close()


def text_of(page: sync_api.Page, number: int) -> str:
    """What the code cell with this index shows below its input."""
    text: str = page.evaluate("n => output(cells().at(n))", number)
    return text


def run_all(page: sync_api.Page) -> None:
    # In braces: the promise that the command returns would never settle.
    page.evaluate("() => { watch(); jupyterapp.commands.execute('notebook:run-all-cells'); }")


def test_notebooks(page: sync_api.Page, tmp_path: Path) -> None:
    # One test: starting JupyterLab and loading the page takes longer than all of this.
    # BELAY_PICTURES says where to keep what is to be looked at.
    pictures = Path(os.environ.get("BELAY_PICTURES") or tmp_path)
    everything_runs(page)
    take_picture(page, pictures / "first-notebook.png", 6)
    the_stop_button_stops_the_board(page)
    a_plot_advances(page, pictures, tmp_path)
    views_are_touched(page, pictures)
    a_board_is_looked_after(page, pictures)
    a_cell_is_stopped_and_the_board_goes_grey(page, pictures)
    the_console_is_typed_into(page, pictures)
    no_hurry(page, "")
    tab_asks_the_board(page, "%%device\n")
    take_popup(page, pictures / "completion.png")
    shift_tab_asks_the_board(page, "%%device\n")
    the_board_asks_the_reader(page, "%%device\n")

    the_kernel_runs_everything(page)
    take_picture(page, pictures / "kernel.png", 5)
    the_stop_button_stops_the_kernel(page)
    no_hurry(page, "%%host\n")
    tab_asks_the_board(page, "")
    shift_tab_asks_the_board(page, "")
    the_board_asks_the_reader(page, "")


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_minute_of_samples_reaches_the_screen(page: sync_api.Page) -> None:
    """2,000 samples a second of 3 channels for 60 s: none missing, and never a slide show."""
    connect = "%load_ext belay_jupyter\n%belay_connect virtual:"
    page.evaluate("source => { add(source); run(); }", connect)
    page.wait_for_function("() => output(cells().at(-1)).includes('Connected')")
    frames = a_minute_is_plotted(page)
    print(f"\n{min(frames)} to {max(frames)} pictures in each of {len(frames)} seconds")
    assert sum(frames) / len(frames) >= 15
    assert min(frames) >= 3


def test_the_bench(page: sync_api.Page, tmp_path: Path) -> None:
    """The fifth notebook: the board as a picture that follows it, sliders and buttons that work."""
    pictures = Path(os.environ.get("BELAY_PICTURES") or tmp_path)
    page.evaluate("open_('05-no-hardware.ipynb')")
    page.wait_for_function(
        "() => notebook()?.context?.path.endsWith('05-no-hardware.ipynb') && kernelReady()"
    )
    run_all(page)
    page.wait_for_function("() => cells().at(-1) && /\\[\\d+\\]/.test(prompt(cells().at(-1)))")
    picture = page.locator(f"{PANEL} .jp-CodeCell").nth(1).locator(".jp-RenderedSVG img")
    picture.wait_for()
    assert page.locator(f"{PANEL} .widget-slider").count() >= 6
    page.locator(f"{PANEL} .widget-button", has_text="press").click()
    picture_says(page, "pressed: True")
    slider = page.locator(f"{PANEL} .widget-slider", has_text="temperature")
    number = slider.locator(".widget-readout")
    number.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("33")
    page.keyboard.press("Enter")
    picture_says(page, "temperature: 33")
    picture.scroll_into_view_if_needed()
    page.screenshot(path=str(pictures / "bench.png"))


def picture_says(page: sync_api.Page, text: str) -> None:
    """Wait until the picture of the bench has a text in it."""
    page.wait_for_function(
        "text => decodeURIComponent("
        "notebook().node.querySelector('.jp-RenderedSVG img').src).includes(text)",
        arg=text,
    )


def everything_runs(page: sync_api.Page) -> None:
    run_all(page)
    # An error that the notebook expects does not stop it: the last cell runs too.
    page.wait_for_function("() => cells().at(-1) && /\\[\\d+\\]/.test(prompt(cells().at(-1)))")

    live = [text for prompt, text in page.evaluate("() => window.seen") if prompt == "[*]:"]
    assert any("tick 0" in text and "tick 4" not in text for text in live)

    assert "Connected to MicroPython" in text_of(page, 0)
    ticks = text_of(page, 1)
    assert all(f"tick {i}\n" in ticks for i in range(5))
    assert ticks.endswith("1")
    assert "27.0" in text_of(page, 3)
    assert "80.6" in text_of(page, 4)
    error = text_of(page, 5)
    assert re.search(r"Cell In\[6\], line 2\s", error)
    assert "----> 2 average(0)" in error
    assert "ZeroDivisionError: divide by zero" in error
    assert "on the second board" in text_of(page, 6)


def take_picture(page: sync_api.Page, path: Path, cells: int) -> None:
    """The notebook from its top down to the end of the code cell with this number."""
    page.evaluate(
        """() => {
          if (document.querySelector('#jp-left-stack')?.checkVisibility())
            jupyterapp.commands.execute('application:toggle-left-area');
          notebook().content.activeCellIndex = notebook().content.widgets.length - 1;
          notebook().node.querySelector('.jp-WindowedPanel-outer').scrollTop = 0;
        }"""
    )
    page.wait_for_function("() => !document.querySelector('#jp-left-stack')?.checkVisibility()")
    page.wait_for_function("() => cells()[0].getBoundingClientRect().top > 0")
    panel = page.locator(PANEL)
    area = panel.locator(".jp-NotebookPanel-notebook").bounding_box()
    last = panel.locator(".jp-CodeCell").nth(cells - 1).bounding_box()
    assert area is not None
    assert last is not None
    area["height"] = last["y"] + last["height"] + 4 - area["y"]
    page.screenshot(path=path, clip=area)
    assert path.stat().st_size > 20_000


def no_hurry(page: sync_api.Page, magic: str) -> None:
    """However busy this machine is: an idle board answers when Tab is pressed."""
    source = f"{magic}import belay_jupyter.knowledge as known\nknown.PATIENCE = 60\n'set'"
    page.evaluate("source => { add(source); run(); }", source)
    page.wait_for_function("() => output(cells().at(-1)).includes('set')")


def tab_asks_the_board(page: sync_api.Page, magic: str) -> None:
    page.evaluate(
        "source => { add(source); run(); }",
        f"{magic}from machine import Pin\nled = Pin(25, Pin.OUT)\n'made'",
    )
    page.wait_for_function("() => output(cells().at(-1)).includes('made')")
    page.evaluate("source => add(source)", f"{magic}led.")
    page.evaluate("() => type()")
    page.wait_for_selector(f"{PANEL} .jp-mod-active.jp-Cell .jp-mod-completer-enabled")
    page.keyboard.press("Tab")
    item = page.locator(f"{POPUP} .jp-Completer-item", has_text="toggle")
    item.wait_for()
    assert "function" in item.inner_text()
    offered = page.locator(f"{POPUP} .jp-Completer-match").all_inner_texts()
    assert {"value", "toggle", "OUT"} <= set(offered)
    assert not {"print", "import", "json"} & set(offered)


def take_popup(page: sync_api.Page, path: Path) -> None:
    """The last cell with what has popped up below it."""
    cell = page.locator(f"{PANEL} .jp-mod-active.jp-Cell").bounding_box()
    popup = page.locator(POPUP).bounding_box()
    assert cell is not None
    assert popup is not None
    bottom = max(cell["y"] + cell["height"], popup["y"] + popup["height"])
    top = min(cell["y"], popup["y"])
    clip = {"x": cell["x"], "y": top - 4, "width": 560, "height": bottom - top + 12}
    page.screenshot(path=path, clip=clip)  # type: ignore[arg-type]


def shift_tab_asks_the_board(page: sync_api.Page, magic: str) -> None:
    page.keyboard.press("Escape")
    page.evaluate(
        "source => { add(source); run(); }",
        f"{magic}def blink(times, *, pause=0.1):\n    'Blinks some times.'\n'defined'",
    )
    page.wait_for_function("() => output(cells().at(-1)).includes('defined')")
    page.evaluate("source => add(source)", f"{magic}blink(")
    page.evaluate("() => type()")
    page.keyboard.press("Shift+Tab")
    tooltip = page.locator(".jp-Tooltip")
    tooltip.wait_for()
    assert "blink(times, *, pause=0.1)" in tooltip.inner_text()
    assert "Blinks some times." in tooltip.inner_text()
    page.keyboard.press("Escape")
    tooltip.wait_for(state="detached")


def the_board_asks_the_reader(page: sync_api.Page, magic: str) -> None:
    page.evaluate(
        "source => { add(source); run(); }", f"{magic}name = input('name? ')\nprint('hello', name)"
    )
    box = page.locator(f"{PANEL} input.jp-Stdin-input")
    box.wait_for()
    box.fill("Ada")
    box.press("Enter")
    page.wait_for_function("() => output(cells().at(-1)).includes('hello Ada')")


def the_kernel_runs_everything(page: sync_api.Page) -> None:
    page.evaluate("() => open_('04-kernel.ipynb')")
    page.wait_for_function(
        "() => notebook()?.context?.path === '04-kernel.ipynb' && kernelReady() && cells().length"
    )
    assert (
        "MicroPython via Belay"
        in page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Toolbar-kernelName").inner_text()
    )
    run_all(page)
    page.wait_for_function("() => /\\[\\d+\\]/.test(prompt(cells().at(-1)))")
    live = [text for prompt, text in page.evaluate("() => window.seen") if prompt == "[*]:"]
    assert any("tick 0" in text and "tick 4" not in text for text in live)
    assert "Connected to MicroPython" in text_of(page, 0)
    assert text_of(page, 1).endswith("'micropython'")
    assert "this computer runs CPython" in text_of(page, 2)
    error = text_of(page, 4)
    assert re.search(r"Cell In\[5\], line 1\s", error)
    assert "----> 2     return sum(values) / len(values)" in error
    assert "Closed virtual:" in text_of(page, 9)


def the_stop_button_stops_the_kernel(page: sync_api.Page) -> None:
    page.evaluate("() => { add('%belay_connect virtual:'); run(); }")
    page.wait_for_function("() => output(cells().at(-1)).includes('Connected')")
    source = "print('spin', 'ning')\nwhile True: pass"
    page.evaluate("source => { add(source); run(); }", source)
    page.wait_for_function("() => output(cells().at(-1)).includes('spin ning')")
    stop(page)
    page.wait_for_function("() => output(cells().at(-1)).includes('KeyboardInterrupt')")
    assert "----> 2 while True: pass" in text_of(page, -1)


def stop(page: sync_api.Page) -> None:
    panel = page.locator(PANEL)
    panel.locator('.jp-Toolbar [data-command="notebook:interrupt-kernel"]').click()


def the_stop_button_stops_the_board(page: sync_api.Page) -> None:
    source = "%%device\\nprint('spin', 'ning')\\nwhile True: pass"
    page.evaluate(
        f"""() => {{
          const model = notebook().content.model.sharedModel;
          while (model.cells.length > 2) model.deleteCell(2);
          model.addCell({{cell_type: 'code', source: "{source}"}});
          model.addCell({{cell_type: 'code', source: "%%device\\n6 * 7"}});
        }}"""
    )
    run_all(page)
    # The cell cannot end: what it shows now, it shows while it runs.
    # The prompt too, for it still shows the run before.
    page.wait_for_function(
        "() => output(cells()[1]).includes('spin ning') && prompt(cells()[1]) === '[*]:'"
    )
    stop(page)
    page.wait_for_function("() => output(cells()[1]).includes('the board was stopped')")
    assert "----> 3 while True: pass" in text_of(page, 1)
    assert text_of(page, 2) == ""  # Run All has ended there
    page.evaluate(
        "() => { notebook().content.activeCellIndex = 3; "
        "jupyterapp.commands.execute('notebook:run-cell'); }"
    )
    page.wait_for_function("() => output(cells()[2]).includes('42')")
