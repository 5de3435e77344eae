# SPDX-License-Identifier: Apache-2.0
"""``--webrepl``: the virtual board as MicroPython's WebREPL."""

from __future__ import annotations

import base64
import hashlib
import random
import socket
from collections.abc import Iterator

import pytest

from belay.virtual.filesystem import MemoryFilesystem, OpenMode
from belay.virtual.webrepl import settle_password
from belay.virtual.websocket import BINARY, TEXT, Frame, FrameError, FrameReader, accept, encode
from tests.virtual.webreplclient import (
    GET,
    PING,
    PUT,
    SOON,
    VERSION,
    HungUp,
    WebreplClient,
    webrepl_board,
)

PASSWORD = "secret99"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with webrepl_board("--password", PASSWORD) as (port, line):
        assert PASSWORD not in line
        yield port


@pytest.fixture
def client(port: int) -> Iterator[WebreplClient]:
    with WebreplClient(port, password=PASSWORD) as client:
        yield client


def test_the_handshake_is_that_of_rfc_6455(port: int) -> None:
    with WebreplClient(port) as client:
        assert client.answer.startswith(b"HTTP/1.1 101 ")
        # The pair of section 1.3 of the RFC.
        assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in client.answer
        assert client.until(b": ") == b"Password: "


def test_the_right_password(port: int) -> None:
    with WebreplClient(port) as client:
        client.until(b"Password: ")
        for char in PASSWORD:  # as it is typed in a browser
            client.type(char)
        client.type("\r")
        assert client.until(b">>> ") == b"\r\nWebREPL connected\r\n>>> "
        assert client.run("1 + 1") == "2"


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + "x", PASSWORD[:-1], "x" * 5000])
def test_a_wrong_password_ends_the_connection(port: int, password: str) -> None:
    with WebreplClient(port) as client:
        client.until(b"Password: ")
        client.type(password + "\r")
        assert client.until_hung_up() == b"\r\nAccess denied\r\n"


def test_nothing_is_read_before_the_password(port: int) -> None:
    with WebreplClient(port) as client:
        client.until(b"Password: ")
        client.send_binary(b"\0" * 82)
        client.type("print('no')\r")
        assert client.until_hung_up() == b"\r\nAccess denied\r\n"


def test_ctrl_c_stops_a_loop(client: WebreplClient) -> None:
    client.type("while True: pass\r\r")
    client.until(b"... \r\n")
    client.type("\x03")
    assert b"KeyboardInterrupt" in client.until(b">>> ")


def test_more_output_than_any_buffer_holds_arrives(client: WebreplClient) -> None:
    client.type("for i in range(12000): print(i, 'x' * 40)\r\r")
    client.until(b"... \r\n")
    lines = client.until(b"11999 " + b"x" * 40).split()
    assert [int(number) for number in lines[::2]] == list(range(12000))


def test_frames_in_pieces_without_masks_and_with_pings(client: WebreplClient) -> None:
    client.socket.sendall(client.frame(b"print('a", final=False))
    client.socket.sendall(client.frame(b"", PING))
    client.socket.sendall(client.frame(b"b'", 0, final=False, masked=False))
    for byte in client.frame(b")\r", 0):
        client.socket.sendall(bytes([byte]))
    client.until(b"print('ab')\r\n")
    assert client.until(b">>> ") == b"ab\n>>> "  # and no pong: boards send none


def test_a_frame_of_64_kb_ends_the_connection(client: WebreplClient) -> None:
    client.socket.sendall(b"\x81\xff" + bytes(8))
    client.until_hung_up()


def test_files(client: WebreplClient) -> None:
    client.ask(VERSION)
    version = tuple(client.take_binary())
    assert client.run("import sys; sys.implementation.version[:3]") == repr(version)
    data = random.Random(0).randbytes(5000)
    for piece in (1, 700, 60_000):
        assert client.put("data.bin", data[: 50 if piece == 1 else None], piece) == 0
    assert client.run("len(open('/data.bin', 'rb').read())") == "5000"
    assert client.get("/data.bin") == data
    assert client.put("empty", b"") == 0
    assert client.get("empty") == b""
    assert client.run("import os; os.remove('empty'), os.remove('data.bin')") == "(None, None)"


def test_a_name_does_not_leave_the_board(client: WebreplClient) -> None:
    assert client.put("../../../out.txt", b"x") == 0
    assert "out.txt" in client.run("import os; os.listdir('/')")


@pytest.mark.parametrize("operation", [GET, PUT])
def test_a_file_that_cannot_be_opened_ends_the_connection(
    client: WebreplClient, operation: int
) -> None:
    client.ask(operation, "/no/such/folder/file")
    client.until_hung_up()


def test_a_file_waits_for_a_program_and_ctrl_c_does_not(client: WebreplClient) -> None:
    client.type("while True: pass\r\r")
    client.until(b"... \r\n")
    client.ask(VERSION)
    assert len(client.take_binary()) == 3  # needs no file
    client.ask(GET, "webrepl_cfg.py")
    client.type("\x03")
    client.until(b"KeyboardInterrupt")
    assert client.answered() == 0
    client.send_binary(b"\0")
    assert client.take_binary()[2:] == f"PASS = {PASSWORD!r}\n".encode()
    client.send_binary(b"\0")
    assert client.take_binary() == b"\0\0"
    assert client.answered() == 0


