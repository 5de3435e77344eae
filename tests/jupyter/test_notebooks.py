# SPDX-License-Identifier: Apache-2.0
"""The notebooks that people open first, and the command that runs them in a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.jupyter.kernels import PATIENCE, ROOT
from tests.jupyter.played import compare, outputs, settled

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIRST = ROOT / "notebooks" / "01-first-board.ipynb"


def demo(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "belay_jupyter", "demo", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONIOENCODING": "utf-8",
            **env,
        },
    )


def write(path: Path, *cells: str) -> str:
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    path.write_text(nbformat.writes(content))
    return str(path)


LINES = {"07-live-plot": 8}
"""Lines in the plots of a notebook."""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_trace_of_the_machine_it_was_written_on(path: Path) -> None:
    """No outputs: they would differ from run to run, and hide what a reader gets himself."""
    text = path.read_text(encoding="utf-8")
    nbformat.validate(json.loads(text))
    cells: list[dict[str, Any]] = json.loads(text)["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert not re.search(r"/(home|root|tmp|work)/|[A-Z]:\\\\|Users", text)


EXPECTED = {
    "01-first-board": [
        "# A first board",
        "%belay_connect virtual:",
        "Connected to MicroPython ",
        "    led.toggle()",
        *(f"tick {i}\n" for i in range(5)),
        "Out[2]: 1\n",
        "Out[5]: 80.6\n",
        "----> 2 average(0)",
        "in average\n",
        "ZeroDivisionError: divide by zero",
        "on the second board\nOut[7]: {",
        "Out[8]: 0.3333333333333333",
        "9 cells, 1 of which fails on purpose",
        "make lab",
    ],
    "02-two-boards": [
        "*  outdoors  MicroPython ",
        "[indoors]  reading 2\n",
        "Out[2]: {'indoors': ",
        "20 of 20 are below ",
        "Out[6]: 20\n",
        "Out[7]: True\n",
        "On outdoors:\n",
        "----> 2 limit > 0",
        "NameError: name 'limit' isn't defined",
        "the cell failed on 1 of 2 boards",
        "runs on outdoors",
        "Out[11]: 'done'\n",
        "Out[12]: 'hello, board'\n",
        "13 cells, 1 of which fails on purpose",
    ],
    "03-debugging-a-driver": [
        "Out[2]: ['0x50', '0x76']\n",
        "Out[3]: '0x60'\n",
        "0xf4  ctrl_meas  00000000\n",
        "----> 2 sensor = BME280(bus)",
        "Cell In[5], line 9, in __init__\n",
        "---> 14         return self.bus.readfrom_mem(",
        "OSError: [Errno 5] EIO",
        "Out[7]: 26.",
        "Out[8]: <ProxyObject BME280 at virtual:?seed=7, ",
        "Out[9]: ([27213, 25881, 64527], b'",
        "Out[10]: (27213, 25881, -1009)\n",
        "Out[11]: 22.",
        "Out[12]: 22.",
        "16 of 16\n",
        "22.",
        " °C  ####",
        "15 cells, 1 of which fails on purpose",
    ],
    "06-touch-the-board": [
        "<PinView of <ProxyObject machine.Pin at virtual:, led>>",
        "<PWMView of <ProxyObject machine.PWM at virtual:, motor>>",
        "<ADCView of <ProxyObject machine.ADC at virtual:, knob>>",
        "<I2CView of <ProxyObject machine.I2C at virtual:, bus>>",
        "Out[7]: <ProxyObject neopixel.NeoPixel at virtual:, lights>\n",
        "<ContainerView of <ProxyObject dict at virtual:, settings>>",
        "<TreeView of <ProxyObject Tank at virtual:, tank>>",
        "<TankView of <ProxyObject Tank at virtual:, tank>>",
        "Out[12]: (7, 7.0)\n",
        "12 cells",
    ],
    "07-live-plot": [
        "<LivePlot of nothing yet: 0 samples (0/s)>",
        "3000 samples, 0 lost; x from -1.0 to 1.0\n",
        "watch\n",
        "done\n",
        "Out[13]: {'left': 100, 'right': 100}\n",
        "13 cells",
    ],
    "04-kernel": [
        "Connected to MicroPython ",
        *(f"tick {i}\n" for i in range(5)),
        "Out[2]: 'micropython'\n",
        "this computer runs CPython\n",
        "Out[4]: 2.5\n",
        "----> 2     return sum(values) / len(values)",
        "ZeroDivisionError: divide by zero",
        "mean  ",
        "s on the board; heap free before: ",
        "Out[6]: 49995000\n",
        "'three': 5",
        "10 cells, 1 of which fails on purpose",
    ],
    "05-no-hardware": [
        "<outside of the virtual board virtual:?seed=5&bench=",
        "VBox(children=",
        "Out[4]: 0.25",
        "Out[7]: True\n",
        "Out[8]: <IPython.core.display.SVG object>",
        "Out[11]: 1\n",
        "Out[13]: <ssd1306 'ssd1306' on ",
        "Out[14]: 77.0\n",
        "Out[15]: ['0x3c', '0x76']\n",
        "Out[17]: ([(0, 0, 210), (30, 0, 180)], (210, 0, 0))\n",
        "Out[21]: b'hello over there\\n'\n",
        "Out[23]: (True, '192.168.4.16')\n",
        "Out[24]: False\n",
        "25 cells, ",
    ],
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_demo_shows_a_notebook_as_it_runs(path: Path, tmp_path: Path) -> None:
    """Every notebook, from top to bottom, in its own kernel; and then without its boards."""
    tapes, first, again = (str(tmp_path / name) for name in ("tapes", "a.ipynb", "b.ipynb"))
    done = demo("--record", tapes, "--save", first, *([] if path == FIRST else [str(path)]))
    out = done.stdout
    assert done.returncode == 0, out + done.stderr
    assert done.stderr == ""
    at = 0
    for text in EXPECTED[path.stem]:
        assert text in out[at:], out
        at = out.index(text, at)
    assert "\x1b" not in out
    for absent in ("wasmtime", "numpy", "pandas"):  # no board; and what `make lab` does not install
        (tmp_path / f"{absent}.py").write_text("raise ImportError('it is not here')")
    places = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = demo("--replay", tapes, "--save", again, str(path), PYTHONPATH=places)
    assert done.returncode == 0, done.stdout + done.stderr
    if path.stem == "02-two-boards":
        assert settled(Path(again)) == settled(Path(first))
    else:
        lines = compare(outputs(Path(first)), outputs(Path(again)))
        assert lines == LINES.get(path.stem, 0)
    assert sum(map(len, outputs(Path(again)))) > 5


def test_the_demo_shows_output_while_the_cell_runs(tmp_path: Path) -> None:
    """The board waits for a file that appears once its output has been seen here."""
    (tmp_path / "shared").mkdir()
    notebook = write(
        tmp_path / "waits.ipynb",
        "%load_ext belay_jupyter\n%belay_connect virtual:?files=shared",
        "%%device\nimport os\nprint('wait', 'ing', end='')\n"
        "while 'seen' not in os.listdir(): pass\n",
    )
    command = [sys.executable, "-m", "belay_jupyter", "demo", notebook]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        seen = b""
        while b"wait ing" not in seen:
            chunk = process.stdout.read1()
            assert chunk, seen.decode()
            seen += chunk
        (tmp_path / "shared" / "seen").touch()
        process.stdout.read()
    assert process.returncode == 0


def test_the_demo_fails_when_a_cell_fails(tmp_path: Path) -> None:
    notebook = write(
        tmp_path / "fails.ipynb",
        "%load_ext belay_jupyter\n%belay_connect virtual:",
        "%%device\nmissing",
        "print('never' + ' reached')",
    )
    done = demo(notebook)
    assert done.returncode == 1
    assert "NameError: name 'missing' isn't defined" in done.stdout
    assert "never reached" not in done.stdout


def test_the_demo_shows_the_last_words_of_a_kernel_that_dies(tmp_path: Path) -> None:
    words = "import os\nos.write(__import__('sys').__stderr__.fileno(), b'last words')\nos._exit(3)"
    done = demo(write(tmp_path / "dies.ipynb", words))
    assert done.returncode == 1
    assert "The kernel died" in done.stdout
    assert "last words" in done.stdout
    assert done.stderr == ""


def test_the_demo_says_what_is_missing(tmp_path: Path) -> None:
    done = demo(str(tmp_path / "nowhere.ipynb"))
    assert done.returncode == 1
    assert "Cannot read" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr

    (tmp_path / "nbclient.py").write_text("raise ImportError('No module named nbclient')")
    done = demo(PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    assert done.returncode == 1
    assert "-m pip install nbclient" in done.stderr
    assert "Traceback" not in done.stderr
