# SPDX-License-Identifier: Apache-2.0
"""Runs a notebook and shows in the terminal, as it happens, what the notebook would show."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TextIO

try:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError
except ImportError as error:
    raise ImportError(
        f"The demo runs a notebook and needs nbclient ({error}). To install it:\n"
        f"    {sys.executable} -m pip install nbclient nbformat"
    ) from None
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from belay_jupyter.kernelspec import NAME as MICROPYTHON

__all__ = ["run_demo"]

_read: Callable[[Path, int], Any] = nbformat.read  # which has no types

FIRST_NOTEBOOK = "01-first-board.ipynb"

_text_of: Callable[[Any], str] = nbformat.writes
_new_cell: Callable[..., Any] = nbformat.v4.new_code_cell

_HIDDEN = "belay-hidden"
"""Tag of a cell that is not the notebook's."""

_END = "%run -m belay_jupyter.played"
"""Runs behind a notebook that is played: it has to have asked for all that was recorded."""

_PACKAGE = Path(__file__).resolve().parent
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_MOST_LINES = 24  # of a cell's source
_BLUE, _DIM, _BOLD, _RED, _PLAIN = "\x1b[34m", "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[0m"


class _ThisPython(AsyncKernelManager):
    """Starts the kernel with the Python that runs this, whatever kernels the user has installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        if self.kernel_name == MICROPYTHON:
            argv = [sys.executable, "-m", "belay_jupyter", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, interrupt_mode="message", language="micropython")
        return KernelSpec(**get_kernel_dict())


class _Screen:
    """Writes to the terminal; knows whether the cursor stands at the beginning of a line.

    Args:
        out: the terminal, or a file, which gets no colours.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colours = out.isatty()
        self._at_start = True

    def stream(self, text: str) -> None:
        """Write text as it comes: also half a line."""
        if not self._colours:
            text = _ESCAPE.sub("", text)
        self._out.write(text)
        self._out.flush()
        if text:
            self._at_start = text.endswith("\n")

    def again(self, text: str) -> None:
        """Write a line in the place of the last one, or below it where that cannot be."""
        if self._colours:
            self._out.write("\x1b[A\x1b[2K")
        self.block(text)

    def block(self, text: str, style: str = "", margin: str = "") -> None:
        """Write whole lines."""
        if not self._at_start:
            self.stream("\n")
        for line in text.split("\n"):
            if style and line:
                line = f"{style}{line}{_PLAIN}"
            self.stream(f"{margin if line else ''}{line}\n")


