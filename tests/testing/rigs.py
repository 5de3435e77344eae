# SPDX-License-Identifier: Apache-2.0
"""Boards at the other end of a network, and pytest runs that use them."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from belay.virtual import Board
from tests.transports.far_ends import SerialServer, TcpServer

CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
"""Where the compiled virtual board is; pytester moves HOME."""


class _Loaded:
    """Keeps the modules that inner runs have loaded, but those of their own folder.

    pytester forgets them all at its end, but their packages do not: there would be two of each, and
    a test that replaces something in one of them would not change the other.
    """

    def __init__(self) -> None:
        self._before = set(sys.modules)
        self._modules: dict[str, ModuleType] = {}

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        for name in set(sys.modules) - self._before:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and config.rootpath not in Path(file).parents:
                self._modules.setdefault(name, sys.modules[name])

    def keep(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sys.modules.update(self._modules)
        for name, module in self._modules.items():
            # Puts it back once more where monkeypatch ends, which is after pytester.
            monkeypatch.setitem(sys.modules, name, module)


class Runs:
    """Runs pytest on files of its own folder."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self._monkeypatch = monkeypatch

    def project(self, boards: str = "", ini: str = "") -> None:
        text = f"[tool.pytest.ini_options]\n{ini}\n\n{boards}"
        (self.pytester.path / "pyproject.toml").write_text(text)

    def test(self, source: str, *args: str, apart: bool = False) -> pytest.RunResult:
        """Run a file of tests; its first line is line 1 of ``test_it.py``."""
        (self.pytester.path / "test_it.py").write_text(source)
        return self.run(*args, apart=apart)

    def run(self, *args: str, apart: bool = False) -> pytest.RunResult:
        # Plugins that load much at every start: Hypothesis took six sevenths of a short run.
        without = [
            f"-pno:{name}" for name in ("cacheprovider", "nbmake", "hypothesispytest", "anyio")
        ]
        arguments = [*without, "-ra", *args]
        if apart:
            return self.pytester.runpytest_subprocess(*arguments)
        loaded = _Loaded()
        try:
            return self.pytester.runpytest_inprocess(*arguments, plugins=[loaded])
        finally:
            loaded.keep(self._monkeypatch)


@pytest.fixture
def runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setenv("XDG_CACHE_HOME", CACHE)
    ours = ("XDG_CONFIG_HOME", "BELAY_DEVICE", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")
    for name in (*ours, "CI", "BUILD_NUMBER"):  # with these, pytest's summary has no width
        monkeypatch.delenv(name, raising=False)
    return Runs(pytester, monkeypatch)


def _board(*args: str) -> tuple[subprocess.Popen[str], str]:
    """A virtual board of its own process, and what it says first."""
    process = subprocess.Popen(
        [sys.executable, "-m", "belay.virtual", *args],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": CACHE},
    )
    assert process.stderr is not None
    return process, process.stderr.readline()


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(10)
    for stream in (process.stdin, process.stderr):
        if stream is not None:
            stream.close()


@contextlib.contextmanager
def tcp_board() -> Iterator[str]:
    """A board that takes one TCP client after another; its address."""
    process, said = _board("--tcp", "0")
    try:
        found = re.search(r"socket://\S+", said)
        assert found is not None, said
        yield found[0]
    finally:
        _end(process)


@contextlib.contextmanager
def pty_board() -> Iterator[str]:
    """A board at a serial port of this computer; the port's name."""
    # A link is its own, as the name of a real port is; the number of a terminal that is unplugged
    # would be given to whichever test opens the next one.
    with tempfile.TemporaryDirectory(prefix="belay-rig-") as folder:
        port = f"{folder}/port"
        process, said = _board("--pty", port)
        try:
            assert port in said, said
            yield port
        finally:
            _end(process)


@contextlib.contextmanager
def rfc2217_board() -> Iterator[str]:
    """A board at a serial port of another host: pyserial's server of RFC 2217 in front of it."""
    with pty_board() as port, remote(port) as address:
        yield address


@contextlib.contextmanager
def remote(port: str) -> Iterator[str]:
    """A virtual board's serial port at another host, its RTS wired to the reset button."""
    board = Board(port)
    server = SerialServer(port, board.reset)
    try:
        yield server.address
    finally:
        server.finish()
        board.close()


class SilentBoard:
    """A board that says nothing, until a file is there: then it is a virtual one."""

    def __init__(self, cure: Path) -> None:
        self._cure = cure
        self._server = TcpServer(self._serve, many=True)
        self.address = f"socket://127.0.0.1:{self._server.port}"
        self.clients = 0

    def _serve(self, client: socket.socket) -> None:
        self.clients += 1
        if not self._cure.exists():
            with contextlib.suppress(OSError):
                while client.recv(4096):
                    pass
            return
        process = subprocess.Popen(
            [sys.executable, "-m", "belay.virtual", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "XDG_CACHE_HOME": CACHE},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        out = process.stdout

        def pump() -> None:
            with contextlib.suppress(OSError):
                while data := os.read(out.fileno(), 65536):
                    client.sendall(data)

        pumping = threading.Thread(target=pump, daemon=True)
        pumping.start()
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                process.stdin.write(data)
                process.stdin.flush()
        process.stdin.close()
        process.wait(10)
        pumping.join(10)
        out.close()

    def finish(self) -> None:
        self._server.hang_up()


@pytest.fixture
def silent_board(tmp_path: Path) -> Iterator[SilentBoard]:
    board = SilentBoard(tmp_path / "cured")
    yield board
    board.finish()
