# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from belay.cli import main
from belay.packages.sources import githosts
from belay.transports.virtual import close_shared
from tests.packages.server import Server
from tests.packages.worlds import PackageWorld

Belay = Callable[..., tuple[int, str, str]]


@pytest.fixture
def belay(capsys: pytest.CaptureFixture[str]) -> Belay:
    """Runs a command; its exit status, and what it says on stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageWorld]:
    """A project in whose folder the commands run, an index and a host that have nothing yet."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    with Server() as server:
        world = PackageWorld(server, tmp_path)
        monkeypatch.setenv("BELAY_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setattr(githosts, "HOSTS", world.host.hosts)
        monkeypatch.chdir(world.project)
        (world.project / "app").mkdir()
        (world.project / "app" / "__init__.py").write_text("a = 1\n")
        yield world


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """The files of a board, as a folder."""
    folder = tmp_path / "drive"
    folder.mkdir()
    return folder


@pytest.fixture
def board(drive: Path) -> Iterator[str]:
    """The address of a board that has them, and that stays from one command to the next."""
    yield f"virtual:{drive.parent.name}?files={drive}"
    close_shared()
