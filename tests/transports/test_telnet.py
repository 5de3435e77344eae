# SPDX-License-Identifier: Apache-2.0
"""Boards by telnet: the login, telnet's own bytes, and a server as strict as the WiPy's."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator

import pytest

import belay
from belay.errors import AuthenticationError, ConnectionFailedError
from belay.transports import Transport, open_transport
from belay.transports.telnet import TelnetDecoder
from tests.transports.far_ends import TcpServer, echo_over_tcp

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
GREETING = bytes((IAC, WILL, 1, IAC, WILL, 3, IAC, DO, 34))


class Wipy:
    """A virtual board behind a telnet server that drops what the WiPy's drops."""

    def __init__(self, user: str = "micro", password: str = "python", asks: bool = True) -> None:
        self.user, self.password, self.asks = user, password, asks
        self.heard = b""  # all that the client has sent
        self.refused = 0
        self._server = TcpServer(self._serve)
        self.address = f"127.0.0.1:{self._server.port}"

    def _serve(self, client: socket.socket) -> None:
        client.sendall(GREETING)
        if self.asks:
            self._ask(client)
        board = open_transport("virtual:")
        sender = threading.Thread(target=self._send, args=(client, board), daemon=True)
        sender.start()
        try:
            while data := client.recv(4096):
                self.heard += data
                board.write(self._taken(data))
        finally:
            board.close()
            sender.join()

    def _ask(self, client: socket.socket) -> None:
        while True:
            client.sendall(b"Login as: ")
            user = self._line(client)
            client.sendall(user.encode() + b"\r\nPass")
            client.sendall(b"word: ")
            if (user, self._line(client)) == (self.user, self.password):
                client.sendall(b'\r\nLogin succeeded!\r\nType "help()" for more information.\r\n')
                return
            self.refused += 1
            client.sendall(b"\r\nInvalid credentials, try again.\r\n")

    def _line(self, client: socket.socket) -> str:
        line = b""
        while not line.endswith(b"\r\n"):
            data = client.recv(1)
            while data and data[0] > 127 and len(data) < 3:
                data += client.recv(1)
            if not data:
                raise OSError
            self.heard += data
            line += self._taken(data)
        return line.decode().strip()

    @staticmethod
    def _taken(data: bytes) -> bytes:
        """Commands are three bytes from one above 127 on; NUL is nothing."""
        out = bytearray()
        place = 0
        while place < len(data):
            if data[place] > 127:
                place += 3
                continue
            if data[place]:
                out.append(data[place])
            place += 1
        return bytes(out)

    def _send(self, client: socket.socket, board: Transport) -> None:
        try:
            while True:
                board.wait(None)
                client.sendall(board.read().replace(b"\xff", b"\xff\xff"))
        except (belay.BelayException, OSError):
            pass

    def close(self) -> None:
        self._server.hang_up()


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BELAY_PASSWORD", raising=False)


@pytest.fixture
def wipy() -> Iterator[Wipy]:
    board = Wipy()
    yield board
    board.close()


def test_a_board_behind_a_login(wipy: Wipy) -> None:
    with belay.Device(wipy.address) as device:
        assert device.address == f"telnet://{wipy.address}"

        @device.task
        def back(value):  # type: ignore[no-untyped-def]
            print("häß")
            return value

        for value in (bytes(range(256)), "häß\x00\xff", 1 << 70, [1.5, {"a": b"\xff\xff\x00"}]):
            assert back(value) == value
        with pytest.raises(belay.errors.CallTimeoutError):
            device("while True: pass", timeout=0.5)
        assert device("6 * 7") == 42
    negotiated = bytes((IAC, DO, 1, IAC, DO, 3, IAC, WONT, 34))
    assert negotiated in wipy.heard
    assert wipy.heard.replace(negotiated, b"", 1).isascii()


def test_names_and_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Wipy("ada", "enchantress")
    try:
        with pytest.raises(AuthenticationError, match="refuses this name and password") as caught:
            open_transport(board.address, user="ada", password="wrong-one")
        assert "wrong-one" not in str(caught.value)
    finally:
        board.close()
    for given, variable in (("enchantress", ""), (None, "enchantress")):
        monkeypatch.setenv("BELAY_PASSWORD", variable)
        board = Wipy("ada", "enchantress")
        try:
            open_transport(board.address, user="ada", password=given).close()
            assert board.refused == 0
        finally:
            board.close()


