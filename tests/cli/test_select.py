# SPDX-License-Identifier: Apache-2.0
"""``belay devices`` and ``belay select``: boards to choose from, and how one is remembered."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from belay.cli import main
from belay.cli.blinking import Light, light_names
from belay.cli.candidates import Candidate, choice_lines, named_and_found, what_tells_apart
from belay.cli.columns import aligned, readable
from belay.device import Device
from belay.transports import boards, discovery, usb
from belay.transports.address import parse_address
from belay.transports.boards import BoardEntry
from belay.transports.usb import UsbSpecifier
from belay.transports.virtual import close_shared
from tests.cli.person import Person

PICO = UsbSpecifier(0x2E8A, 5, "e6614", "MicroPython", "Board in FS mode", "1-1.2", "/dev/ttyACM0")
TWIN = UsbSpecifier(0x2E8A, 5, "e6615", "MicroPython", "Board in FS mode", "1-1.3", "/dev/ttyACM1")
CLONE = UsbSpecifier(0x1A86, 0x7523, None, None, "USB Serial", "1-2", "/dev/ttyUSB0")
OTHER_CLONE = UsbSpecifier(0x1A86, 0x7523, None, None, "USB Serial", "1-3", "/dev/ttyUSB1")


@pytest.fixture(autouse=True, scope="module")
def no_board_is_left() -> Iterator[None]:
    yield
    close_shared()


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[UsbSpecifier]:
    """What is plugged in; the tests add to it."""
    found: list[UsbSpecifier] = []
    monkeypatch.setattr(usb, "list_devices", lambda: found)
    monkeypatch.setattr(boards, "list_devices", lambda: found, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(boards, "user_file", lambda: tmp_path / "config" / "boards.toml")
    monkeypatch.delenv("BELAY_DEVICE", raising=False)
    monkeypatch.chdir(tmp_path)
    return found


# ----------------------------------------------------------------------------------- the list


@pytest.mark.parametrize(
    ("device", "devices", "fields"),
    [
        (PICO, [PICO, TWIN], {"vid": 0x2E8A, "pid": 5, "serial_number": "e6614"}),
        (CLONE, [CLONE, PICO], {"vid": 0x1A86, "pid": 0x7523}),
        (
            CLONE,
            [CLONE, OTHER_CLONE],
            {"vid": 0x1A86, "pid": 0x7523, "product": "USB Serial", "location": "1-2"},
        ),
        (UsbSpecifier(product="x", device="COM3"), [], {"product": "x"}),
    ],
)
def test_as_little_as_finds_it_again(
    device: UsbSpecifier, devices: Sequence[UsbSpecifier], fields: dict[str, object]
) -> None:
    assert what_tells_apart(device, devices).model_dump(exclude_none=True) == fields


def test_names_of_the_configuration() -> None:
    file = Path("boards.toml")
    entries = [
        BoardEntry("left", "usb:serial=E6615", False, file, False),
        BoardEntry("old", "/dev/ttyUSB0", False, file, False),
        BoardEntry("clones", "usb:1a86", False, file, False),
        BoardEntry("wrong", "::", False, file, False, "is wrong"),
        BoardEntry("far", "ws://10.0.0.7", False, file, False),
        BoardEntry("header", "/dev/ttyAMA0?baud=9600", False, file, False),
        BoardEntry("away", "/dev/ttyACM7", False, file, False),
    ]
    plugged = [PICO, TWIN, CLONE, OTHER_CLONE]
    found = named_and_found(plugged, entries, lambda port: port == "/dev/ttyAMA0")
    assert [(each.address, each.name) for each in found] == [
        ("/dev/ttyACM0", ""),
        ("/dev/ttyACM1", "left"),
        ("/dev/ttyUSB0", "old"),
        ("/dev/ttyUSB1", ""),
        ("ws://10.0.0.7", "far"),
        ("/dev/ttyAMA0?baud=9600", "header"),
    ]
    assert choice_lines(found[:5])[1] == "/dev/ttyACM1   left  Board in FS mode  MicroPython"
    assert found[0].suggested_name == "board-in-fs-mode"
    assert found[4].suggested_name == "far"


def test_lines_to_remember_a_board_by() -> None:
    board = Candidate("/dev/ttyACM0", usb=PICO, lasting=UsbSpecifier(serial_number="o'neill"))
    assert shlex.split(board.export) == ["export", 'BELAY_DEVICE={"serial_number": "o\'neill"}']
    made = eval(board.python.partition(" = ")[2], {"belay": Belay})
    assert made == UsbSpecifier(serial_number="o'neill")
    assert Candidate("ws://x").python == "device = belay.Device('ws://x')"


class Belay:
    UsbSpecifier = UsbSpecifier

    @staticmethod
    def Device(address: object) -> object:
        return address


def test_columns() -> None:
    rows = [["NAME", "EMPTY", "SIZE"], ["a", "", "1"], ["long one", "", "1000"]]
    assert aligned(rows, right=[2]) == ["NAME      SIZE", "a            1", "long one  1000"]
    assert aligned([["A"], ["\x1b[31mred"]])[1] == "\\x1b[31mred"
    sizes = [0, 1023, 1024, 1536, 10 * 1024, 1024**2 - 1, 3 * 1024**3, 5 * 1024**5]
    shown = ["0", "1023", "1.0K", "1.5K", "10K", "1.0M", "3.0G", "5120T"]
    assert [readable(size) for size in sizes] == shown


def test_devices(there: list[UsbSpecifier], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    assert "'virtual:' needs no hardware" in capsys.readouterr().out
    assert main(["devices", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"
    there += [PICO, CLONE]
    assert main(["devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "PORT", "VID:PID", "SERIAL", "PRODUCT", "MANUFACTURER", "LOCATION",
    ]  # fmt: skip
    assert lines[1].split()[:3] == ["/dev/ttyACM0", "2e8a:0005", "e6614"]
    assert main(["devices", "--json"]) == 0
    (pico, clone) = json.loads(capsys.readouterr().out)
    assert (pico["port"], pico["vid"], pico["serial_number"]) == ("/dev/ttyACM0", 0x2E8A, "e6614")
    assert clone["serial_number"] is clone["name"] is None


def test_devices_that_are_asked(
    there: list[UsbSpecifier], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    boards.save("desk", "virtual:desk")
    there += [UsbSpecifier(1, 2, device=str(tmp_path / "port"))]
    assert main(["devices", "--probe"]) == 0
    _, port, desk = capsys.readouterr().out.splitlines()
    assert re.search(r"MicroPython v1\S+; JS with", desk)
    assert "There is no" in port
    assert main(["devices", "--probe", "--json"]) == 0
    states = [each["state"] for each in json.loads(capsys.readouterr().out)]
    assert states == ["closed", "micropython"]


def test_devices_in_the_network(
    there: list[UsbSpecifier],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boards.save("desk", "ws://desk.local")
    found = [parse_address("ws://desk.local"), parse_address("ws://mpy-esp32.local")]
    monkeypatch.setattr(discovery, "find_network_boards", lambda: found)
    assert main(["devices", "--network"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["ws://desk.local:8266", "desk"],
        ["ws://mpy-esp32.local:8266"],
    ]


# ------------------------------------------------------------------------- without a terminal


def test_select_where_nobody_can_be_asked(
    there: list[UsbSpecifier], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["select"]) == 1
    assert "There is no board" in capsys.readouterr().err
    there += [CLONE]
    assert main(["select"]) == 0
    line, python = capsys.readouterr().out.splitlines()
    assert shlex.split(line) == ["export", 'BELAY_DEVICE={"vid": 6790, "pid": 29987}']
    assert python == "# device = belay.Device(belay.UsbSpecifier(vid=0x1a86, pid=0x7523))"
    there += [PICO]
    assert main(["select"]) == 1
    said = capsys.readouterr().err
    assert "--first" in said
    assert "/dev/ttyACM0" in said
    assert main(["select", "--first", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["port"] == "/dev/ttyUSB0"
    assert found["export"] == line


def test_select_writes_a_name(
    there: list[UsbSpecifier], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    there += [PICO, TWIN]
    assert main(["select", "--first", "--name", "desk", "--default"]) == 0
    assert str(tmp_path / "config" / "boards.toml") in capsys.readouterr().out
    entry = boards.configured()["desk"]
    assert entry.default
    assert boards.resolve("desk").name == "desk"
    assert main(["devices", "--json"]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["desk", None]
    (tmp_path / "pyproject.toml").write_text("# mine\n")
    assert main(["select", "--first", "--name", "shared", "--project"]) == 0
    assert "[tool.belay.boards.shared]" in (tmp_path / "pyproject.toml").read_text()
    assert main(["select", "--first", "--name", "COM1"]) == 2


# ------------------------------------------------------------------------------ in a terminal


def test_a_person_selects(tmp_path: Path) -> None:
    config = tmp_path / "belay" / "boards.toml"
    config.parent.mkdir()
    config.write_text(
        '[left]\naddress = "virtual:left"\n[right]\naddress = "virtual:right"\n'
        '[nowhere]\naddress = "/dev/nowhere"\n'
    )
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    with Person("select", folder=tmp_path, env=env) as person:
        person.sees(r"Which board\?(?s:.*)Description: virtual:left, from the configuration")
        person.types("\x1b[B")  # down
        person.sees("» virtual:right")
        person.types("lef\r")
        person.sees(r"Which board\? virtual:left")
        person.sees("micropython 1.* on webassembly")
        person.sees("Pin of a light")
        person.types("NOPE\r")
        person.sees("NeoPixel")
        person.types("n")
        person.sees("It does not blink: ValueError")
        person.sees("Pin of a light")
        person.types("15\r")
        person.sees("NeoPixel")
        person.types("n")
        person.sees(r"15 blinks. Is this the board\?")
        person.types("n")
        person.sees("Which board")  # once more
        person.types("\x0e\r")  # Ctrl-N, Enter
        person.sees(r"Which board\? virtual:right")
        person.sees("Pin of a light")
        person.types("16\r")
        person.sees("NeoPixel")
        person.types("n")
        person.sees(r"16 blinks. Is this the board\?")
        person.types("\r")
        person.sees("remembered")
        person.types("\x1b[B\r")
        person.sees("Its name")
        person.types("\x15bench\r")
        person.sees("bench is written into")
        assert person.status() == 0
    assert 'address = "virtual:right"' in config.read_text().partition("[bench]")[2]


@pytest.mark.parametrize("pixel", [False, True], ids=["LED", "NeoPixel"])
@pytest.mark.parametrize(
    ("address", "pin"), [("virtual:blinks", "15"), ("virtual:round?circuitpython=1", "LED")]
)
def test_a_light(address: str, pin: str, pixel: bool) -> None:
    with Device(address, reset=False, startup="") as device:
        before = set(device("dir()"))
        assert light_names(device) == ([] if pin == "15" else ["LED"])
        for _ in range(2):  # its pin is free again
            with Light(device, pin, pixel=pixel) as light:
                pass
            assert light.error is None or pixel  # a board may lack the module
        with Light(device, "NOPE", pixel=pixel) as light:
            assert light.error is not None  # before anybody is told that it blinks
        assert set(device("dir()")) - before <= {"gc"}


def test_a_person_leaves(tmp_path: Path) -> None:
    (tmp_path / "belay").mkdir()
    (tmp_path / "belay" / "boards.toml").write_text('[left]\naddress = "virtual:left"\n')
    with Person("select", folder=tmp_path, env={"XDG_CONFIG_HOME": str(tmp_path)}) as person:
        person.sees("Which board")
        person.types("\x03")
        assert person.status() == 130