class _Player(NotebookClient):
    """Executes a notebook; every message of the kernel goes to the screen as it arrives."""

    errors = 0
    unplayed = False
    """The notebook is a replay, and has not asked for all that was recorded."""

    def __init__(self, content: Any, screen: _Screen, **options: Any) -> None:
        super().__init__(content, on_cell_start=self._show_text, **options)
        self.screen = screen

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Show a message, then let nbclient do its part with it."""
        content = msg["content"]
        kind = msg["msg_type"]
        if kind == "execute_input" and not _is_hidden(cell):
            self._show_source(content["code"], content["execution_count"])
        elif kind == "stream":
            self.screen.stream(content["text"])
        elif kind in ("execute_result", "display_data"):
            number = content.get("execution_count")
            prompt = f"Out[{number}]: " if number is not None else ""
            self.screen.block(prompt + content["data"].get("text/plain", ""))
        elif kind == "update_display_data":
            if "image/svg+xml" in content["data"]:  # a terminal shows no picture, and no new one
                return super().process_message(msg, cell, cell_index)
            self.screen.again(content["data"].get("text/plain", ""))
        elif kind == "error" and _is_hidden(cell):
            self.unplayed = True
            self.screen.block(f"\n{content['ename']}: {content['evalue']}", _RED)
        elif kind == "error":
            self.errors += 1
            self.screen.block("\n".join(content["traceback"]))
        return super().process_message(msg, cell, cell_index)

    def _show_text(self, cell: Any, cell_index: int) -> None:
        """Show the markdown cells between the last code cell and this one."""
        first = cell_index
        while first > 0 and self.nb.cells[first - 1].cell_type != "code":
            first -= 1
        for text in self.nb.cells[first:cell_index]:
            self.screen.block(f"\n{text.source}", _DIM)

    def _show_source(self, code: str, number: int) -> None:
        lines = code.rstrip().split("\n")
        if len(lines) > _MOST_LINES:
            lines[_MOST_LINES - 1 :] = [f"… {len(lines) - _MOST_LINES + 1} lines more"]
        self.screen.block(f"\nIn [{number}]:", _BLUE)
        self.screen.block("\n".join(lines), _BOLD, "    ")
        self.screen.stream("\n")


def run_demo(
    notebook: str | None = None,
    out: TextIO | None = None,
    *,
    record: str | None = None,
    replay: str | None = None,
    save: str | None = None,
) -> int:
    """Run a notebook from top to bottom.

    Args:
        notebook: its path; None takes the first one of this project.
        out: where to show it; None is stdout.
        record: folder for what is said to its boards, one cassette each.
        replay: folder with such cassettes, to be played in the place of the boards.
        save: file for the notebook with its outputs; None writes nothing.

    Returns:
        The exit code: 0, or 1 when a cell failed that is not tagged ``raises-exception``, or 130
        after Ctrl-C.
    """
    screen = _Screen(out or sys.stdout)
    path = Path(notebook) if notebook else first_notebook()
    try:
        content = _read(path, 4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        screen.block(f"Cannot read {path}: {error}", _RED)
        return 1
    screen.block(f"Running {path.name} on this computer; nothing is written to it.")
    if replay is not None and not Path(replay).is_dir():
        screen.block(f"There is no folder {replay} with cassettes; --record makes one.", _RED)
        return 1
    if replay is not None:
        content.cells.append(_new_cell(_END, metadata={"tags": [_HIDDEN]}))
    player = _Player(
        content,
        screen,
        extra_arguments=["--log-level=ERROR"],  # of the kernel's own messages
        kernel_manager_class=_ThisPython,
        kernel_name=_kernel_of(content),
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    began = time.monotonic()
    # What the kernel's process itself says, such as ipykernel's complaints about its own end, is of
    # interest only where it dies; what cells write to stderr comes as messages.
    with tempfile.TemporaryFile() as words:
        code = _play(player, screen, words, _environment(record, replay))
    code = code or int(player.unplayed)
    content.cells[:] = [cell for cell in content.cells if not _is_hidden(cell)]
    if save is not None:
        Path(save).write_text(_text_of(content), encoding="utf-8", newline="\n")
    if code == 0:
        _show_end(screen, player, path, time.monotonic() - began)
    return code


def _environment(record: str | None, replay: str | None) -> dict[str, str]:
    """That of the kernel. It runs in the notebook's folder, so a folder is told whole."""
    names = {"BELAY_RECORD": record, "BELAY_REPLAY": replay}
    given = {name: str(Path(folder).resolve()) for name, folder in names.items() if folder}
    return {**os.environ, **given}


def _is_hidden(cell: Any) -> bool:
    return _HIDDEN in cell.metadata.get("tags", ())


def _play(player: _Player, screen: _Screen, words: BinaryIO, environment: dict[str, str]) -> int:
    """Run all cells; returns the exit code."""
    try:
        player.execute(stderr=words, env=environment)
    except CellExecutionError:
        screen.block("\nThis cell failed, and the notebook ends here.", _RED)
        return 1
    except DeadKernelError as error:
        words.seek(0)
        screen.block(words.read().decode("utf-8", "replace").rstrip())
        screen.block(f"\nThe kernel died: {error}", _RED)
        return 1
    except KeyboardInterrupt:
        screen.block("\nStopped.", _RED)
        return 130
    return 0


def _kernel_of(content: Any) -> str:
    """The kernel that the notebook asks for: ours, or IPython's."""
    name = content.metadata.get("kernelspec", {}).get("name")
    return MICROPYTHON if name == MICROPYTHON else "python3"


def first_notebook() -> Path:
    """Where the first notebook is: in the wheel, or in the source tree."""
    for folder in (_PACKAGE / "notebooks", _PACKAGE.parent / "notebooks"):
        if (folder / FIRST_NOTEBOOK).exists():
            return folder / FIRST_NOTEBOOK
    return _PACKAGE / "notebooks" / FIRST_NOTEBOOK  # reading it says that it is not there


def _show_end(screen: _Screen, player: _Player, path: Path, seconds: float) -> None:
    cells = sum(cell.cell_type == "code" for cell in player.nb.cells)
    failed = f", {player.errors} of which fails on purpose" if player.errors else ""
    in_tree = (_PACKAGE.parent / "Makefile").exists()
    command = "make lab" if in_tree else f"jupyter lab {path}"
    screen.block(f"\n{cells} cells{failed}, {seconds:.1f} s. To open it in your browser:\n")
    screen.block(f"    {command}", _BOLD)
