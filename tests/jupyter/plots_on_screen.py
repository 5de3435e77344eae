# SPDX-License-Identifier: Apache-2.0
"""What somebody sees and does who plots in JupyterLab; steps of tests/jupyter/test_browser.py."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path
from typing import Any

from playwright import sync_api

PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"

PROGRAM = """\
%%device
import belay, math, time
def measure(count):
    due = time.ticks_us()
    for n in range(count):
        belay.emit('imu', (n, n % 500, round(250 + 150 * math.sin(n / 90)), 100))
        due = time.ticks_add(due, 500)
        while time.ticks_diff(due, time.ticks_us()) > 0:
            time.sleep_us(50)
'defined'
"""

MINUTE = """\
%%device
import belay, time
def minute():
    due = time.ticks_us()
    for n in range(120_000):
        belay.emit('imu', (n, n % 500, -n % 300, 100))
        due = time.ticks_add(due, 500)
        left = time.ticks_diff(due, time.ticks_us())
        if left > 0:
            time.sleep_us(left)
'defined'
"""

PLOT = """\
import belay_jupyter
imu = belay_jupyter.plot(
    belay_jupyter.get_device().events('imu', maxlen=100_000),
    sequence=0, labels=['n', 'saw', '<i>sine</i>', 'flat'], window=1, title='IMU'
)
imu
"""


def run(page: sync_api.Page, source: str, until: str) -> None:
    """Run a cell at the end; until its output shows a text that its source does not."""
    page.evaluate("source => { add(source); run(); }", source)
    page.wait_for_function("text => output(cells().at(-1)).includes(text)", arg=until)


def data_of(plot: sync_api.Locator) -> dict[str, str]:
    data: dict[str, str] = plot.evaluate("node => ({...node.dataset})")
    return data


def wait_for(page: sync_api.Page, condition: str, arg: Any = None) -> None:
    page.wait_for_function(
        f"arg => {{ const plot = [...document.querySelectorAll('{PANEL} .belay-plot')].at(-1);"
        f" const data = plot?.dataset ?? {{}}; return {condition}; }}",
        arg=arg,
    )


def a_plot_advances(page: sync_api.Page, pictures: Path, tmp_path: Path) -> None:
    page.evaluate(
        """() => {
          if (document.querySelector('#jp-left-stack')?.checkVisibility())
            jupyterapp.commands.execute('application:toggle-left-area');
        }"""
    )
    run(page, PROGRAM, "defined")
    page.evaluate("source => { add(source); run(); }", PLOT)
    plot = page.locator(f"{PANEL} .belay-plot").last
    plot.wait_for()
    page.evaluate("source => { add(source); run(); }", "%%device\nmeasure(6000)\n'sent ' + 'all'")
    # It moves while the cell runs: several pictures before the cell's end is seen.
    wait_for(page, "data.frames > 5 && data.rows > 200")
    assert "all" not in page.evaluate("() => output(cells().at(-1))")
    wait_for(page, "data.rows == 6000")
    page.wait_for_function("() => output(cells().at(-1)).includes('sent all')")
    assert int(data_of(plot)["frames"]) > 10
    run(page, "imu.stop()\nf'{imu.samples} came, {imu.lost} lost'", "6000 came, 0 lost")
    wait_for(page, "data.state === 'ended' && data.rows == 6000")
    plot = page.locator(f"{PANEL} .belay-plot").last
    # Text of a board, or of the user, is text.
    assert plot.locator("i").count() == 0
    names = plot.locator(".belay-plot-channel").all_inner_texts()
    assert [name.split("\n")[0] for name in names] == ["saw", "<i>sine</i>", "flat"]
    the_plot_is_used(page, plot, tmp_path)
    plot.screenshot(path=pictures / "live-plot.png")
    hidden_for_a_frame(page, plot)
    dark(page, plot, pictures)


def a_minute_is_plotted(page: sync_api.Page) -> list[int]:
    """The pictures that the page has drawn in each second of a minute of samples."""
    run(page, MINUTE, "defined")
    page.evaluate("source => { add(source); run(); }", PLOT)
    plot = page.locator(f"{PANEL} .belay-plot").last
    plot.wait_for()
    page.evaluate("source => { add(source); run(); }", "%%device\nminute()\n'sent ' + 'all'")
    wait_for(page, "data.rows > 2000")
    counted: list[int] = page.evaluate(
        """panel => new Promise(done => {
          const plot = [...document.querySelectorAll(`${panel} .belay-plot`)].at(-1);
          const frames = [+plot.dataset.frames];
          const timer = setInterval(() => {
            frames.push(+plot.dataset.frames);
            if (+plot.dataset.rows >= 116000) { clearInterval(timer); done(frames); }
          }, 1000);
        })""",
        PANEL,
    )
    page.wait_for_function("() => output(cells().at(-1)).includes('sent all')")
    run(page, "imu.stop()\nf'{imu.samples} came, {imu.lost} lost'", "120000 came, 0 lost")
    wait_for(page, "data.rows == 120000")
    return [after - before for before, after in itertools.pairwise(counted)]


def the_plot_is_used(page: sync_api.Page, plot: sync_api.Locator, tmp_path: Path) -> None:
    """By keyboard and by pointer: zoom, pan, cursor, channels; and saved."""
    canvas = plot.locator("canvas")
    canvas.focus()

    def width() -> float:
        data = data_of(plot)
        return float(data["right"]) - float(data["left"])

    before = width()
    page.keyboard.press("+")
    wait_for(page, "data.right - data.left < arg * 0.9", before)
    left = float(data_of(plot)["left"])
    page.keyboard.press("ArrowLeft")
    wait_for(page, "data.left < arg - 1e-3", left)
    page.keyboard.press("Shift+ArrowRight")
    plot.locator(".belay-plot-value", has_text="at ").wait_for()
    page.keyboard.press("0")
    wait_for(page, "Math.abs(data.right - data.left - arg) < 1e-3", before)

    box = canvas.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=4)
    page.mouse.up()
    wait_for(page, "data.right - data.left < arg * 0.5", before)
    plot.get_by_role("button", name="All").click()
    wait_for(page, "data.right - data.left > arg * 2", before)
    shown = plot.locator(".belay-plot-channel", has_text="flat")
    shown.click()
    assert shown.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Enter")
    assert shown.get_attribute("aria-pressed") == "true"

    with page.expect_download() as saved:
        plot.get_by_role("button", name="CSV").click()
    path = tmp_path / saved.value.suggested_filename
    saved.value.save_as(path)
    assert path.name == "IMU.csv"
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["seconds", "n", "saw", "<i>sine</i>", "flat"]
    assert [int(float(row[1])) for row in rows[1:]] == list(range(6000))
    with page.expect_download() as saved:
        plot.get_by_role("button", name="PNG").click()
    saved.value.save_as(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"


def hidden_for_a_frame(page: sync_api.Page, plot: sync_api.Locator) -> None:
    """As JupyterLab does to all of the page when its theme changes, with a picture due then."""
    before = int(data_of(plot)["frames"])
    plot.evaluate(
        """async plot => {
          const frame = () => new Promise(requestAnimationFrame);
          await frame();
          await new Promise(setTimeout);  // else what is due would be of the frame after the next
          plot.querySelector('canvas').dispatchEvent(new PointerEvent('pointermove'));
          plot.style.display = 'none';
          await frame();
          plot.style.display = '';
        }"""
    )
    wait_for(page, "data.frames > arg", before)


def dark(page: sync_api.Page, plot: sync_api.Locator, pictures: Path) -> None:
    """In a dark theme the plot's colours are those for dark ground."""
    assert data_of(plot)["dark"] == "false"
    theme = "theme => { jupyterapp.commands.execute('apputils:change-theme', {theme}); }"
    page.evaluate(theme, "JupyterLab Dark")
    wait_for(page, "data.dark === 'true'")
    plot.screenshot(path=pictures / "live-plot-dark.png")
    page.evaluate(theme, "JupyterLab Light")
    wait_for(page, "data.dark === 'false'")
