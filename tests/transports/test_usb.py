# SPDX-License-Identifier: Apache-2.0
"""Ports found by what is behind them, from tables of what the system says."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belay.errors import (
    AddressError,
    ConnectionFailedError,
    DeviceNotFoundError,
    InsufficientSpecifierError,
)
from belay.transports import open_transport
from belay.transports.address import parse_address
from belay.transports.usb import UsbSpecifier, list_devices


def port(device: str, **known: Any) -> Any:
    """What pyserial says of a port."""
    fields = ("vid", "pid", "serial_number", "manufacturer", "product", "location")
    return SimpleNamespace(device=device, **(dict.fromkeys(fields) | known))


PICO = port(
    "/dev/ttyACM1", vid=0x2E8A, pid=5, serial_number="E6614C775B3A2C35",
    manufacturer="MicroPython", product="Board in FS mode", location="1-1.2:1.0",
)  # fmt: skip
SECOND_PICO = port(
    "/dev/ttyACM0", vid=0x2E8A, pid=5, serial_number="e6614c775b3a9999",
    manufacturer="MicroPython", product="Board in FS mode", location="1-1.4:1.0",
)  # fmt: skip
ADAPTER = port("/dev/ttyUSB0", vid=0x1A86, pid=0x7523, product="USB Serial", location="1-1.1")
NAMELESS = port("/dev/ttyUSB1", vid=0x1A86, pid=0x7524, serial_number="", product="")
SOLDERED = port("/dev/ttyS0")
ALL = [PICO, ADAPTER, SOLDERED, SECOND_PICO, NAMELESS]


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The ports that pyserial finds; tests change the list."""
    ports = list(ALL)
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: list(ports))
    return ports


def test_what_is_plugged_in(plugged_in: list[Any]) -> None:
    devices = list_devices()
    assert [device.device for device in devices] == [
        "/dev/ttyACM0",
        "/dev/ttyACM1",
        "/dev/ttyUSB0",
        "/dev/ttyUSB1",
    ]
    assert devices[1] == UsbSpecifier(
        0x2E8A, 5, "E6614C775B3A2C35", "MicroPython", "Board in FS mode", "1-1.2:1.0"
    )
    assert devices[3].serial_number is None
    plugged_in[:] = [SOLDERED]
    assert list_devices() == []


FOUND: list[tuple[dict[str, Any], str]] = [
    ({"serial_number": "E6614C775B3A2C35"}, "/dev/ttyACM1"),
    ({"serial_number": "e6614c775b3a2c35"}, "/dev/ttyACM1"),
    ({"vid": 0x2E8A, "location": "1-1.4:1.0"}, "/dev/ttyACM0"),
    ({"location": "1-1.4"}, "/dev/ttyACM0"),
    ({"location": "1-1.1"}, "/dev/ttyUSB0"),
    ({"vid": "1a86", "pid": "0x7523"}, "/dev/ttyUSB0"),
    ({"pid": 0x7524}, "/dev/ttyUSB1"),
    ({"product": "usb serial"}, "/dev/ttyUSB0"),
    ({"device": "COM7"}, "COM7"),
    ({"device": "COM7", "vid": 1}, "COM7"),
]


@pytest.mark.parametrize(("fields", "found"), FOUND, ids=str)
def test_the_device_that_fits(plugged_in: list[Any], fields: Any, found: str) -> None:
    assert UsbSpecifier(**fields).to_port() == found


@pytest.mark.parametrize(
    "fields",
    [
        {"vid": 1},
        {"serial_number": "E6614C775B3A"},  # a part of it is not it
        {"location": "1-1"},
        {"location": "1-1.4:1.1"},
        {"vid": 0x2E8A, "product": "USB Serial"},
        {"manufacturer": ""},
    ],
    ids=str,
)
def test_none_fits(plugged_in: list[Any], fields: Any) -> None:
    with pytest.raises(DeviceNotFoundError, match=r"fits UsbSpecifier\(") as caught:
        UsbSpecifier(**fields).to_port()
    assert "/dev/ttyACM0" in str(caught.value)
    assert "/dev/ttyS0" not in str(caught.value)
    assert isinstance(caught.value, ConnectionFailedError)


@pytest.mark.parametrize("fields", [{"vid": 0x2E8A}, {"product": "board in fs mode"}], ids=str)
def test_several_fit(plugged_in: list[Any], fields: Any) -> None:
    with pytest.raises(InsufficientSpecifierError, match="More than one") as caught:
        UsbSpecifier(**fields).to_port()
    assert "serial_number='E6614C775B3A2C35'" in str(caught.value)
    assert "device='/dev/ttyACM0'" in str(caught.value)
    assert "ttyUSB" not in str(caught.value)


