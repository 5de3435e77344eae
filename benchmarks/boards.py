# SPDX-License-Identifier: Apache-2.0
"""Virtual boards behind serial ports: direct, counted, or slowed down."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Link:
    """What lies between host and board."""

    name: str
    rate: float = 0.0
    delay: float = 0.0
    direct: bool = False


UNSHAPED = Link("unshaped", direct=True)
ONE_MS = Link("1 ms each way", delay=0.001)
UART = Link("115200 baud + 2 ms each way", rate=11520.0, delay=0.002)
UART_1_MS = Link("115200 baud + 1 ms each way", rate=11520.0, delay=0.001)
UART_8_MS = Link("115200 baud + 8 ms each way", rate=11520.0, delay=0.008)
COUNTED = Link("counted")


class Board:
    """One virtual board of its own, as a serial port."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._folder = tempfile.TemporaryDirectory(prefix="belay-bench-")
        direct = str(Path(self._folder.name, "port"))
        shaped = ["-m", "benchmarks.line", f"--rate={link.rate}", f"--delay={link.delay}"]
        board = ["-m", "belay.virtual", "--pty", direct] if link.direct else shaped
        self._process = subprocess.Popen(
            [sys.executable, *board, "--flash", "8M"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if link.direct else None,
            text=True,
        )
        # Either program writes one line when its port can be opened.
        ready = self._process.stderr or self._process.stdout
        assert ready
        line = ready.readline().strip()
        if not line:
            raise RuntimeError(f"the virtual board did not start: {self._process.wait(10)}")
        self.port = direct if link.direct else line

    def counts(self) -> dict[str, int]:
        """Round trips, bytes up and bytes down since the start."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        counted: dict[str, int] = json.loads(self._process.stdout.readline())
        return counted

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        if self.link.direct:
            self._process.terminate()
        self._process.wait(20)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        self._folder.cleanup()
