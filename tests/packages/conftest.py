# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packages.server import Server
from tests.packages.worlds import PackageWorld


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of this computer, which no proxy stands before."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    with Server() as server:
        yield server


@pytest.fixture
def world(server: Server, tmp_path: Path) -> PackageWorld:
    """A project, an index, a host and a store, all of this test alone."""
    return PackageWorld(server, tmp_path)
