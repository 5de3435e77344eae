# SPDX-License-Identifier: Apache-2.0
"""Boards on cables that tests pull: each start is another process of the virtual board."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path


class Plug:
    """A board at an address that stays, whether or not the board is there.

    Args:
        kind: "pty" for a serial port, "tcp" for a network port.
        files: keeps its flash in a folder, ``flash``.
        circuitpython: it behaves as CircuitPython does.
    """

    def __init__(
        self, kind: str = "pty", *, files: bool = False, circuitpython: bool = False
    ) -> None:
        self.kind = kind
        self._folder = tempfile.TemporaryDirectory(prefix="belay-plug-")
        self._link = Path(self._folder.name, "port")
        self._port = 0
        self.flash = Path(self._folder.name, "flash")
        self._options = ["--files", str(self.flash)] if files else []
        self._options += ["--circuitpython"] if circuitpython else []
        self._process: subprocess.Popen[str] | None = None
        self.insert()

    @property
    def address(self) -> str:
        return str(self._link) if self.kind == "pty" else f"socket://127.0.0.1:{self._port}"

    @property
    def gone(self) -> bool:
        return self._process is None

    def insert(self) -> None:
        """Plug in: another process, with empty memory."""
        where = ["--pty", str(self._link)] if self.kind == "pty" else ["--tcp", str(self._port)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "belay.virtual", *where, *self._options],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        assert "ready at" in said, said
        if self.kind == "tcp":
            self._port = int(said.split("127.0.0.1:")[1].split()[0])

    def pull(self) -> None:
        """Unplug, or cut the power: no goodbye, whatever the board does."""
        process, self._process = self._process, None  # it may be plugged in again meanwhile
        if process is not None:
            process.kill()
            process.wait()
            if self._process is None:
                self._link.unlink(missing_ok=True)  # a real port's name is gone, too
            assert process.stderr is not None
            process.stderr.close()

    def replace(self) -> None:
        """Out and in again."""
        self.pull()
        self.insert()

    def hang(self, hangs: bool = True) -> None:
        """Let the board hang: the link stands, nothing comes; or let it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP if hangs else signal.SIGCONT)

    def close(self) -> None:
        self.pull()
        self._folder.cleanup()
