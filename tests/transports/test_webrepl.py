# SPDX-License-Identifier: Apache-2.0
"""``ws://``: logging in, what goes wrong there, and a link to a board that is slow or dies."""

from __future__ import annotations

import io
import logging
import random
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import websocket

import belay
from belay import errors
from belay.transports import Transport, open_transport, password, webrepl
from belay.virtual.websocket import BINARY
from tests.transports.webreplboards import (
    CONNECTED,
    PASSWORD,
    RING,
    Peer,
    Ring,
    WebreplServer,
    bare,
    echo,
    half,
)
from tests.virtual.webreplclient import webrepl_board

SOON = 30.0


@pytest.fixture(autouse=True)
def nobody_knows_a_password(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("BELAY_PASSWORD", raising=False)
    monkeypatch.setattr(password, "_someone_is_there", lambda: False)
    yield
    password._typed.clear()


@pytest.fixture
def board() -> Iterator[WebreplServer]:
    with WebreplServer(echo) as server:
        yield server


def receive(transport: Transport, count: int) -> bytes:
    data = b""
    end = time.monotonic() + SOON
    while len(data) < count:
        assert transport.wait(max(end - time.monotonic(), 0)), f"{len(data)} of {count} bytes"
        data += transport.read()
    return data


# ---- the password


def typing(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """Let a person be there who types these; returns what they are asked."""
    prompts: list[str] = []
    left = list(words)

    def getpass(prompt: str) -> str:
        prompts.append(prompt)
        return left.pop(0)

    monkeypatch.setattr(password, "_someone_is_there", lambda: True)
    monkeypatch.setattr(password.getpass, "getpass", getpass)
    return prompts


def test_the_argument_comes_first(board: WebreplServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELAY_PASSWORD", "wrong")
    asked = typing(monkeypatch)
    open_transport(board.address, password=PASSWORD).close()
    assert asked == []


def test_the_environment_comes_next(board: WebreplServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELAY_PASSWORD", PASSWORD)
    asked = typing(monkeypatch)
    open_transport(board.address).close()
    open_transport(board.address, password="").close()
    assert asked == []


def test_then_a_person_is_asked_once(board: WebreplServer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = typing(monkeypatch, PASSWORD)
    open_transport(board.address).close()
    monkeypatch.setattr(password, "_someone_is_there", lambda: False)
    open_transport(board.address).close()  # reconnecting does not ask again
    assert asked == [f"Password of {board.address}: "]


def test_who_mistypes_may_try_again(board: WebreplServer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = typing(monkeypatch, "secret98", PASSWORD)
    open_transport(board.address).close()
    assert len(asked) == 2
    assert board.clients == 2


def test_but_not_for_ever(board: WebreplServer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = typing(monkeypatch, "a", "b", "c", "d")
    with pytest.raises(errors.AuthenticationError, match="refused the password that was typed"):
        open_transport(board.address)
    assert len(asked) == 3


def test_nobody_is_there_to_ask(board: WebreplServer) -> None:
    with pytest.raises(errors.AuthenticationError, match="BELAY_PASSWORD") as caught:
        open_transport(board.address)
    assert board.address in str(caught.value)


def test_who_does_not_type(board: WebreplServer, monkeypatch: pytest.MonkeyPatch) -> None:
    typing(monkeypatch)

    def give_up(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(password.getpass, "getpass", give_up)
    with pytest.raises(errors.AuthenticationError, match="No password"):
        open_transport(board.address)


def test_a_thread_in_the_background_does_not_ask() -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(password._someone_is_there()))
    thread.start()
    thread.join()
    assert found == [False]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("wrong", "webrepl_cfg.py"),
        ("more-than-nine", "at most 9 characters"),
        ("two\rlines", "more than one line"),
    ],
)
def test_a_password_that_is_refused_is_shown_nowhere(
    board: WebreplServer, given: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    # The library can be told to log what it sends.
    log = io.StringIO()
    websocket.enableTrace(True, handler=logging.StreamHandler(log))
    try:
        with pytest.raises(errors.AuthenticationError, match=says) as caught:
            open_transport(board.address, password=given)
    finally:
        websocket.enableTrace(False)
    ours = [frame for frame, _ in traceback.walk_tb(caught.tb) if "webrepl.py" in str(frame.f_code)]
    assert given not in repr([frame.f_locals for frame in ours[1:]])  # the first is this test
    assert given not in str(caught.value) + caplog.text + log.getvalue()


def test_a_device_does_not_show_it() -> None:
    with WebreplServer(echo) as board, pytest.raises(errors.ConnectionFailedError) as caught:
        belay.Device(board.address, password=PASSWORD, connect_timeout=0.3)
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(password.Secret(PASSWORD))
    with pytest.raises(TypeError):
        password.Secret(PASSWORD).__reduce__()


# ---- what answers


def hold(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def say(text: bytes, *, wait: bool = True) -> Callable[[socket.socket], None]:
    """What sends this instead of an answer to the HTTP request."""

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(text)
        if wait:
            hold(connection)

    return serve


def after_handshake(*payloads: bytes, wait: bool = False) -> Callable[[socket.socket], None]:
    """What becomes a WebSocket, says these, each when something has come, and closes."""

    def serve(connection: socket.socket) -> None:
        peer = Peer(connection)
        peer.shake_hands()
        for number, payload in enumerate(payloads):
            if number:
                peer.hear()
            peer.send(payload)
        if wait:
            hold(connection)

    return serve


FAILURES: dict[str, tuple[Callable[[socket.socket], None], type[Exception], str]] = {
    "busy": (after_handshake(), errors.PortBusyError, "one client at a time"),
    "busy, as older ones": (lambda c: None, errors.PortBusyError, "one client at a time"),
    "busy, asked": (say(b"", wait=False), errors.PortBusyError, "one client at a time"),
    "silent": (hold, errors.ConnectionFailedError, "did not answer within"),
    "web server": (
        say(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        errors.NotPythonBoardError,
        "status 404",
    ),
    "web page": (
        say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        errors.NotPythonBoardError,
        "status 200",
    ),
    "redirects": (
        say(b"HTTP/1.1 302 Found\r\nLocation: ws://example.invalid/\r\n\r\n"),
        errors.NotPythonBoardError,
        "no WebREPL",
    ),
    "false key": (
        say(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"
        ),
        errors.NotPythonBoardError,
        "no WebREPL",
    ),
    "no password": (
        after_handshake(b"welcome", wait=True),
        errors.NotPythonBoardError,
        "said 'welcome' within 1 s before it asked for the password",
    ),
    "never asks": (
        after_handshake(b"", wait=True),
        errors.ConnectionFailedError,
        "said nothing within",
    ),
    "never answers": (
        after_handshake(b"Password: ", wait=True),
        errors.ConnectionFailedError,
        "instead of an answer",
    ),
    "echoes the password": (
        after_handshake(b"Password: ", PASSWORD.encode(), wait=True),
        errors.NotPythonBoardError,
        "said '…' within",
    ),
    "closes at the password": (
        after_handshake(b"Password: "),
        errors.ConnectionFailedError,
        "closed it",
    ),
    "closes behind it": (
        after_handshake(b"Password: ", CONNECTED),
        errors.ConnectionFailedError,
        "closed it",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_what_is_no_usable_webrepl(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrepl, "_BUSY_PAUSE", 0.01)
    serve, kind, says = FAILURES[case]
    # Long enough where something must come; nothing comes where it is short.
    waits = {"silent", "no password", "never asks", "never answers", "echoes the password"}
    timeout = 1.0 if case in waits else SOON
    with bare(serve) as server:
        address = f"ws://127.0.0.1:{server.port}"
        with pytest.raises(errors.ConnectionFailedError, match=says) as caught:
            open_transport(address, password=PASSWORD, timeout=timeout)
    assert isinstance(caught.value, kind)
    assert address in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_board_that_was_busy_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrepl, "_BUSY_PAUSE", 0.01)
    with WebreplServer(echo) as board:
        meet, left = board._server._serve, [lambda c: None, after_handshake()]
        board._server._serve = lambda c: (left.pop() if left else meet)(c)
        transport = open_transport(board.address, password=PASSWORD)
        transport.write(b"x")
        assert receive(transport, 1) == b"x"
        transport.close()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(errors.ConnectionFailedError, match="Nothing listens"):
        open_transport(f"ws://127.0.0.1:{port}", password=PASSWORD)


# ---- the link


def test_what_follows_the_prompt_is_kept() -> None:
    def serve(connection: socket.socket) -> None:
        peer = Peer(connection)
        peer.shake_hands()
        peer.send(b"Pass")
        peer.send(b"word: ")
        peer.hear()
        peer.send(CONNECTED[:9])
        peer.send(CONNECTED[9:] + b"early")
        peer.hear()
        peer.send(b" text")
        peer.send(b"\x01\x1b\x00", BINARY)
        hold(connection)

    with bare(serve) as server:
        transport = open_transport(f"ws://127.0.0.1:{server.port}", password=PASSWORD)
        assert receive(transport, 10) == b"early text"
        transport.close()


def test_text_that_is_no_utf8_passes_in_any_frames() -> None:
    data = bytes(range(256)) * 3

    def serve(server: WebreplServer, peer: Peer) -> None:
        server.frames(peer)
        for start in range(0, len(data), 7):
            peer.send(data[start : start + 7])
        peer.send(b"?", 9)  # a ping
        peer.socket.sendall(b"\x01\x02ab\x00\x01c\x80\x00")  # a message in three pieces
        opcode, payload = server.frames(peer)[0]
        peer.send(b"pong" if (opcode, payload) == (10, b"?") else b"none")
        server.frames(peer)

    with WebreplServer(serve) as board:
        transport = open_transport(board.address, password=PASSWORD)
        transport.write(b"go")
        assert receive(transport, len(data) + 7) == data + b"abcpong"
        transport.close()


def test_a_clients_frames_are_masked() -> None:
    seen = bytearray()

    def serve(connection: socket.socket) -> None:
        peer = Peer(connection)
        peer.shake_hands()
        peer.send(b"Password: ")
        while not seen.endswith(b"end"):
            seen.extend(connection.recv(4096))
            if len(seen) < 20:
                peer.send(CONNECTED)
                peer.send(b"\x01\x1b\x00", BINARY)
            peer.send(b".")

    with bare(serve) as server:
        link = f"ws://127.0.0.1:{server.port}"
        transport = open_transport(link, password=PASSWORD)
        receive(transport, 1)
        transport.write(b"plain text")
        receive(transport, 1)
        transport.close()
    assert seen[1] & 0x80
    assert PASSWORD.encode() not in seen
    assert b"plain text" not in seen


def test_a_small_board_gets_every_byte() -> None:
    data = random.Random(5).randbytes(20_000)
    ring = Ring(len(data))
    with WebreplServer(ring.serve) as board:
        transport = open_transport(board.address, password=PASSWORD)
        start = 0
        for size in (1, 4, 300, 100, 239, 240, 241, 5000):
            transport.write(data[start : start + size])
            start += size
        transport.write(data[start:])
        assert ring.full.wait(SOON)
        transport.close()
    assert ring.lost == 0
    assert bytes(ring.got) == data
    assert webrepl.WINDOW + webrepl.SMALL <= RING


def test_the_model_of_a_small_board_loses_what_is_not_paced() -> None:
    ring = Ring(1000)
    with WebreplServer(ring.serve) as board:
        client = websocket.create_connection(board.address)
        client.recv()
        client.send(PASSWORD + "\r")
        client.recv()
        client.send("x" * 1000)
        assert ring.full.wait(SOON)
        client.shutdown()
    assert ring.lost == 1000 - RING


def test_a_board_that_does_not_say_what_it_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrepl, "_ACKNOWLEDGED_WITHIN", 0.05)
    data = random.Random(6).randbytes(1500)
    pieces = []

    def serve(server: WebreplServer, peer: Peer) -> None:
        while frames := server.frames(peer):
            pieces.extend(payload for _, payload in frames)
            for _, payload in frames:
                peer.send(payload)

    with WebreplServer(serve, versions=False) as board:
        transport = open_transport(board.address, password=PASSWORD)
        began = time.monotonic()
        transport.write(data)
        assert time.monotonic() - began >= 14 * webrepl.PAUSE
        assert receive(transport, len(data)) == data
        transport.close()
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) == webrepl.SLOW_PIECE


class Stuck:
    """A board that reads nothing after a first piece, until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.reached = threading.Event()
        self.got = b""

    def serve(self, server: WebreplServer, peer: Peer) -> None:
        server.frames(peer)  # which takes the question for the version at login along
        self.reached.set()
        self.go.wait(SOON)
        while frames := server.frames(peer):
            for _, payload in frames:
                self.got += payload
                if payload.endswith(b"\x03"):
                    peer.send(b"stopped")


def test_an_interrupt_does_not_stand_behind_a_write_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webrepl, "PATIENCE", 1000.0)
    stuck = Stuck()
    with WebreplServer(stuck.serve) as board:
        transport = open_transport(board.address, password=PASSWORD)
        transport.write(b"first")
        assert stuck.reached.wait(SOON)
        writer = threading.Thread(target=transport.write, args=(b"x" * 5000,))
        writer.start()
        end = time.monotonic() + SOON
        while writer.is_alive() and time.monotonic() < end:  # it may not have begun yet
            transport.drop_output()
            writer.join(0.01)
        assert not writer.is_alive()
        transport.write(b"\x03")
        stuck.go.set()
        assert receive(transport, 7) == b"stopped"
        assert len(stuck.got) < 5000
        transport.close()


def test_close_ends_a_write_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrepl, "PATIENCE", 1000.0)
    stuck = Stuck()
    with WebreplServer(stuck.serve) as board:
        transport = open_transport(board.address, password=PASSWORD)
        transport.write(b"first")
        assert stuck.reached.wait(SOON)
        ended = []

        def write() -> None:
            try:
                while True:
                    transport.write(b"x" * 5000)
            except errors.BelayException as error:
                ended.append(type(error))

        writer = threading.Thread(target=write)
        writer.start()
        transport.close()
        writer.join(SOON)
        assert ended == [errors.DeviceClosedError]
        stuck.go.set()


def test_a_board_that_says_nothing_gets_the_rest_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webrepl, "PATIENCE", 0.05)
    stuck = Stuck()
    with WebreplServer(stuck.serve) as board:
        transport = open_transport(board.address, password=PASSWORD)
        transport.write(b"first")
        assert stuck.reached.wait(SOON)
        transport.write(b"x" * 700 + b"\x03")
        stuck.go.set()
        assert receive(transport, 7) == b"stopped"
        transport.close()
    assert stuck.got == b"x" * 700 + b"\x03"


@pytest.mark.parametrize("how", ["mid-frame", "mid-header", "close frame", "reset", "bad frame"])
def test_a_link_that_dies(how: str) -> None:
    def serve(server: WebreplServer, peer: Peer) -> None:
        server.frames(peer)
        peer.send(b"whole")
        if how == "mid-frame":
            peer.socket.sendall(half(100, b"torn"))
        elif how == "mid-header":
            peer.socket.sendall(b"\x81")
        elif how == "close frame":
            peer.send(b"", 8)
            peer.hear()
        elif how == "bad frame":
            peer.socket.sendall(b"\xf1\x01x")
            peer.hear()
        else:
            linger = struct.pack("ii", 1, 0)
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    with WebreplServer(serve) as board:
        transport = open_transport(board.address, password=PASSWORD)
        transport.write(b"go")
        if how == "reset":  # it may overtake what was sent before it
            with pytest.raises(errors.ConnectionLost, match="ended: "):
                receive(transport, 100)
        else:
            assert receive(transport, 5) == b"whole"
        for _ in range(2):
            with pytest.raises(errors.ConnectionLost, match="ended: "):
                receive(transport, 1)
        with pytest.raises(errors.ConnectionLost):
            transport.write(b"x" * 1000)
        transport.close()


# ---- a board


def test_who_is_refused_disturbs_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webrepl, "_BUSY_PAUSE", 0.01)
    with webrepl_board("--password", PASSWORD) as (port, _):
        address = f"ws://127.0.0.1:{port}"
        with belay.Device(address, password=PASSWORD, startup="") as device:
            device("def f(x): return x")
            call = device.proxy("f")
            for number in range(3):
                with pytest.raises(errors.PortBusyError):
                    open_transport(address, password=PASSWORD)
                assert call(number) == number
        assert capsys.readouterr().out.count("Concurrent WebREPL connection") == 9


def test_a_board_that_prints_without_end_is_connected_to() -> None:
    with webrepl_board("--password", PASSWORD) as (port, _):
        address = f"ws://127.0.0.1:{port}"
        transport = open_transport(address, password=PASSWORD)
        transport.write(b"while True: print('x' * 100)\r\r\r")
        receive(transport, 50_000)
        transport.close()
        with belay.Device(address, password=PASSWORD, startup="") as device:
            assert device("2 + 2") == 4


# ---- wss


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that nobody knows, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    public, private = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", private),
            *("-out", public, "-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    return public, private


@pytest.fixture
def secure_board(certificate: tuple[Path, Path]) -> Iterator[str]:
    """A WebREPL behind TLS that sends back what it gets; its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def serve(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as stream:
                peer = Peer(stream)
                peer.shake_hands()
                if peer.log_in():
                    echo(board, peer)
        except OSError:
            pass  # the client does not trust us, or has gone

    with WebreplServer(echo) as board, bare(serve) as server:
        yield f"wss://localhost:{server.port}"


def test_tls(
    secure_board: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    transport = open_transport(secure_board, password=PASSWORD)
    data = random.Random(7).randbytes(30_000)
    writer = threading.Thread(target=transport.write, args=(data,))
    writer.start()
    assert receive(transport, len(data)) == data
    writer.join(SOON)
    assert transport.wait(0) is False
    transport.close()
    with pytest.raises(errors.DeviceClosedError):
        transport.read()


def test_a_certificate_that_nobody_knows(secure_board: str) -> None:
    with pytest.raises(errors.ConnectionFailedError, match="not trusted.*SSL_CERT_FILE"):
        open_transport(secure_board, password=PASSWORD)


def test_a_certificate_of_another_host(
    secure_board: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with pytest.raises(errors.ConnectionFailedError, match="127"):
        open_transport(secure_board.replace("localhost", "127.0.0.1"), password=PASSWORD)


@pytest.mark.parametrize(
    ("serve", "timeout"),
    [(say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), SOON), (lambda c: None, SOON), (hold, 0.3)],
    ids=["answers", "closes", "waits"],
)
def test_no_tls_at_the_other_side(serve: Callable[[socket.socket], None], timeout: float) -> None:
    with (
        bare(serve) as server,
        pytest.raises(errors.ConnectionFailedError, match="does not speak TLS.*without"),
    ):
        open_transport(f"wss://127.0.0.1:{server.port}", password=PASSWORD, timeout=timeout)
