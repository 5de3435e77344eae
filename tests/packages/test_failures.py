# SPDX-License-Identifier: Apache-2.0
"""Whatever fails, and whenever: the project is as it was, and the next command works."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from urllib3.util.retry import Retry

from belay.errors import BelayException, PackageError
from belay.packages import store as store_module
from tests.packages.repositories import Repository
from tests.packages.server import CUT, HANG, SILENT
from tests.packages.worlds import PackageWorld

NEW = {"new/__init__.py": b"new = 1\n", "new/b.py": b"b = 1\n"}


@pytest.fixture
def started(world: PackageWorld, monkeypatch: pytest.MonkeyPatch) -> PackageWorld:
    """A project with a package; ``new``, which needs ``old``, can be added."""
    monkeypatch.setattr(Retry, "get_backoff_time", lambda self: 0.0)
    world.index.add("old", "1.0", {"old.py": b"old = 1\n"})
    world.require('old = "*"')
    with world.open() as workspace:
        workspace.install()
    world.index.add("old", "1.1", {"old.py": b"old = 2\n"})
    world.index.add("new", "1.0", NEW, deps=[("old", "1.1")])
    world.server.give("/u.py", b"u = 1\n")
    world.server.give("/p/package.json", {"urls": [["p/__init__.py", "p.py"]], "version": "1"})
    world.server.give("/p/p.py", b"p = 1\n")
    return world


def works(world: PackageWorld) -> None:
    """Whatever was before: the same command, with nothing in its way."""
    with world.open() as workspace:
        workspace.add("new", "*", "main")
    assert world.installed() == {
        "main/old.py": b"old = 2\n", **{f"main/{name}": data for name, data in NEW.items()}
    }  # fmt: skip


# ------------------------------------------------------------------------------- servers that fail


PATHS = {
    "the list of an index": ("/pi/v2/index.json", "*"),
    "a package of an index": ("/pi/v2/package/py/new/1.0.json", "*"),
    "a file of an index": ("/pi/v2/file/{}", "*"),
    "a file": ("/u.py", "{url}/u.py"),
    "a package.json": ("/p/package.json", "{url}/p/package.json"),
    "what it names": ("/p/p.py", "{url}/p/package.json"),
}


@pytest.mark.parametrize("what", PATHS)
@pytest.mark.parametrize("fault", [500, 404, 403, CUT, SILENT])
def test_a_server_that_fails_for_ever(started: PackageWorld, what: str, fault: int | str) -> None:
    world = started
    path, value = PATHS[what]
    if fault == 404 and what == "the list of an index":
        pytest.skip("an index needs none")
    if "{}" in path:
        (path,) = [each for each in world.server._replies if _is_file(world, each, b"b = 1\n")]
    reply = world.server._replies[path]
    if isinstance(fault, int):
        world.server.give(path, b"no", status=fault, headers={"Retry-After": "0"})
    else:
        world.server.give(path, reply.body, faults=[fault] * 100)
    before = world.snapshot()
    with world.open() as workspace, pytest.raises(BelayException) as caught:
        workspace.add("new", value.format(url=world.server.url), "main")
    assert path.rpartition("/")[2] in str(caught.value) or fault == 404
    assert world.snapshot() == before
    world.server.give(path, reply.body)
    works(world)


def _is_file(world: PackageWorld, path: str, data: bytes) -> bool:
    return "/file/" in path and world.server._replies[path].body == data


def test_a_server_that_recovers(started: PackageWorld) -> None:
    for path, reply in list(started.server._replies.items()):
        started.server.give(path, reply.body, faults=[500, CUT, SILENT])
    works(started)


HINT = r"not what it was: .*\. Try: belay update old$"


def test_other_bytes_than_the_lock_has(started: PackageWorld) -> None:
    """Of the lock's own file, with a store that does not have it."""
    world = started
    for path, reply in list(world.server._replies.items()):
        if "/file/" in path and reply.body == b"old = 1\n":
            world.server.give(path, b"evil = 1\n")
    (world.project / ".belay" / "dependencies" / "main" / "old.py").unlink()
    before = world.snapshot()
    empty = store_module.Store(world.folder / "empty")
    with world.open(store=empty) as workspace, pytest.raises(PackageError, match=HINT):
        workspace.install(frozen=True)
    assert world.snapshot() == before


