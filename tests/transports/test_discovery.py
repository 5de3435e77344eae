# SPDX-License-Identifier: Apache-2.0
"""What runs behind an address, and boards in the network."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

import pytest

import belay
from belay.errors import AddressError, FeatureUnavailableError, PortNotFoundError
from belay.transports import discovery, open_transport
from belay.transports.address import WebReplAddress
from belay.transports.discovery import find_network_boards, probe
from belay.transports.virtual import close_shared
from tests.transports.far_ends import TcpServer, echo_over_tcp

SOON = 30.0


@pytest.fixture
def shared() -> Iterator[str]:
    """A virtual board that lives on between links."""
    yield "virtual:probed"
    close_shared()


def say(address: str, text: bytes, answer: bytes) -> bytes:
    """Type at a board until it has answered."""
    transport = open_transport(address)
    transport.write(text)
    data = b""
    end = time.monotonic() + SOON
    while answer not in data:
        assert transport.wait(max(end - time.monotonic(), 0)), data
        data += transport.read()
    transport.close()
    return data


def test_a_board_at_its_prompt() -> None:
    found = probe("virtual:", timeout=SOON)
    assert found.state == "micropython"
    assert found.version.startswith("v1.")
    assert found.text == f"MicroPython {found.version}; {found.machine}"
    assert probe("virtual:?circuitpython=1", timeout=SOON).state == "circuitpython"


def test_memory_stays(shared: str) -> None:
    say(shared, b"x = 5\r", b"x = 5\r\n>>> ")
    assert probe(shared, timeout=SOON).state == "micropython"
    with belay.Device(shared, reset=False, startup="") as device:
        assert device("x") == 5


def test_a_board_in_the_raw_repl(shared: str) -> None:
    say(shared, b"\x01", b"raw REPL; CTRL-B to exit\r\n>")
    assert probe(shared, timeout=SOON).state == "micropython"


def test_a_program_that_runs_goes_on_running(shared: str) -> None:
    say(shared, b"\x01", b"raw REPL; CTRL-B to exit\r\n>")
    say(shared, b"print('on')\nwhile True: pass\x04", b"on\n")
    found = probe(shared, timeout=0.3)
    assert found.state == "silent"
    assert "its program runs" in found.text
    assert b"KeyboardInterrupt" in say(shared, b"\x03", b"KeyboardInterrupt")


OTHERS = {
    "exec:cat": ("other", "something that says"),
    "exec:echo >>> you": ("other", "something that says"),
    "exec:sh -c 'echo \">>> x\"; cat'": ("other", "a prompt, with something typed at it"),
    "exec:yes": ("other", "something that says"),
    "exec:true": ("closed", "ended with exit code 0"),
    "/dev/belay-nothing": ("closed", "There is no port /dev/belay-nothing."),
    '{"vid": 1}': ("closed", "No USB serial device fits"),
}


@pytest.mark.parametrize("address", OTHERS)
def test_what_is_no_board(address: str) -> None:
    found = probe(address, timeout=SOON)
    state, text = OTHERS[address]
    if address == "exec:echo >>> you":  # its words and its end come in any order
        assert found.state in ("other", "closed")
        return
    assert found.state == state
    assert text in found.text
    assert "\n" not in found.text


def test_a_mistake_in_the_address_is_told() -> None:
    with pytest.raises(AddressError):
        probe("/dev/ttyACM0?speed=1")


# ---------------------------------------------------------------------------- the network


@pytest.fixture(scope="module")
def desk() -> Iterator[str]:
    """A host in the network that announces a WebREPL, on port 8267."""
    zeroconf = pytest.importorskip("zeroconf")
    name = "belay-test-desk"
    info = zeroconf.ServiceInfo(
        "_webrepl._tcp.local.",
        f"{name}._webrepl._tcp.local.",
        addresses=[socket.inet_aton("127.0.0.1")],
        port=8267,
        server=f"{name}.local.",
    )
    try:
        network = zeroconf.Zeroconf()
    except OSError:
        pytest.skip("no multicast on this machine")
    network.register_service(info)
    with zeroconf.Zeroconf() as other:
        heard = other.get_service_info(info.type, info.name, 10_000)
    if heard:
        yield name
    network.unregister_service(info)
    network.close()
    if not heard:
        pytest.skip("multicast does not arrive on this machine")


def test_boards_that_announce_themselves(desk: str) -> None:
    wanted = {WebReplAddress(f"{desk}.local", 8267), WebReplAddress(f"{desk}.local", 8266)}
    found: set[WebReplAddress] = set()
    end = time.monotonic() + SOON
    while not wanted <= found and time.monotonic() < end:
        found.update(find_network_boards([desk, "belay-test-nobody"], timeout=1.0))
    assert found >= wanted
    assert not any("nobody" in each.host for each in found)


def test_a_host_that_only_the_network_knows(desk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    really = socket.create_connection

    def unknown(place: tuple[str, int], timeout: float | None) -> socket.socket:
        if place[0].endswith(".local"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return really(place, timeout)

    monkeypatch.setattr(socket, "create_connection", unknown)
    with TcpServer(echo_over_tcp) as server:
        transport = open_transport(f"socket://{desk}.local:{server.port}", timeout=SOON)
        transport.write(b"x")
        assert transport.wait(SOON)
        assert transport.read() == b"x"
        transport.close()
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with pytest.raises(PortNotFoundError, match="There is no host"):
        open_transport(f"socket://{desk}.local:80")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with pytest.raises(FeatureUnavailableError, match="belay-jupyter\\[mdns\\]"):
        find_network_boards()


def test_the_usual_names_are_names() -> None:
    assert all(name.replace("-", "").isalnum() for name in discovery.HOSTS)
