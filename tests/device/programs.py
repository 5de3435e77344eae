# SPDX-License-Identifier: Apache-2.0
"""Host programs in a Python of their own, and the processes that they leave behind."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::ResourceWarning"}
ENVIRONMENT.pop("BELAY_DEVICE", None)


def run_program(path: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Write a program to ``path`` and run it; it must end with exit code 0 and a quiet stderr."""
    path.write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        env={**ENVIRONMENT, **environment},
        timeout=60,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done


def children() -> set[int]:
    """Child processes of this one (Linux)."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        found.update(map(int, (task / "children").read_text().split()))
    return found


def is_gone(pid: int, seconds: float = 20.0) -> bool:
    """Wait until a process has ended, whoever its parent is (Linux)."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)
