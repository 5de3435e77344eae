# SPDX-License-Identifier: Apache-2.0
"""Boards that vanish and come back: what whoever drives them sees of it."""

from __future__ import annotations

import contextlib
import errno
import os
import select
from pathlib import Path

from belay.transports.opening import Opening
from belay.virtual import Board, published
from tests.virtual.boardprocess import BoardProcess
from tests.virtual.test_lines import Client, posix, pty_client, served, tcp_client


def end_of(client: Client) -> int:
    """Read to the end; returns the error number that it came with, 0 for none."""
    while True:
        assert select.select([client.fd], [], [], 20)[0], "the link does not end"
        try:
            if not os.read(client.fd, 1 << 16):
                return 0
        except OSError as error:
            return error.errno or 0


@posix
def test_a_serial_port_is_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    link = str(tmp_path / "port")
    for _ in range(2):  # the second board takes over the link that the first one left
        with served("--pty", link) as (process, address), pty_client(address) as client:
            client.send(b"\r\x03\x03print(6 * 7)\r")
            client.until(b"42")
            made = os.stat(link).st_ctime_ns
            process.kill()
            process.wait()
            assert end_of(client) in (errno.EIO, 0)
        # Another program may have got its number meanwhile.
        assert not os.path.exists(link) or os.stat(link).st_ctime_ns != made


@posix
def test_a_board_at_a_link_is_found_where_it_is(tmp_path: Path) -> None:
    link = str(tmp_path / "port")

    def found(address: str) -> int | None:
        record = published.find(address)
        return record and record.pid

    with (
        served("--pty", link) as (process, _),
        contextlib.closing(Board(link)) as board,
    ):
        opening = Opening(link)
        opening().close()
        board.unplug()
        assert not os.path.lexists(link)
        assert found(link) == process.pid  # so that another program can plug it in
        with contextlib.closing(Board(link)) as another:
            another.replug()
        assert found(link) == found(os.path.realpath(link)) == process.pid
        opening().close()


def test_a_network_port_comes_back() -> None:
    port = "0"
    for _ in range(2):
        with served("--tcp", port) as (process, address), tcp_client(address) as client:
            port = address.rpartition(":")[2]
            client.send(b"\r\x03\x03print(6 * 7)\r")
            client.until(b"42")
            process.kill()
            process.wait()
            assert end_of(client) in (errno.ECONNRESET, 0)


def test_a_power_cut_keeps_the_files_and_nothing_else(tmp_path: Path) -> None:
    with BoardProcess("--files", str(tmp_path)) as board:
        board.raw()
        board.exec("f = open('kept', 'w'); f.write('1'); f.flush()")
        board.send(b"print('go')\nwhile True: pass\x04")
        board.until(b"go\n")
        board.process.kill()
        board.process.wait()
    with BoardProcess("--files", str(tmp_path)) as board:
        board.raw()
        assert board.eval("open('kept').read()") == "'1'"
        assert b"NameError" in board.exec("f")[1]
