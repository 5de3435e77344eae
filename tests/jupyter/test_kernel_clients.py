# SPDX-License-Identifier: Apache-2.0
"""The kernel in the programs that people use it with: nbconvert (nbclient), nbmake, a console."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import nbformat
import pytest

from tests.jupyter.kernels import PATIENCE, ROOT

CELLS = ("import sys\nprint('hello from', sys.implementation.name)\n6 * 7", "%%host\n_ + 1", "1/0")
TYPED = "for i in range(2): print('turn', i)\n%set_env BELAY_NOTE=1\n40 + 2\nexit\n"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which Jupyter finds this tree's kernel."""
    kernels = tmp_path / "data" / "kernels"
    shutil.copytree(ROOT / "kernelspec", kernels / "micropython-belay")
    return {
        **os.environ,
        "JUPYTER_PATH": str(tmp_path / "data"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONPATH": str(ROOT),
        "BELAY_DEVICE": "virtual:",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def write(path: Path) -> str:
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    cells[-1].metadata["tags"] = ["raises-exception"]
    spec = {"name": "micropython-belay", "display_name": "-", "language": "micropython"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})
    path.write_text(nbformat.writes(notebook))
    return str(path)


@contextmanager
def running(
    *arguments: str, stdin: int = subprocess.DEVNULL, **options: object
) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", *arguments]
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(
        command, stdin=stdin, stdout=pipe, stderr=both, text=True, encoding="utf-8", **options
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.timeout(240)  # three programs at once
def test_nbconvert_nbmake_and_a_console(environment: dict[str, str], tmp_path: Path) -> None:
    notebook = write(tmp_path / "notebook.ipynb")
    nothing = tmp_path / "pytest.ini"
    nothing.write_text("[pytest]\n")
    options: dict[str, object] = {"env": environment, "cwd": tmp_path}
    convert = ("nbconvert", "--execute", "--to", "markdown", "--stdout", notebook)
    make = ("pytest", "-c", str(nothing), "-p", "nbmake.pytest_plugin", "--nbmake", notebook)
    console = ("jupyter_console", "--kernel", "micropython-belay", "--simple-prompt")
    with ExitStack() as stack:
        converting = stack.enter_context(running(*convert, **options))
        making = stack.enter_context(running(*make, **options))
        talking = stack.enter_context(running(*console, stdin=subprocess.PIPE, **options))

        said, _ = talking.communicate(TYPED, timeout=PATIENCE)
        assert "MicroPython via Belay" in said
        assert "turn 0\nturn 1" in said
        assert "env: BELAY_NOTE=1" in said
        assert "Out[3]: 42" in said
        assert "NameError" not in said
        assert talking.returncode == 0, said

        shown, _ = converting.communicate(timeout=PATIENCE)
        assert converting.returncode == 0, shown
        assert "```python\nimport sys" in shown
        for text in ("hello from micropython", "42", "43", "ZeroDivisionError"):
            assert text in shown

        tested, _ = making.communicate(timeout=PATIENCE)
        assert making.returncode == 0, tested
        assert "1 passed" in tested
