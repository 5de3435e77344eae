# SPDX-License-Identifier: Apache-2.0
"""What all tests share: one compilation of the virtual board, and what real boards need."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; without one the test is skipped, but fails where CI is set."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("BELAY_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is not None:
        return path
    message = "no Chromium: apt install chromium, or set BELAY_CHROMIUM"
    if os.environ.get("CI"):
        pytest.fail(message)  # otherwise CI could go green by skipping
    pytest.skip(message)


@pytest.fixture
def no_collector_hooks() -> Iterator[None]:
    """Python drops a Ctrl-C that comes while one runs (Hypothesis has one), or breaks ast.parse."""
    hooks = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks.extend(hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Compile the virtual board once, before parallel workers would all do it at the same time."""
    # What a script starts in the background, `make test &`, ignores Ctrl-C; so would all programs
    # that tests start and then interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    is_worker = hasattr(config, "workerinput")
    if not is_worker and getattr(config.option, "numprocesses", None):
        subprocess.run(
            [sys.executable, "-m", "belay.virtual", "--stdio"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=False,  # the tests of the board say better what is wrong with it
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("BELAY_BOARD"):
        return
    skip = pytest.mark.skip(reason="no board: set BELAY_BOARD to its address")
    for item in items:
        if item.get_closest_marker("hardware"):
            item.add_marker(skip)