def test_one_client_at_a_time(port: int, client: WebreplClient) -> None:
    with WebreplClient(port) as second:
        assert second.answer.startswith(b"HTTP/1.1 101 ")
        assert second.until_hung_up() == b""
    assert b"Concurrent WebREPL connection from" in client.until(b" rejected\n")
    client.run("kept = 5")
    client.close()
    with WebreplClient(port, password=PASSWORD) as third:
        assert third.run("kept") == "5"


@pytest.mark.parametrize("how", ["\x04", "import machine; machine.reset()\r"])
def test_a_reset_ends_the_connection_and_reads_the_password_again(
    port: int, client: WebreplClient, how: str
) -> None:
    client.put("webrepl_cfg.py", b'import os\nPASS = "other"\n')
    client.type(how)
    client.until_hung_up()
    with WebreplClient(port, password="other") as again:
        again.put("webrepl_cfg.py", f"PASS = {PASSWORD!r}\n".encode())
        again.type(how)
        again.until_hung_up()
    with WebreplClient(port, password=PASSWORD) as again:
        assert "NameError" in again.run("kept")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET / HTTP/1.1\r\nHost: board\r\n\r\n", b"HTTP/1.0 200 OK"),
        (b"\r\n\r\n", b"HTTP/1.0 200 OK"),
        (b"x" * 10_000, b""),
    ],
    ids=["browser", "nothing", "too long"],
)
def test_who_is_no_client(port: int, request_: bytes, answer: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), SOON) as connection:
        connection.sendall(request_)
        said = b""
        while True:
            try:
                data = connection.recv(4096)
            except ConnectionResetError:  # it closed without reading all
                break
            if not data:
                break
            said += data
        assert said.startswith(answer)


def test_many_who_never_ask_keep_nobody_out(port: int) -> None:
    idle = [socket.create_connection(("127.0.0.1", port), SOON) for _ in range(12)]
    try:
        with WebreplClient(port, password=PASSWORD) as client:
            assert client.run("1 + 2") == "3"
    finally:
        for connection in idle:
            connection.close()


def test_a_password_is_drawn_and_told() -> None:
    with webrepl_board() as (port, line):
        password = line.partition("password: ")[2].partition(";")[0]
        with WebreplClient(port, password=password) as client:
            assert client.run("import webrepl_cfg; len(webrepl_cfg.PASS)") == "8"


@pytest.mark.parametrize(
    ("source", "wanted", "default", "then"),
    [
        (None, "abc", None, b"PASS = 'abc'\n"),
        (None, None, "def", b"PASS = 'def'\n"),
        (None, "abc", "def", b"PASS = 'abc'\n"),
        (None, "it's", None, b'PASS = "it\'s"\n'),
        ("PASS = 'old'", None, "def", b"PASS = 'old'"),
        ("PASS = 'old'", "old", None, b"PASS = 'old'"),
        ("PASS = 'old'", "new", None, OSError),
        ("PASS = 1", None, "def", b"PASS = 'def'\n"),
        ("def (", None, "def", b"PASS = 'def'\n"),
        (None, "x" * 10, None, OSError),
        (None, "", None, OSError),
        (None, None, "x" * 10, OSError),
    ],
)
def test_which_password(
    source: str | None, wanted: str | None, default: str | None, then: bytes | type[OSError]
) -> None:
    files = MemoryFilesystem()
    if source is not None:
        file = files.open("/webrepl_cfg.py", OpenMode(write=True, create=True))
        file.write(source.encode())
        file.close()
    if isinstance(then, type):
        with pytest.raises(then):
            settle_password(files, wanted, default)
        return
    assert settle_password(files, wanted, default) is None
    assert files.open("/webrepl_cfg.py", OpenMode()).read(100) == then


def test_frames_cut_anywhere_are_the_same_frames() -> None:
    chance = random.Random(3)
    expected, stream = [], b""
    for _ in range(60):
        opcode = chance.choice([TEXT, BINARY])
        payload = chance.randbytes(chance.choice([0, 1, 125, 126, 300, 65_535]))
        expected.append(Frame(opcode, payload))
        stream += WebreplClient.frame(payload, opcode, masked=chance.random() < 0.5)
    reader, found = FrameReader(), []
    while stream:
        cut = chance.choice([1, 2, 3, 100, 70_000])
        found += reader.feed(stream[:cut])
        stream = stream[cut:]
    assert found == expected
    with pytest.raises(FrameError):
        reader.feed(b"\x81\x7f")


def test_what_the_board_sends_has_no_mask() -> None:
    for size in (0, 125, 126, 65_535):
        assert FrameReader().feed(encode(TEXT, b"x" * size)) == [Frame(TEXT, b"x" * size)]
        assert not encode(TEXT, b"x" * size)[1] & 0x80


@pytest.mark.parametrize("missing", [b"Upgrade: websocket", b"Connection: keep", b"Sec-WebSo"])
def test_a_request_that_is_no_handshake(missing: bytes) -> None:
    key = base64.b64encode(hashlib.md5(b"any").digest())
    whole = (
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        b"Sec-WebSocket-Key: " + key
    )
    assert accept(whole) is not None
    assert accept(whole.replace(missing, b"X: " + missing)) is None


def test_the_client_of_these_tests_notices_the_end(port: int) -> None:
    with WebreplClient(port) as client:
        client.until(b"Password: ")
        client.type("\r")
        with pytest.raises(HungUp):
            client.until(b"never")
