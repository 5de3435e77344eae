# SPDX-License-Identifier: Apache-2.0
"""``network.WLAN`` as on a Pico W: it scans, joins and loses the networks of the bench.

No packet is sent: sockets reach this computer where that was asked for, ``virtual:?net=loopback``.
"""

import _board

STA_IF, AP_IF = 0, 1
STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 0, 1, 3
STAT_CONNECT_FAIL, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = -1, -2, -3

_facts = {"hostname": "belay", "country": "XX"}
_MAC = b"\x02\xbe\x1a\x79\x00"


def hostname(name=None):
    if name is None:
        return _facts["hostname"]
    if len(name) > 32:
        raise ValueError
    _facts["hostname"] = name


def country(code=None):
    if code is None:
        return _facts["country"]
    if len(code) != 2:
        raise ValueError
    _facts["country"] = code


def route(*_):
    raise OSError("the virtual board has one network, and no routes")


class WLAN:
    IF_STA, IF_AP = STA_IF, AP_IF
    SEC_OPEN, SEC_WPA_WPA2, SEC_WPA2, SEC_WPA3, SEC_WPA2_WPA3 = 0, 7, 5, 6, 8
    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0x10, 0xA11142, 0xA11C82
    _objects = {}

    def __new__(cls, interface_id=STA_IF):
        if interface_id not in (STA_IF, AP_IF):
            raise ValueError("invalid interface")
        if interface_id not in cls._objects:
            it = cls._objects[interface_id] = object.__new__(cls)
            it._ap = interface_id == AP_IF
            it._ssid, it._static, it._up = "", None, False
            it._config = {"pm": cls.PM_PERFORMANCE, "channel": 1, "txpower": 31, "essid": "PICO"}
            it._config["security"] = cls.SEC_OPEN
        return cls._objects[interface_id]

    def __init__(self, interface_id=STA_IF):
        pass

    def active(self, on=None):
        if self._ap:
            if on is None:
                return self._up
            self._up = bool(on)
            return None
        answer = _board.wlan_active(-1 if on is None else 1 if on else 0)
        return answer if on is None else None

    def scan(self):
        if not self.active():
            raise OSError(1, "the interface is not active: wlan.active(True)")
        found = []
        for line in _board.wlan_scan().split("\n"):
            if line:
                ssid, bssid, channel, rssi, security = line.split(" ")
                found.append(
                    (bytes.fromhex(ssid), bytes.fromhex(bssid))
                    + (int(channel), int(rssi), int(security), 1)
                )
        return found

    def connect(self, ssid=None, key=None, *, security=None, bssid=None, channel=None):
        if self._ap or not self.active():
            raise OSError(1, "the interface is not active: wlan.active(True)")
        if ssid is None:
            ssid = self._ssid
        if isinstance(ssid, (bytes, bytearray)):
            ssid = ssid.decode()
        if isinstance(key, (bytes, bytearray)):
            key = key.decode()
        self._ssid = ssid
        _board.wlan_connect(ssid, key or None)

    def disconnect(self):
        _board.wlan_disconnect()

    def isconnected(self):
        return self._up if self._ap else self.active() and _board.wlan_status() == STAT_GOT_IP

    def status(self, param=None):
        if param is None:
            return (3 if self._up else 0) if self._ap else _board.wlan_status()
        if param == "rssi":
            return _board.wlan_rssi()
        if param == "stations":
            return []
        raise ValueError("unknown status param")

    def ifconfig(self, config=None):
        if config is not None:
            self._static = None if config == "dhcp" else tuple(config)
            return None
        if self._ap:
            return "192.168.4.1", "255.255.255.0", "192.168.4.1", "8.8.8.8"
        if not self.isconnected():
            return "0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0"
        return self._static or ("192.168.4.16", "255.255.255.0", "192.168.4.1", "192.168.4.1")

    def ipconfig(self, param=None, **settings):
        address, mask, gateway, _ = self.ifconfig()
        facts = {"addr4": (address, mask), "gw4": gateway, "dhcp4": self._static is None}
        facts["has_dhcp4"] = facts["dhcp4"] and self.isconnected()
        if settings:
            if settings.get("dhcp4"):
                self._static = None
            if "addr4" in settings:
                given = settings["addr4"]
                pair = given if isinstance(given, tuple) else (given.split("/")[0], mask)
                self._static = (pair[0], pair[1], settings.get("gw4", gateway), gateway)
            return None
        if param not in facts:
            raise ValueError("unknown config param")
        return facts[param]

    def config(self, *params, **settings):
        for name, value in settings.items():
            if name == "ssid":
                name = "essid"
            elif name == "hostname":
                hostname(value)
                continue
            elif name in ("password", "key"):
                self._config["security"] = self.SEC_WPA_WPA2 if value else self.SEC_OPEN
                continue
            elif name not in self._config:
                raise ValueError("unknown config param")
            self._config[name] = value
        if len(params) != 1:
            return None
        name = params[0]
        if name == "mac":
            return _MAC + bytes([self._ap])
        if name == "hostname":
            return hostname()
        if name in ("ssid", "essid"):
            return self._config["essid"] if self._ap else self._ssid
        if name not in self._config:
            raise ValueError("unknown config param")
        return self._config[name]

    def deinit(self):
        self.active(False)

    def __repr__(self):
        if self._ap:
            return "<CYW43 AP %s %s>" % ("up" if self._up else "down", self.ifconfig()[0])
        return "<CYW43 STA %s %s>" % (
            "up" if self.isconnected() else "down",
            self.ifconfig()[0],
        )