def test_the_only_one_there_is(plugged_in: list[Any]) -> None:
    with pytest.raises(InsufficientSpecifierError, match="More than one USB serial device is"):
        UsbSpecifier().to_port()
    plugged_in[:] = [SOLDERED, ADAPTER]
    assert UsbSpecifier().to_port() == "/dev/ttyUSB0"
    plugged_in[:] = [SOLDERED]
    with pytest.raises(DeviceNotFoundError, match=r"No USB serial device is there\. Is the board"):
        UsbSpecifier().to_port()


def test_as_an_address(plugged_in: list[Any]) -> None:
    """It opens the port that fits, here a pseudo-terminal."""
    master, slave = os.openpty()
    plugged_in[:] = [port(os.ttyname(slave), vid=7, serial_number="x1")]
    for address in (UsbSpecifier(vid=7), '{"serial_number": "X1"}', " {}\n"):
        transport = open_transport(address)
        assert transport.address == os.ttyname(slave)
        transport.close()
    with pytest.raises(DeviceNotFoundError):
        open_transport('{"vid": 8}')
    os.close(slave)
    os.close(master)


WRONG_JSON = {
    "{": "Expecting property name",
    '{"vid": "usb"}': "vid must be a hexadecimal number, not 'usb'",
    '{"vid": 70000}': "vid must be from 0 to 0xffff, not 0x11170",
    '{"pid": -1}': "pid must be from 0 to 0xffff",
    '{"pid": true}': "pid must be a number, not bool",
    '{"vid": 1.5}': "vid must be a number, not float",
    '{"serial_number": 5}': "serial_number must be text, not int",
    '{"name": "x"}': "unknown field 'name'; known here: vid, pid, serial_number",
    '{"a' + "b" * 400: "is no USB specifier",
    '{"product": ' + "[" * 100_000: "",
}


@pytest.mark.parametrize("text", WRONG_JSON, ids=lambda text: text[:30])
def test_wrong_json_says_what_is_wrong(text: str) -> None:
    for read in (UsbSpecifier.from_json, UsbSpecifier.model_validate_json):
        with pytest.raises(AddressError) as caught:
            read(text)
        assert WRONG_JSON[text] in str(caught.value)
        assert len(str(caught.value)) < 500
    with pytest.raises(AddressError, match="Addresses are:"):
        parse_address(text)


@pytest.mark.parametrize("text", ["[]", "5", "null", '"x"'])
def test_json_of_something_else(text: str) -> None:
    with pytest.raises(AddressError, match="an object is expected, not"):
        UsbSpecifier.from_json(text)


def test_what_is_shown_and_dumped() -> None:
    specifier = UsbSpecifier(vid="2E8A", product="Board", device="COM3")
    assert repr(specifier) == "UsbSpecifier(vid=0x2e8a, product='Board', device='COM3')"
    assert repr(UsbSpecifier()) == "UsbSpecifier()"
    assert eval(repr(specifier)) == specifier
    assert specifier.to_json() == str(specifier) == '{"vid": 11914, "product": "Board"}'
    assert specifier.model_dump_json(exclude_unset=True) == specifier.to_json()
    set_fields = {"vid": 0x2E8A, "product": "Board"}
    unset = dict.fromkeys(("pid", "serial_number", "manufacturer", "location"))
    assert specifier.model_dump(exclude_none=True) == set_fields
    assert specifier.model_dump() == set_fields | unset
    assert UsbSpecifier.model_validate(specifier.model_dump()) == specifier
    assert UsbSpecifier.model_validate(specifier) is specifier
    assert specifier.populated()
    assert not UsbSpecifier(device="COM3").populated()
    assert specifier == UsbSpecifier(vid=0x2E8A, product="Board")
    assert specifier != UsbSpecifier(vid=0x2E8A)
    assert pickle.loads(pickle.dumps(specifier)) == copy.copy(specifier) == specifier
    # As Belay 0.30 wrote it: all fields, null where unknown.
    full = dict.fromkeys(("pid", "serial_number", "manufacturer", "product", "location"))
    assert UsbSpecifier.parse_raw(json.dumps({"vid": 11914} | full)) == UsbSpecifier(vid=0x2E8A)


texts = st.none() | st.text()
numbers = st.none() | st.integers(0, 0xFFFF)
specifiers = st.builds(UsbSpecifier, numbers, numbers, texts, texts, texts, texts)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(specifiers)
def test_json_means_the_same(specifier: UsbSpecifier) -> None:
    assert UsbSpecifier.from_json(specifier.to_json()) == specifier
    assert parse_address(str(specifier)) == specifier


def test_pyserial_is_loaded_when_it_is_needed() -> None:
    code = (
        "import sys; from belay.transports.usb import UsbSpecifier; UsbSpecifier(vid='2e8a');"
        "print({'serial', 'json'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n", done.stderr
