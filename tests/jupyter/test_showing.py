# SPDX-License-Identifier: Apache-2.0
"""A proxy as the value of a cell, in a real kernel: its view, and what a reader sees of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests.jupyter.kernels import Kernel, Reply, ThisPython

VIEW = "application/vnd.jupyter.widget-view+json"

OBJECTS = (
    "%%device\nfrom machine import Pin\nled = Pin(25, Pin.OUT)\nsettings = {'<b>': [1, 2]}\n"
    "class Thing:\n    def _repr_html_(self):\n        return 'mine'\nthing = Thing()"
)


@pytest.fixture(autouse=True)
def objects(kernel: Kernel) -> Iterator[None]:
    kernel.good(OBJECTS)
    kernel.good("import belay_jupyter\nboard = belay_jupyter.get_device()")
    yield
    kernel.run("%config BelayMagics.views = True")


def shown(reply: Reply) -> dict[str, Any]:
    (result,) = reply.of("execute_result")
    data: dict[str, Any] = result["data"]
    return data


def attended(kernel: Kernel, code: str) -> Reply:
    """As in a page: there is somebody to ask."""
    return kernel.run(code, on_input=lambda _: "")


@pytest.mark.parametrize(
    ("code", "text", "html"),
    [
        ("%%device\nled", "machine.Pin at virtual:", "low (0)"),
        ("board.proxy('led')", "at virtual:, led>", "low (0)"),
        ("board.proxy('settings')", "at virtual:, settings>", "&lt;b&gt;"),
        ("board.proxy('thing')", "at virtual:, thing>", "Thing"),
        ("board.proxy('Pin')", "at virtual:, Pin>", "function"),
    ],
)
def test_a_proxy_shows_its_view(kernel: Kernel, code: str, text: str, html: str) -> None:
    data = shown(attended(kernel, code))
    assert set(data) == {"text/plain", "text/html", VIEW}
    assert data["text/plain"].startswith("<ProxyObject")
    assert text in data["text/plain"]
    assert "\n" not in data["text/plain"]
    assert html in data["text/html"]
    # Where nobody looks, a widget would hide what is beside it.
    assert set(shown(kernel.run(code))) == {"text/plain", "text/html"}


def test_one_view_for_one_proxy(kernel: Kernel) -> None:
    one = shown(attended(kernel, "led = board.proxy('led')\nled"))
    kernel.good("led.on()")
    other = shown(attended(kernel, "led"))
    assert other[VIEW] == one[VIEW]
    assert ("low (0)" in one["text/html"], "high (1)" in other["text/html"]) == (True, True)
    displayed = attended(kernel, "display(led)").of("display_data")[0]["data"]
    assert displayed[VIEW] == one[VIEW]


def test_the_value_of_a_cell_in_the_background(kernel: Kernel) -> None:
    shown = kernel.good("%%device --bg\nled").of("display_data")  # before the cell has ended
    while not shown:
        message = kernel.client.get_iopub_msg(timeout=60)
        assert message["msg_type"] != "stream", message["content"]
        shown = [message["content"]] * (message["msg_type"] == "display_data")
    assert re.search(r"low \(0\)|high \(1\)", shown[0]["data"]["text/html"])


def test_lines_of_text_stay_lines(kernel: Kernel) -> None:
    assert kernel.good("print(repr(board.proxy('led')))").stdout.startswith("<ProxyObject at")
    assert set(shown(attended(kernel, "[board.proxy('led')]"))) == {"text/plain"}
    assert set(shown(attended(kernel, "board.proxy('led').on"))) == {"text/plain"}  # a method
    kernel.good("%config BelayMagics.views = False")
    assert set(shown(attended(kernel, "board.proxy('led')"))) == {"text/plain"}


def test_a_view_of_ones_own_that_raises(kernel: Kernel) -> None:
    kernel.good(
        "def broken(proxy, every, **options):\n    1 / 0\n"
        "belay_jupyter.register_view('Thing', broken)"
    )
    reply = attended(kernel, "board.proxy('thing')")
    assert shown(reply)["text/plain"].endswith("thing> (division by zero)")
    assert reply.stderr == ""


def test_a_board_that_is_busy_closed_or_reset(kernel: Kernel) -> None:
    kernel.good(
        "proxy = board('[1]', proxy=True)\nnamed = board.proxy('led')\n"
        "import threading\nbegun = threading.Event()\n"
        "class Seen:\n    def write(self, text): begun.set()\n"
        "def run():\n"
        "    try: board('print(1)\\nwhile True: pass', stream_out=Seen())\n"
        "    except KeyboardInterrupt: pass\n"
        "thread = threading.Thread(target=run)\nthread.start()\nbegun.wait()"
    )
    for name in ("proxy", "named"):
        data = shown(attended(kernel, name))
        assert set(data) == {"text/plain"}
        assert data["text/plain"].endswith("(busy: the board runs something else)")
    kernel.good("while thread.is_alive():\n    board.interrupt()\n    thread.join(0.2)")
    assert VIEW in shown(attended(kernel, "named"))
    kernel.good("board.soft_reset()")
    assert "and the object" in shown(attended(kernel, "proxy"))["text/plain"]
    # A name may be there again; it is not.
    assert "NameError" in shown(attended(kernel, "named"))["text/plain"]
    kernel.good("%belay_connect virtual: --name other")
    kernel.good("other = belay_jupyter.get_device('other')\nother('y = [1]')\ny = other.proxy('y')")
    kernel.good("%belay_disconnect other")
    reply = attended(kernel, "y")
    assert "closed" in shown(reply)["text/plain"]
    assert (reply.status, reply.stderr) == ("ok", "")


def test_unloading_leaves_a_line_of_text(kernel: Kernel) -> None:
    kernel.good("import belay\nboard = belay.Device('virtual:')\nboard('x = [1]')")
    assert VIEW in shown(attended(kernel, "board.proxy('x')"))
    kernel.good("%unload_ext belay_jupyter")
    assert set(shown(attended(kernel, "board.proxy('x')"))) == {"text/plain"}
    kernel.good("board.close()\n%load_ext belay_jupyter\n%belay_connect virtual:")


def test_nbconvert_shows_views_without_a_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Executed without a browser, a notebook holds what the views showed; and so does its HTML."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    cells = [
        "%load_ext belay_jupyter\n%belay_connect virtual:",
        "%%device\nfrom machine import I2C, Pin\nfrom neopixel import NeoPixel\nimport framebuf\n"
        "led, bus, lights = Pin(25, Pin.OUT), I2C(0), NeoPixel(Pin(28), 2)\n"
        "lights[1] = (255, 0, 4)\nscreen = framebuf.FrameBuffer(bytearray(8), 8, 8, 0)\nled",
        "import belay_jupyter\nboard = belay_jupyter.get_device()\nboard.proxy('bus')",
        "belay_jupyter.view(board.proxy('lights'))",
        "belay_jupyter.view(board.proxy('screen'), width=8, height=8, format=0)",
    ]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    NotebookClient(notebook, kernel_manager_class=ThisPython).execute()
    for cell in notebook.cells[1:]:
        assert set(cell.outputs[-1].data) == {"text/plain", "text/html"}
    assert notebook.metadata.widgets  # which is why the widgets must not be there
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert f'<script type="{VIEW}">' not in page
    for seen in ("low (0)", "<b>76</b>", 'fill="#ff0004"', "data:image/png;base64,"):
        assert seen in page