@pytest.mark.parametrize("variable", ["", "enchantress"])
def test_a_device_hands_on_what_it_was_given(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Belay's default password counts only where nobody has said another one."""
    monkeypatch.setenv("BELAY_PASSWORD", variable)
    board = Wipy("ada", "enchantress")
    given = {} if variable else {"password": "enchantress"}
    try:
        with belay.Device(board.address, user="ada", startup="", **given) as device:
            assert device("1 + 1") == 2
            assert "enchantress" not in repr(device) + repr(device._open) + device.address
    finally:
        board.close()


def test_a_board_that_wants_no_login() -> None:
    board = Wipy(asks=False)
    try:
        with belay.Device(f"telnet://{board.address}") as device:
            assert device("1 + 1") == 2
    finally:
        board.close()


def test_a_login_that_goes_nowhere() -> None:
    def ask_and_stop(client: socket.socket) -> None:
        client.sendall(b"login: ")
        while client.recv(4096):
            pass

    with (
        TcpServer(ask_and_stop) as server,
        pytest.raises(ConnectionFailedError, match="did not go on with the login"),
    ):
        open_transport(f"telnet://127.0.0.1:{server.port}", timeout=0.3)


def test_every_byte_passes_both_ways() -> None:
    def talk(client: socket.socket) -> None:
        client.sendall(b">>> ")
        echo_over_tcp(client)

    with TcpServer(talk) as server:
        transport = open_transport(f"telnet://127.0.0.1:{server.port}")
        assert transport.text_only
        everything = bytes(range(256)) * 3
        transport.write(everything)
        data = b""
        while len(data) < len(everything) + 4:
            assert transport.wait(30)
            data += transport.read()
        assert data == b">>> " + everything
        transport.close()


DECODED: dict[bytes, tuple[bytes, bytes]] = {
    b"plain": (b"plain", b""),
    b"a\xff\xffb": (b"a\xffb", b""),
    b"a\r\0b\r\nc\0": (b"a\rb\r\nc\0", b""),
    bytes((IAC, WILL, 1)): (b"", bytes((IAC, DO, 1))),
    bytes((IAC, WILL, 0, IAC, DO, 0)): (b"", bytes((IAC, DO, 0, IAC, WILL, 0))),
    bytes((IAC, WILL, 24)): (b"", bytes((IAC, DONT, 24))),
    bytes((IAC, DO, 1)): (b"", bytes((IAC, WONT, 1))),
    bytes((IAC, DO, 3)): (b"", bytes((IAC, WILL, 3))),
    bytes((IAC, WONT, 1, IAC, DONT, 3)): (b"", b""),
    bytes((IAC, WILL, 1)) * 3: (b"", bytes((IAC, DO, 1))),
    b"a" + bytes((IAC, SB, 24, 1, IAC, SE)) + b"b": (b"ab", b""),
    b"a" + bytes((IAC, SB)) + b"x" * 5000 + bytes((IAC, SE)) + b"b": (b"ab", b""),
    b"a" + bytes((IAC, 241)) + b"b": (b"ab", b""),
}


@pytest.mark.parametrize("sent", DECODED, ids=lambda sent: sent[:12].hex())
@pytest.mark.parametrize("pieces", [1, 2, 3, 10_000])
def test_what_telnet_says_is_taken_out(sent: bytes, pieces: int) -> None:
    decoder = TelnetDecoder()
    out = b""
    step = -(-len(sent) // pieces)
    for start in range(0, len(sent), step):
        out += decoder.feed(sent[start : start + step])
    assert (out, bytes(decoder.replies)) == DECODED[sent]
    assert decoder.feed(b"x") == b"x"


def test_any_bytes_are_taken() -> None:
    chance = random.Random(5)
    for _ in range(300):
        decoder = TelnetDecoder()
        noise = bytes(chance.choice(b"\xff\xfa\xf0\xfb\xfd\r\0a\x01") for _ in range(40))
        decoder.feed(noise)
        decoder.feed(b"\xff\xf0\xff\xf0 ")  # out of whatever it was in
        assert decoder.feed(b"plain") == b"plain"
