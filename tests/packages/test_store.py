# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from belay.errors import IntegrityError, PackageError
from belay.packages.store import Store

ONE = b"print(1)\n"
DIGEST = hashlib.sha256(ONE).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def files(store: Store) -> list[Path]:
    return [path for path in (store.folder / "files-v1").rglob("*") if path.is_file()]


def test_a_file_is_kept_by_its_digest(store: Store) -> None:
    assert DIGEST not in store
    assert store.get(DIGEST) is None
    assert not store.folder.exists()
    assert store.put(ONE) == store.put(ONE, DIGEST) == DIGEST
    assert DIGEST in store
    assert store.get(DIGEST) == ONE
    assert [path.relative_to(store.folder).parts for path in files(store)] == [
        ("files-v1", DIGEST[:2], DIGEST[2:])
    ]


def test_other_bytes_than_expected_are_not_kept(store: Store) -> None:
    with pytest.raises(IntegrityError, match="was expected"):
        store.put(b"other", DIGEST)
    assert not store.folder.exists()


@pytest.mark.parametrize("sha", ["", "../../x", DIGEST.upper(), DIGEST[:-1], f"{DIGEST}\n"])
def test_what_is_no_digest_is_no_path(store: Store, sha: str) -> None:
    with pytest.raises(IntegrityError):
        store.get(sha)


@pytest.mark.parametrize("damage", [b"", b"print(2)\n", ONE + b"x"])
def test_a_damaged_file_is_as_one_that_is_not_there(
    store: Store, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(ONE)
    store.path(DIGEST).write_bytes(damage)
    with caplog.at_level(logging.WARNING, "belay"):
        assert store.get(DIGEST) is None
    assert "was damaged" in caplog.text
    assert files(store) == []
    assert store.put(ONE) == DIGEST
    store.path(DIGEST).write_bytes(damage)
    assert store.put(ONE) == DIGEST  # and a download mends it
    assert store.get(DIGEST) == ONE


def test_entries_are_for_people(store: Store) -> None:
    store.put(ONE)
    two = store.put(b"2")
    three = store.put(b"3")
    store.record("aiohttp", "0.0.6", "index+https://x", [DIGEST, two])
    store.record("aiohttp", "0.0.6", "index+https://x", [two, DIGEST])
    store.record("ssl", "0.2", "index+https://x", [two, three])
    clone = store.git_folder / "1f.git"
    clone.mkdir(parents=True)
    (clone / "HEAD").write_bytes(b"12345")
    names = [(entry.name, entry.size) for entry in store.entries()]
    assert names == [("aiohttp 0.0.6", 10), ("git-1f.git", 5), ("ssl 0.2", 2)]
    info = store.info()
    assert (info.folder, info.entries, info.files, info.size) == (store.folder, 3, 3, 16)

    assert [entry.name for entry in store.clear("aio")] == ["aiohttp 0.0.6"]
    assert store.get(DIGEST) is None
    assert store.get(two) == b"2"  # ssl has it too
    assert [entry.name for entry in store.clear("git-")] == ["git-1f.git"]
    assert not clone.exists()
    assert store.clear("nothing") == []
    store.put(b"without a name")
    assert [entry.name for entry in store.clear()] == ["ssl 0.2"]
    assert files(store) == []
    assert store.info().size == 0


def test_odd_names_of_entries_stay_in_the_store(store: Store, tmp_path: Path) -> None:
    store.record("../../x", "a/../b\0", "./é", [])
    assert [entry.name for entry in store.entries()] == ["../../x a/../b\0"]
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    (store.folder / "entries-v1" / "odd.json").write_text("{", encoding="utf-8")
    (store.folder / "entries-v1" / "odder.json").write_text('{"files": [1]}', encoding="utf-8")
    assert len(store.entries()) == 1


def test_verify_finds_and_removes_what_is_damaged(store: Store) -> None:
    good, bad = store.put(ONE), store.put(b"bad")
    store.path(bad).write_bytes(b"worse")
    remains = store.path(good).with_name("tmpabc.part")
    remains.write_bytes(b"half")
    (remains.parent / "readme").write_bytes(b"")
    seen: list[int] = []
    found = store.verify(seen.append)
    assert (found.good, seen) == (1, [1, 2, 3, 4])
    assert set(found.damaged) == {bad, good[:2] + "readme"}
    assert files(store) == [store.path(good)]
    assert store.verify().damaged == ()


def test_a_store_may_be_copied(store: Store, tmp_path: Path) -> None:
    store.put(ONE)
    store.record("a", "1", "x", [DIGEST])
    other = Store(Path(shutil.copytree(store.folder, tmp_path / "elsewhere")))
    shutil.rmtree(store.folder)
    assert other.get(DIGEST) == ONE
    assert [entry.files for entry in other.entries()] == [(DIGEST,)]


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELAY_CACHE_DIR", str(tmp_path))
    assert Store().folder == tmp_path / "packages"
    monkeypatch.delenv("BELAY_CACHE_DIR")
    assert Store().folder.parts[-2:] in (("belay", "packages"), ("Cache", "packages"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_takes_nothing(store: Store) -> None:
    store.folder.mkdir()
    store.folder.chmod(0o500)
    with pytest.raises(PackageError, match="cannot be written"):
        store.put(ONE)


def test_a_store_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PackageError, match="cannot be written"):
        Store(tmp_path / "file").put(ONE)


def test_a_lock_keeps_others_out(store: Store) -> None:
    with store.lock("x"):
        caught: list[BaseException] = []

        def other() -> None:
            try:
                with store.lock("x", timeout=0.05):
                    pass
            except PackageError as error:
                caught.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
        with store.lock("y", timeout=30):
            pass
    assert "busy with x" in str(caught[0])
    with store.lock("x", timeout=30):
        pass


PROGRAM = """
import sys
from pathlib import Path
from belay.packages.store import Store
store = Store(Path(sys.argv[1]))
for round in range(3):
    for number in range(40):
        data = b"%d" % number * 50
        sha = store.put(data)
        found = store.get(sha)
        assert found in (data, None), found
    if sys.argv[2] == "clears":
        store.clear()
"""


def test_several_processes_at_once(store: Store) -> None:
    roles = ["puts", "puts", "clears"]
    running = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(store.folder), role], stderr=-1)
        for role in roles
    ]
    results = [(each.communicate(timeout=60)[1], each.returncode) for each in running]
    assert results == [(b"", 0)] * 3
    assert store.verify().damaged == ()