@pytest.mark.parametrize("kind", ["_add", "record", "remember"])
def test_a_store_that_is_full(
    started: PackageWorld, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    world = started
    before = world.snapshot()
    owner = store_module if kind == "_add" else store_module.Store
    real = getattr(owner, kind)
    for failing in range(50):
        count = 0

        def fails(*args: object, failing: int = failing) -> object:
            nonlocal count
            count += 1
            if count > failing:
                raise OSError(28, "No space left on device")
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(owner, kind, fails)
            with world.open() as workspace:
                try:
                    workspace.add("new", "*", "main")
                except (PackageError, OSError):
                    assert world.snapshot() == before, failing
                else:
                    break
    assert failing > 1
    assert set(world.installed()) == {"main/old.py", "main/new/__init__.py", "main/new/b.py"}


# -------------------------------------------------------------------- a process that is stopped


posix = pytest.mark.skipif(os.name != "posix", reason="signals")

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run(started: PackageWorld) -> Iterator[Run]:
    """Starts ``belay`` in the project, as a shell does."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "belay", *arguments],
                cwd=started.project, env=started.environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
        return running[-1]

    yield start
    started.server.release()
    for process in running:
        process.kill()
        process.communicate()


REQUESTS = range(1, 11)
"""Of ``belay add new``: the list, what the packages are, and their files."""


@posix
@pytest.mark.parametrize("number", [1, 2, 5, 9])
@pytest.mark.parametrize("with_", [signal.SIGINT, signal.SIGKILL])
def test_stopped_while_a_server_keeps_it_waiting(
    started: PackageWorld, run: Run, number: int, with_: signal.Signals
) -> None:
    world = started
    before = world.snapshot()
    asked = len(world.server.asked)
    world.server.hang_at = asked + number
    process = run("add", "new")
    world.server.wait_for(asked + number)
    process.send_signal(with_)
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert (process.returncode, err) == ((130, "") if with_ == signal.SIGINT else (-9, ""))
    assert world.snapshot() == before
    world.server.hang_at = 0
    works(world)


@posix
@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("with_", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("arguments", [("add", "new"), ("update",), ("lock", "--upgrade")])
def test_stopped_at_any_request(
    started: PackageWorld, run: Run, arguments: tuple[str, ...], with_: signal.Signals
) -> None:
    """The request is answered at once: so it is stopped at whatever it does next."""
    world = started
    for number in REQUESTS:
        before = world.snapshot()
        asked = len(world.server.asked)
        process = run(*arguments)
        world.server.wait_until(
            lambda count=asked + number, process=process: (
                len(world.server.asked) >= count or process.poll() is not None
            )
        )
        process.send_signal(with_)
        process.communicate(timeout=60)
        if world.snapshot() != before:
            with world.open() as workspace:  # undoes what was half done
                workspace.install()
            now = world.snapshot()
            if now == before:
                continue
            assert b'"1.1"' in now["belay.lock"]  # type: ignore[operator]
            break
        if process.returncode == 0:
            break


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
def test_stopped_while_git_waits(started: PackageWorld, run: Run) -> None:
    """What git was started for ends with us."""
    world = started
    path = "/r.git/info/refs?service=git-upload-pack"
    world.server.give(path, b"", faults=[HANG] * 9)
    before = world.snapshot()
    process = run("add", f"git+{world.server.url}/r.git")
    world.server.wait_until(lambda: world.server.times(path) > 0)
    started_by_us = [os.pidfd_open(pid) for pid in descendants(process.pid)]
    assert len(started_by_us) > 1  # git, and what it asks the server with
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert world.snapshot() == before
    while started_by_us:
        ended, _, _ = select.select(started_by_us, [], [], 60)
        assert ended
        for each in ended:
            os.close(each)
            started_by_us.remove(each)
    works(world)


def descendants(pid: int) -> list[int]:
    """What a process has started, and what that has."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        inner = children.get(waiting.pop(), [])
        found += inner
        waiting += inner
    return found


# -------------------------------------------------------------------------------- two at once


@pytest.mark.parametrize("words", [("add", "new"), ("install", "virtual:"), ("update",)])
def test_the_same_twice_at_once(started: PackageWorld, run: Run, words: tuple[str, ...]) -> None:
    """As on a server that builds: whoever comes later finds all as it is to be."""
    world = started
    (world.project / "app").mkdir()
    (world.project / "belay.lock").unlink()
    both = [run(*words), run(*words)]
    for process in both:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0 or "Try again" in err or "is there already" in err
    assert 0 in [process.returncode for process in both]
    with world.open(offline=True) as workspace:
        workspace.check()
        before = world.snapshot()
        workspace.install(locked=True)
    assert world.snapshot() == before


def test_two_at_once(started: PackageWorld, run: Run) -> None:
    """Both are there, or one says that it came too late; nothing is mixed."""
    world = started
    repository = Repository(world.folder / "served")
    repository.commit({"a.py": "a = 1\n"})
    first = run("add", "new")
    second = run("add", "u", world.server.url + "/u.py", "--group", "test")
    third = run("add", "g", f"git+{repository.url}")
    lost = []
    for process, name in ((first, "new"), (second, "u"), (third, "g")):
        _, err = process.communicate(timeout=60)
        if process.returncode:
            assert "was changed meanwhile. Try again" in err
            lost.append(name)
    assert len(lost) < 3
    names = {"new", "u", "g", "old"} - set(lost)
    assert {each.name for each in world.lock().packages} == names
    with world.open(offline=True) as workspace:
        workspace.check()
        assert {each.key for each in workspace.project.dependencies} == names
        before = world.snapshot()
        workspace.install(locked=True)
    assert world.snapshot() == before
