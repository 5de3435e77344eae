# SPDX-License-Identifier: Apache-2.0
"""The radio of the simulated board, and the networks that are in the air around it.

Joining takes its time; a network that goes takes its links along. No packet is ever sent: sockets
reach this computer only (see :mod:`.sockets`).
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .control import CommandError, Commands, Json

if TYPE_CHECKING:
    from .peripherals import Bench
    from .proxies import HostModule

__all__ = ["Air", "Network"]

IDLE, CONNECTING, GOT_IP = 0, 1, 3
CONNECT_FAIL, NO_AP_FOUND, WRONG_PASSWORD = -1, -2, -3
OPEN, WPA2 = 0, 5  # what scan says of security, as the driver of a Pico W does

_JOINING = 0.4
"""Seconds that joining takes."""


@dataclass
class Network:
    """An access point.

    Attributes:
        ssid: its name.
        password: None for an open one.
        channel: 1 to 13.
        rssi: strength in dBm.
        up: whether it is on the air.
    """

    ssid: str
    password: str | None = None
    channel: int = 6
    rssi: int = -55
    up: bool = True

    @property
    def bssid(self) -> bytes:
        """Its hardware address: locally administered, and the same for the same name."""
        return b"\x02\xbe" + zlib.crc32(self.ssid.encode()).to_bytes(4, "big")


class Air:
    """What the board's radio sees and does.

    Attributes:
        networks: by name.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.networks = {
            network.ssid: network
            for network in (Network("belay-lab", "micropython"), Network("guest", None, 11, -71))
        }
        self._active = False
        self._wanted: str | None = None
        self._key: str | None = None
        self._since = 0.0
        self._outcome = IDLE

    # ---- the program's side

    def module(self) -> HostModule:
        """What ``network.WLAN`` needs of the host."""
        return {
            "wlan_active": self._set_active,
            "wlan_scan": self._scan,
            "wlan_connect": self._connect,
            "wlan_disconnect": self._disconnect,
            "wlan_status": self._status,
            "wlan_rssi": self._rssi,
        }

    def _set_active(self, on: int) -> bool:
        """Switch it; a negative number only asks."""
        self._bench.furnished()
        if on >= 0:
            self._active = bool(on)
            if not on:
                self._disconnect()
        return self._active

    def _scan(self) -> str:
        """A line for each network: hex of name and address, channel, rssi, security."""
        self._bench.furnished()
        return "\n".join(
            f"{n.ssid.encode().hex()} {n.bssid.hex()} {n.channel} {n.rssi} "
            f"{OPEN if n.password is None else WPA2}"
            for n in sorted(self.networks.values(), key=lambda n: -n.rssi)
            if n.up
        )

    def _connect(self, ssid: str, key: str | None) -> None:
        self._wanted, self._key = ssid, key
        self._since = time.monotonic()
        self._outcome = CONNECTING

    def _disconnect(self) -> None:
        self._wanted, self._outcome = None, IDLE

    def _status(self) -> int:
        """One of the numbers above; joins, and notices what was lost."""
        self._bench.furnished()
        if self._wanted is None:
            return IDLE
        network = self.networks.get(self._wanted)
        if self._outcome == CONNECTING and time.monotonic() - self._since >= _JOINING:
            if network is None or not network.up:
                self._outcome = NO_AP_FOUND
            elif network.password is not None and network.password != self._key:
                self._outcome = WRONG_PASSWORD
            else:
                self._outcome = GOT_IP
        elif self._outcome == GOT_IP and (network is None or not network.up):
            self._outcome, self._wanted = (
                IDLE,
                None,
            )  # the link is down; nobody joins again by itself
        return self._outcome

    def _rssi(self) -> int:
        network = self.networks.get(self._wanted or "")
        return network.rssi if network is not None and self._status() == GOT_IP else 0

    @property
    def online(self) -> bool:
        """Whether the board has joined a network."""
        return self._active and self._status() == GOT_IP

    def soft_reset(self) -> None:
        """The link outlives it, as it does on a Pico W."""

    def hard_reset(self) -> None:
        """Power-on."""
        self._active = False
        self._disconnect()

    # ---- the outside

    def commands(self) -> Commands:
        """What the outside can do."""
        return {
            "wifi.list": self._list,
            "wifi.set": self.put,
            "wifi.remove": self._remove,
        }

    def _list(self) -> Json:
        self._bench.furnished()
        return [
            {**vars(network), "joined": self.online and self._wanted == network.ssid}
            for network in self.networks.values()
        ]

    def put(self, ssid: str, **changes: Json) -> None:
        """Put a network on the air, or change one: password, channel, rssi, up."""
        network = self.networks.get(ssid) or Network(ssid)
        for name, value in changes.items():
            if name not in ("password", "channel", "rssi", "up"):
                raise CommandError(f"a network has ssid, password, channel, rssi and up, no {name}")
            setattr(network, name, value)
        self.networks[ssid] = network

    def _remove(self, ssid: str) -> None:
        if self.networks.pop(ssid, None) is None:
            raise CommandError(f"there is no network {ssid!r}")
