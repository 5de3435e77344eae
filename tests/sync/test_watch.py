# SPDX-License-Identifier: Apache-2.0
"""Syncing again when files change."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
from belay.sync.plan import Plan
from tests.device.conftest import connect as connect
from tests.sync.test_host import make

Connect = Callable[..., belay.Device]

SOON = 30
"""Seconds that a machine with other things to do may take."""


class Watched:
    """A watch in a thread, and what it tells."""

    def __init__(self, device: belay.Device, folder: Path, **options: Any) -> None:
        self.told: queue.Queue[Any] = queue.Queue()
        self.stop = threading.Event()
        self.raised: Exception | None = None
        self._thread = threading.Thread(
            target=self._watch, args=(device, folder), kwargs=options, daemon=True
        )
        self._thread.start()

    def _watch(self, device: belay.Device, folder: Path, **options: Any) -> None:
        try:
            device.watch(folder, told=self.told.put, stop=self.stop, **options)
        except Exception as error:
            self.raised = error
            self.told.put(error)

    def next(self) -> Any:
        return self.told.get(timeout=SOON)

    def until(self, *paths: str) -> None:
        """Wait for the sync that has written these; one save may be seen as two changes."""
        missing = set(paths)
        while missing:
            done = self.next()
            assert isinstance(done, Plan), done
            missing -= {step.path for step in done.operations}

    def end(self) -> None:
        self.stop.set()
        self._thread.join(SOON)
        assert not self._thread.is_alive()


@pytest.fixture
def watched() -> Iterator[Callable[..., Watched]]:
    with contextlib.ExitStack() as stack:

        def made(*args: Any, **options: Any) -> Watched:
            one = Watched(*args, **options)
            stack.callback(one.end)
            return one

        yield made


def replaced(path: Path, text: str) -> None:
    """As editors save, so that nobody sees half of it."""
    outside = next(each for each in path.parents if each.name.startswith("test_"))  # tmp_path
    with tempfile.TemporaryDirectory(dir=outside) as folder:
        other = make(Path(folder), {"new": text}) / "new"
        os.replace(other, path)


def test_every_change_is_synced(
    connect: Connect, watched: Callable[..., Watched], tmp_path: Path
) -> None:
    device = connect()
    folder = make(tmp_path / "app", {"a.txt": "1", "sub/b.txt": "1"})
    make(tmp_path / "shared", {"c.txt": "1"})
    if os.name == "posix":
        (folder / "linked").symlink_to(tmp_path / "shared")
    watch = watched(device, folder)
    assert len(watch.next().written) >= 2
    (folder / "a.txt").write_text("22")
    watch.until("/a.txt")
    replaced(folder / "sub" / "b.txt", "3")
    watch.until("/sub/b.txt")
    os.replace(make(tmp_path / "elsewhere", {"d.txt": "4"}), folder / "new")
    watch.until("/new/d.txt")
    if os.name == "posix":
        (tmp_path / "shared" / "c.txt").write_text("5")
        watch.until("/linked/c.txt")
    (folder / "a.txt").unlink()
    watch.until("/a.txt")
    # What does not parse stops nothing.
    (folder / "bad.py").write_text("def (")
    while isinstance(error := watch.next(), Plan):
        pass
    assert isinstance(error, belay.SyncError)
    replaced(folder / "bad.py", "x = 1")
    while not isinstance(done := watch.next(), Plan):
        pass
    device("import bad")
    assert device("bad.x") == 1
    assert done.unknown == ()
    watch.end()
    assert watch.raised is None


def test_a_single_file(connect: Connect, watched: Callable[..., Watched], tmp_path: Path) -> None:
    device = connect()
    folder = make(tmp_path, {"a.txt": "1", "other.txt": "1"})
    watch = watched(device, folder / "a.txt", dst="/x")
    assert [file.path for file in watch.next().written] == ["/x/a.txt"]
    (folder / "other.txt").write_text("2")
    replaced(folder / "a.txt", "3")
    watch.until("/x/a.txt")
    assert device("open('/x/a.txt').read()") == "3"
    assert device("os.listdir('/x')") == ["a.txt"]


def test_a_run_is_interrupted_and_begun_again(
    connect: Connect, watched: Callable[..., Watched], tmp_path: Path
) -> None:
    device = connect()
    text = "print('run', {})\nwhile True:\n    pass\n"
    folder = make(tmp_path / "app", {"app.py": text.format(1), "ignored.tmp": ""})
    printed: queue.Queue[str] = queue.Queue()

    class Sink:
        def write(self, text: str) -> int:
            if text.strip():
                printed.put(text.strip())
            return len(text)

        def flush(self) -> None:
            pass

    def run() -> None:
        device.soft_reset()
        device("import app", stream_out=Sink())

    watch = watched(device, folder, run=run, ignore=["*.tmp"])
    assert printed.get(timeout=SOON) == "run 1"
    (folder / "ignored.tmp").write_text("x")
    replaced(folder / "app.py", text.format(2))
    while printed.get(timeout=SOON) != "run 2":
        pass
    # One that fails says so, and the next change runs it again.
    replaced(folder / "app.py", "print('run', 3)\n1 / 0\n")
    while not isinstance(error := watch.next(), belay.PyboardException):
        pass
    assert error.type == "ZeroDivisionError"
    assert error.frames[-1].filename == str(folder / "app.py")
    replaced(folder / "app.py", text.format(4))
    while printed.get(timeout=SOON) != "run 4":
        pass
    watch.end()
    assert device("1 + 1") == 2


def test_what_the_first_sync_raises(connect: Connect, tmp_path: Path) -> None:
    device = connect()
    with pytest.raises(ValueError, match="no file or folder"):
        device.watch(tmp_path / "none")
    make(tmp_path, {"bad.py": "def ("})
    with pytest.raises(belay.SyncError, match="bad.py"):
        device.watch(tmp_path)
    device.close()
    with pytest.raises(belay.DeviceClosedError):
        device.watch(tmp_path)


def test_without_watchfiles(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(belay.FeatureUnavailableError, match=r"belay-jupyter\[watch\]"):
        connect().watch(tmp_path)
