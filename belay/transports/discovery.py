# SPDX-License-Identifier: Apache-2.0
"""What runs behind an address, asked without disturbing it; and boards in the network."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from belay.errors import AddressError, BelayException, FeatureUnavailableError
from belay.transports import open_transport
from belay.transports.address import WEBREPL_PORT, WebReplAddress
from belay.transports.base import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from belay.transports.usb import UsbSpecifier

__all__ = ["HOSTS", "Probed", "find_network_boards", "probe"]

# Ctrl-B at an empty prompt prints the banner again, in the raw REPL also; in a line that somebody
# has begun to type it moves the cursor; and a program that runs may read it, or not.
_ASK = b"\x02"
_BANNER = re.compile(
    rb"(MicroPython|Adafruit CircuitPython) (\S{1,60}) on [^;\r\n]{1,60}"
    rb"(?:; ([^\r\n]{1,200}))?\r*\n"
)
_QUIET = 0.5  # seconds after which what has begun to answer has nothing more to say
_MOST = 1 << 16

HOSTS = (
    "mpy-esp32",
    "mpy-esp32s2",
    "mpy-esp32s3",
    "mpy-esp32c3",
    "mpy-esp32c6",
    "mpy-esp8266",
    "PicoW",
    "Pico2W",
    "PYBD",
)
"""Names that boards have in the network unless their program gives them another one."""

_SERVICE = "_webrepl._tcp.local."


class Probed(NamedTuple):
    """What was found behind an address.

    Attributes:
        state: ``micropython`` or ``circuitpython``; ``other`` where something else answers;
            ``silent`` where nothing does, which is a board whose program runs, or no board;
            ``closed`` where the address could not be opened.
        text: one line for people.
        version: of the implementation, such as ``v1.27.0``.
        machine: what the board calls itself.
    """

    state: str
    text: str
    version: str = ""
    machine: str = ""


def probe(
    address: str | UsbSpecifier,
    *,
    timeout: float = 2.0,
    user: str | None = None,
    password: str | None = None,
) -> Probed:
    """Ask what runs behind an address; nothing is reset, interrupted or changed by that.

    So a board whose program runs does not answer.

    Args:
        address: as for :func:`belay.transports.open_transport`.
        timeout: seconds to wait for the answer.
        user: likewise.
        password: likewise.

    Raises:
        AddressError: the address cannot be understood.
    """
    try:
        transport = open_transport(address, user=user, password=password)
    except AddressError:
        raise
    except BelayException as error:
        return Probed("closed", str(error).partition("\n")[0])
    with contextlib.closing(transport):
        try:
            return _asked(transport, timeout)
        except BelayException as error:
            return Probed("closed", str(error).partition("\n")[0])


def find_network_boards(
    hosts: Iterable[str] = HOSTS, *, timeout: float = 2.0
) -> list[WebReplAddress]:
    """Boards with WebREPL that answer in the local network, by multicast DNS.

    They are those that announce the service ``_webrepl._tcp``, and those that have one of these
    host names. Whether WebREPL is on at the latter is not asked.

    Args:
        hosts: names without ``.local``.
        timeout: seconds to wait for answers.

    Raises:
        FeatureUnavailableError: the package ``zeroconf`` is not installed.
    """
    try:
        import zeroconf
    except ImportError:
        raise FeatureUnavailableError(
            "Boards in the network are found by the package 'zeroconf', which is not installed "
            "here: pip install 'belay-jupyter[mdns]'."
        ) from None
    # Answers to this port alone might go to another program of this computer that has it, too.
    everybody = zeroconf.DNSQuestionType.QM
    end = time.monotonic() + timeout
    announced: dict[str, None] = {}
    found: set[WebReplAddress] = set()

    def heard(state_change: zeroconf.ServiceStateChange, name: str, **_: object) -> None:
        if state_change is not zeroconf.ServiceStateChange.Removed:
            announced[name] = None

    def ask(host: str) -> None:
        resolver = zeroconf.AddressResolver(f"{host}.local.")  # type: ignore[attr-defined]
        if resolver.request(network, _milliseconds(end), everybody):
            found.add(WebReplAddress(f"{host}.local", WEBREPL_PORT))

    with zeroconf.Zeroconf() as network:
        browser = zeroconf.ServiceBrowser(
            network, _SERVICE, handlers=[heard], question_type=everybody
        )
        threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0) + 1)
        _wait_until(end)
        browser.cancel()
        for name in list(announced):
            info = network.get_service_info(_SERVICE, name, 1000, everybody)
            if info is not None and info.server and info.port:
                found.add(WebReplAddress(info.server.rstrip("."), info.port))
    return sorted(found)


def _milliseconds(end: float) -> float:
    return max(end - time.monotonic(), 0.001) * 1000


def _wait_until(end: float) -> None:
    """Browsing has no end of its own: who has not answered by then is not there."""
    threading.Event().wait(max(end - time.monotonic(), 0))


def _asked(transport: Transport, timeout: float) -> Probed:
    transport.write(_ASK)
    data = b""
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0 and len(data) < _MOST:
        if not transport.wait(min(left, _QUIET) if data else left):
            break
        data += transport.read()
        if found := _BANNER.search(data):
            name, version, machine = (part.decode("utf-8", "replace") for part in found.groups(b""))
            state = "micropython" if name == "MicroPython" else "circuitpython"
            return Probed(state, f"{name} {version}; {machine}".rstrip("; "), version, machine)
    if not data:
        return Probed("silent", "no answer: its program runs, or there is no board")
    said = data[-60:].decode("utf-8", "replace").strip()
    if b">>> " in data:
        return Probed("other", f"a prompt, with something typed at it: {said!r}")
    return Probed("other", f"something that says {said!r}")
