# SPDX-License-Identifier: Apache-2.0
"""Programs that use the API can be checked by mypy, and mistakes in them are found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_decorator_keeps_types() -> None:
    pytest.importorskip("mypy")
    sample = Path(__file__).with_name("typing_sample.py")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", sample],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
