# SPDX-License-Identifier: Apache-2.0
"""Boards for the tests of the virtual board."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.virtual.boardprocess import BANNER_END, RAW_BANNER, BoardProcess


@pytest.fixture
def board() -> Iterator[BoardProcess]:
    """A board at its friendly prompt."""
    with BoardProcess() as board:
        yield board


@pytest.fixture
def raw() -> Iterator[BoardProcess]:
    """A board in its raw REPL."""
    with BoardProcess() as board:
        board.raw()
        yield board


@pytest.fixture(scope="module")
def long_lived() -> Iterator[BoardProcess]:
    """One board for a whole module."""
    with BoardProcess() as board:
        yield board


@pytest.fixture
def shared(long_lived: BoardProcess) -> BoardProcess:
    """The module's board at its friendly prompt, freshly reset."""
    long_lived.send(b"\x03\x03\x02\x04")
    long_lived.until(b"soft reboot")
    long_lived.until(BANNER_END)
    return long_lived


@pytest.fixture
def shared_raw(shared: BoardProcess) -> BoardProcess:
    """The module's board in its raw REPL, freshly reset."""
    shared.send(b"\x01")
    shared.until(RAW_BANNER)
    return shared
