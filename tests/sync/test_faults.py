# SPDX-License-Identifier: Apache-2.0
"""Syncs over links that are cut, lose bytes or have little memory behind them: each file is the old
or the new one, never a torn one, and the next sync completes."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

import pytest

from belay import errors
from belay.sync.board import BoardFiles
from belay.transports import Transport
from tests.links.faulty import FaultyLink
from tests.session.boards import faulty, fresh_name, open_session
from tests.sync.boards import contents, files_of, sync

if os.name == "posix":
    from tests.links.unixport import unix_port as unix_port
    from tests.links.unixport import unix_python as unix_python

posix = pytest.mark.skipif(os.name != "posix", reason="there is no Unix port for this system")

DIRECTIONS: tuple[Literal["up", "down"], ...] = ("up", "down")
RANDOM = random.Random(11)

OLD = {"/lib/a.py": b"a = 1\n", "/lib/b.py": b"b = 1\n", "/gone.py": b"old\n"}
NEW = {"/lib/a.py": b"a = 22\n" * 4, "/lib/c.py": b"c = 3\n", "/new/d.py": b"d = '#'\n" * 3}


def cost(link: FaultyLink, files: BoardFiles, new: Mapping[str, bytes]) -> dict[str, int]:
    """Bytes each way of a sync from what there is."""
    before = {way: link.passed(way) for way in DIRECTIONS}
    sync(files, new)
    return {way: link.passed(way) - before[way] for way in DIRECTIONS}


def check(files: BoardFiles, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> None:
    """Every file is the old or the new one, or a leftover; what is in both is there."""
    found = contents(files)
    for path, data in found.items():
        if not path.endswith("/.belay.part"):
            assert data in (old.get(path), new.get(path)), path
    assert found.keys() >= old.keys() & new.keys()


Trees = tuple[dict[str, bytes], dict[str, bytes]]
Cut = tuple[Literal["up", "down"], int]


def cut_and_go_on(address: str, cases: Iterable[tuple[Trees, Cut]]) -> None:
    """Put the old files there, cut a sync to the new ones, look, and sync again."""
    session, link = faulty(address)
    for (old, new), (way, at) in cases:
        files = files_of(session)
        sync(files, old)
        link.arm(way, at, "cut")
        with contextlib.suppress(errors.ConnectionLost):
            sync(files, new)
            link.cut()
        session.close()
        session, link = faulty(address)
        files = files_of(session)
        check(files, old, new)
        sync(files, new)
        assert contents(files) == new, (way, at)
    session.close()


PARTS = 4
"""So that no part takes long on a busy machine."""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_link_cut_at_every_byte_of_a_sync(part: int) -> None:
    address = fresh_name()
    session, link = faulty(address)
    files = files_of(session)
    sync(files, OLD)
    size = cost(link, files, NEW)
    assert sum(size.values()) <= 800
    assert contents(files) == NEW
    session.close()
    every = [(way, position) for way in DIRECTIONS for position in range(size[way])]
    cut_and_go_on(address, (((OLD, NEW), cut) for cut in every[part::PARTS]))


@pytest.mark.soak
def test_the_link_cut_at_any_byte_of_a_sync_of_50_files() -> None:
    def tree(seed: int) -> dict[str, bytes]:
        source = random.Random(seed)
        return {
            f"/f{n % 5}/m{n}.py": source.randbytes(source.randrange(300, 700))
            for n in source.sample(range(60), 50)
        }

    address = fresh_name()
    session, link = faulty(address)
    sync(files_of(session), tree(0))
    size = cost(link, files_of(session), tree(1))
    session.close()
    ways = RANDOM.choices(DIRECTIONS, [size[way] for way in DIRECTIONS], k=300)
    cut_and_go_on(
        address,
        (
            ((tree(case), tree(case + 1)), (way, RANDOM.randrange(size[way])))
            for case, way in enumerate(ways)
        ),
    )


def test_a_link_that_loses_bytes() -> None:
    """With its part of the agent there already, a sync gets through."""
    session, link = faulty(fresh_name())
    files = files_of(session)
    files.manifest("/")
    wanted = {"/noise.bin": RANDOM.randbytes(1200), "/a.py": b"a = 1\n" * 20}
    link.set_rate(up=0.003, down=0.003)
    sync(files, wanted)
    assert contents(files) == wanted
    link.disarm()
    assert contents(files) == wanted
    manifest = files.manifest("/")
    assert {path: file.size for path, file in manifest.files.items()} == {
        path: len(data) for path, data in wanted.items()
    }


def test_a_link_that_lets_nothing_long_through() -> None:
    """What the board needs to know of files never arrives: a typed error, after a few tries."""
    session, link = faulty(fresh_name())
    files = files_of(session)
    link.set_rate(up=0.05)
    before = session.counters.requests
    typed = (errors.ConnectionLost, errors.BoardBusyError)
    with pytest.raises(typed):
        files.manifest("/")
    with pytest.raises(typed):
        files.write("/a.py", b"a = 1\n")
    assert session.counters.requests - before <= 6
    link.disarm()
    sync(files, NEW)
    assert contents(files) == NEW


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 10))]
)
def test_a_link_that_loses_one_byte_in_a_hundred(seed: int) -> None:
    session, link = faulty(fresh_name())
    files = files_of(session)
    files.manifest("/")
    wanted = {"/noise.bin": random.Random(seed).randbytes(2000)}
    link.set_rate(up=0.01, down=0.01)
    with contextlib.suppress(errors.BelayException):
        sync(files, wanted)
    link.disarm()
    assert contents(files) in (wanted, {}, {"/.belay.part": contents(files).get("/.belay.part")})
    sync(files, wanted)
    assert contents(files) == wanted


@posix
def test_a_board_with_little_memory(unix_port: Callable[..., Transport], tmp_path: Path) -> None:
    """What does not fit goes in smaller pieces."""
    session = open_session(unix_port(heap="200k"), startup="import gc, os")
    files = files_of(session)
    path = f"{tmp_path}/data"
    files.write(path, b"old")
    session.execute(
        "hog = []\ngc.collect()\n"
        "while gc.mem_free() > 25000:\n    hog.append(bytearray(500))\n    gc.collect()",
        "t",
    )
    assert session.segment > 8000  # what a frame may hold was known before
    data = RANDOM.randbytes(1 << 16)
    files.write(path, data)
    assert Path(path).read_bytes() == files.read(path) == data
    assert files._room < session.segment // 2
