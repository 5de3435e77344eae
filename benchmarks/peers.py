# SPDX-License-Identifier: Apache-2.0
"""The peers: an environment for each, and a worker process that does as it is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.boards import Board

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE / ".peers"


@dataclass(frozen=True)
class Peer:
    """One way to call a board.

    Attributes:
        name: how the tables call it.
        worker: the program in ``workers/``.
        requirement: what to install into its environment; None runs in ours.
        arguments: what the program is told beside the port.
    """

    name: str
    worker: str
    requirement: str | None = None
    arguments: tuple[str, ...] = ()

    def python(self) -> Path:
        """The interpreter of this peer, installed where it is missing."""
        if self.requirement is None:
            return Path(sys.executable)
        folder = ENVIRONMENTS / self.requirement.replace("==", "-")
        python = folder / "bin" / "python"
        stamp = folder / ".ready"
        if not stamp.exists():
            uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
            if uv is None:
                raise SystemExit("make bench needs uv: pip install uv")
            print(f"installing {self.requirement} ...", file=sys.stderr)
            for command in (
                ["venv", "--quiet", "--clear", "--python", sys.executable, folder],
                ["pip", "install", "--quiet", "--python", python, self.requirement],
            ):
                subprocess.run([uv, *command], check=True)
            stamp.touch()
        return python


OURS = Peer("belay-jupyter", "ours.py")
OLD_BELAY = Peer("Belay 0.30.1", "old_belay.py", "belay==0.30.1")
MPREMOTE = Peer("mpremote 1.29.0", "mpremote_peer.py", "mpremote==1.29.0")
BARE = Peer("bare raw REPL", "bare.py")

OUR_VIEWS = Peer("belay-jupyter", "views_ours.py")

OUR_FILES = Peer("belay-jupyter", "files_ours.py")
OLD_BELAY_FILES = Peer("Belay 0.30.1", "files_old_belay.py", "belay==0.30.1")
MPREMOTE_FILES = Peer("mpremote 1.29.0", "files_command.py", "mpremote==1.29.0", ("mpremote",))
MPYTOOL_FILES = Peer("mpytool 2.6.0", "files_command.py", "mpytool==2.6.0", ("mpytool",))


class Worker:
    """A peer's process, connected to one board."""

    def __init__(self, peer: Peer, board: Board) -> None:
        self.peer, self.board = peer, board
        # Else a path of ours could stand before a peer's own packages.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [peer.python(), HERE / "workers" / peer.worker, board.port, *peer.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            text=True,
        )

    def ask(self, what: str, count: int = 1) -> dict[str, Any]:
        """Have it done, and get what the worker measured."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{what} {count}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker of {self.peer.name} ended; see above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
