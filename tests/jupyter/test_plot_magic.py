# SPDX-License-Identifier: Apache-2.0
"""``%belay_plot``, and what a notebook with plots holds; in a real kernel, with a real board."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests.jupyter.kernels import Kernel, Reply, ThisPython

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module", autouse=True)
def ready(kernel: Kernel) -> None:
    kernel.good("%%device\nx = 3")


def pictures(reply: Reply) -> list[dict[str, Any]]:
    """What a cell has displayed, and what took its place."""
    return [one["data"] for one in reply.of("display_data") + reply.of("update_display_data")]


def test_an_expression_is_asked_for(kernel: Kernel) -> None:
    reply = kernel.good("figure = %belay_plot x, x * 2 --every 0.01 --title 'a & b'\nfigure")
    (shown,) = pictures(reply)
    assert VIEW in shown
    assert "<LivePlot of" in shown["text/plain"]
    ET.fromstring(shown["image/svg+xml"])
    kernel.good(
        "import threading\nwhile figure.samples < 20: threading.Event().wait(0.01)\nfigure.stop()"
    )
    assert kernel.good("figure.series[0].channels").result == "['x', 'x * 2']"
    assert kernel.good("figure.arrays()['x * 2'][1][0]").result in ("6.0", "np.float64(6.0)")
    assert kernel.good("figure.errors").result == "[]"


@pytest.mark.parametrize(
    ("line", "channels"),
    [
        ("--every 0.01 --seconds 0.1 x", "['x']"),
        ("x - -x --every 0.01 --seconds=0.1", "['x - -x']"),
        ("-t board x --every 0.01 --seconds 0.1", "['x']"),
        ("x --every 0.01 -t board --seconds 0.1", "['x']"),
        ("x --labels here --every 0.01 --seconds 0.1", "['here']"),
    ],
)
def test_options_before_and_behind_an_expression(kernel: Kernel, line: str, channels: str) -> None:
    kernel.good(f"figure = %belay_plot {line}\nfigure.wait()")
    assert kernel.good("figure.errors or figure.series[0].channels").result == channels


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "what? Such as: %belay_plot adc.read_u16()"),
        ("1 +", "is no expression"),
        ("x --every 0", "every=0.0: it must be a number of seconds"),
        ("-t nobody x", "no board is called 'nobody'"),
    ],
)
def test_mistakes_are_told(kernel: Kernel, line: str, error: str) -> None:
    assert error in kernel.run(f"%belay_plot {line}").traceback_or_text


def test_the_tuples_that_a_cell_prints(kernel: Kernel) -> None:
    cell = (
        "%%belay_plot --labels a,b\n"
        + "print('go')\nfor i in range(50): print((i, 2 * i))\nprint('end')"
    )
    reply = kernel.good(cell)
    assert reply.stdout == "go\nend\n"
    first, *_, last = pictures(reply)
    assert "nothing yet" in first["text/plain"]
    assert last["text/plain"] == "<LivePlot of a, b: 50 samples (ended)>"
    assert last["image/svg+xml"].count("<polyline") == 2
    # Nobody looks at the widget: a reader of the notebook gets the picture in its place.
    assert VIEW in first
    assert VIEW not in last
    assert "(1, 2)\n" in kernel.good("%%belay_plot --echo\nprint((1, 2))").stdout


def test_a_cell_that_fails_keeps_what_it_has_printed(kernel: Kernel) -> None:
    reply = kernel.run("%%belay_plot\nprint((1, 2))\nmissing")
    assert "----> 3 missing" in reply.error
    assert "1 samples (ended)" in pictures(reply)[-1]["text/plain"]


def test_a_cell_that_plots_is_stopped_as_any_other(kernel: Kernel) -> None:
    cell = "%%belay_plot\nprint((1, 2))\nprint('ready')\nwhile True: pass"
    reply = kernel.run_and_interrupt(cell, "ready")
    assert "KeyboardInterrupt" in reply.error
    assert kernel.good("%device x").result == "3"


def test_nbconvert_shows_the_picture() -> None:
    """Executed without a browser, a notebook holds the last picture; HTML made of it shows it."""
    cells = [
        "%load_ext belay_jupyter\n%belay_connect virtual:",
        "import belay_jupyter\n"
        "figure = belay_jupyter.plot(belay_jupyter.get_device().events('level'), title='<level>')\n"
        "figure",
        "%%device\nimport belay\nfor i in range(100): belay.emit('level', i)",
        "while figure.samples < 100: figure.wait(0.05)\nfigure.stop()",
    ]
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(content, kernel_manager_class=ThisPython).execute()
    (output,) = content.cells[1].outputs
    assert set(output.data) == {"text/plain", "image/svg+xml"}
    page, _ = HTMLExporter().from_notebook_node(content)
    assert "<polyline" in page
    assert "&lt;level&gt;" in page
    assert f'<script type="{VIEW}">' not in page
