# SPDX-License-Identifier: Apache-2.0
"""Names of boards: where they stand, which one is meant, and what a project must not name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import belay
from belay.errors import (
    AddressError,
    ConnectionFailedError,
    DeviceNotFoundError,
    InsufficientSpecifierError,
)
from belay.transports import boards, open_transport
from belay.transports.address import list_forms
from belay.transports.boards import (
    configured,
    remove,
    resolve,
    resolve_all,
    save,
    user_file,
)
from belay.transports.usb import UsbSpecifier
from tests.transports.test_usb import PICO, SECOND_PICO

PROJECT = """\
[project]
name = "station"  # a comment

[tool.belay]
name = "station"

# on the roof
[tool.belay.boards.roof]
address = "usb:serial=E6614C775B3A2C35&baud=9600"  # the old one

[tool.belay.boards]
desk = "virtual:desk"

[tool.other]
rest = [1, 2]
"""


class Home:
    """A user's own file, a project, and what is plugged in."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "work" / "project"
        self.project.mkdir(parents=True)
        self.own = folder / "config" / "belay" / "boards.toml"
        self.ports: list[Any] = []

    def write(self, project: str = "", own: str = "") -> None:
        if project:
            (self.project / "pyproject.toml").write_text(project)
        if own:
            self.own.parent.mkdir(parents=True, exist_ok=True)
            self.own.write_text(own)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(home.own.parent))
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: list(home.ports))
    monkeypatch.delenv("BELAY_DEVICE", raising=False)
    monkeypatch.chdir(home.project)
    return home


def test_names_of_a_project_and_of_the_user(home: Home) -> None:
    assert configured() == {}
    home.write(PROJECT, 'lab = "192.168.4.1"\n[desk]\naddress = "COM5"\ndefault = true\n')
    found = configured()
    assert {name: entry.address for name, entry in found.items()} == {
        "desk": "COM5",
        "lab": "telnet://192.168.4.1",
        "roof": "usb:serial=E6614C775B3A2C35&baud=9600",
    }
    assert [entry.project for entry in found.values()] == [False, False, True]
    assert found["roof"].path == home.project / "pyproject.toml"
    assert resolve("roof") == (found["roof"].address, "roof", str(found["roof"].path))
    assert resolve("roof").label == "roof"
    assert str(resolve(" desk ")) == "COM5"
    assert [board.name for board in resolve_all()] == ["desk", "lab", "roof"]


def test_a_folder_inside_the_project(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write(PROJECT)
    inside = home.project / "src" / "deep"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert resolve("desk").address == "virtual:desk"
    (home.project / "src" / "pyproject.toml").write_text("")  # a nearer project
    assert configured() == {}
    gone = home.project / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert boards.project_file() is None


def test_which_board_is_meant(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeviceNotFoundError, match="Is the board plugged in"):
        resolve()
    home.ports = [PICO, SECOND_PICO]
    with pytest.raises(InsufficientSpecifierError, match="/dev/ttyACM0"):
        resolve()
    assert [board.address for board in resolve_all()] == ["/dev/ttyACM0", "/dev/ttyACM1"]
    home.ports = [PICO]
    assert resolve() == ("/dev/ttyACM1", "", "the only board")
    home.write('[tool.belay.boards.roof]\naddress = "virtual:roof"\ndefault = true\n')
    assert resolve().name == "roof"
    home.write(own='[mine]\naddress = "virtual:mine"\ndefault = true\n')
    assert resolve().name == "mine"  # the user's own default comes before the project's
    monkeypatch.setenv("BELAY_DEVICE", "roof")
    assert resolve().name == "roof"
    monkeypatch.setenv("BELAY_DEVICE", '{"vid": "2e8a"}')
    assert resolve() == ('{"vid": 11914}', "", "BELAY_DEVICE")
    assert resolve("COM3") == ("COM3", "", "the argument")
    monkeypatch.setenv("BELAY_DEVICE", "nobody")
    with pytest.raises(AddressError, match="^BELAY_DEVICE: 'nobody' is not a board address"):
        resolve()
    monkeypatch.delenv("BELAY_DEVICE")
    home.write('[tool.belay.boards]\nroof = "virtual:roof"\nbad = 5\n', "")
    home.own.unlink()
    assert resolve().name == "roof"  # the only one that can be meant
    home.write('[tool.belay.boards]\nroof = "virtual:roof"\n', '[mine]\naddress = "virtual:"\n')
    assert resolve().source == "the only board"
    home.ports = []
    with pytest.raises(DeviceNotFoundError, match=r"Or one of the names 'mine', 'roof'\."):
        resolve()


def test_a_name_opens_its_board(home: Home) -> None:
    home.write('[tool.belay.boards]\nsim = "virtual:?seed=5"\n')
    with belay.Device("sim") as device:
        assert device.address == "virtual:?seed=5"
        assert device("1 + 1") == 2
    open_transport("sim").close()


def test_the_default_is_the_board_of_a_device(home: Home) -> None:
    home.write('[tool.belay.boards.sim]\naddress = "virtual:?seed=6"\ndefault = true\n')
    with belay.Device() as device:
        assert device.address == "virtual:?seed=6"


def test_the_default_is_the_board_of_a_notebook(home: Home) -> None:
    from belay_jupyter.boards import Boards

    found = Boards(None)  # type: ignore[arg-type]
    assert found.known_address() == ""
    home.write('[tool.belay.boards]\none = "virtual:"\nother = "virtual:"\n')
    assert found.known_address() == ""
    home.write('[tool.belay.boards.sim]\naddress = "virtual:?seed=6"\ndefault = true\n')
    assert found.known_address() == "virtual:?seed=6"
    found.address = "virtual:"
    assert found.known_address() == "virtual:"


def test_a_name_that_nobody_has_given(home: Home) -> None:
    home.ports = [PICO]
    with pytest.raises(AddressError) as caught:
        resolve("rof")
    message = str(caught.value)
    assert "'rof' is not a board address: no board has this name." in message
    assert "No name is configured. Plugged in: /dev/ttyACM1." in message
    assert "A path here is './rof'." in message
    assert list_forms() in message
    home.write(PROJECT)
    for wrong, hint in {
        "rof": "Configured are 'desk', 'roof'.",
        "virtual": "Did you mean 'virtual:'?",
        "esp32.local": "'ws://esp32.local' (WebREPL)",
    }.items():
        with pytest.raises(AddressError) as caught:
            belay.Device(wrong)
        assert hint in str(caught.value)


REFUSED = {
    "exec:rm -rf /": "it runs a program (exec:)",
    "execpty:sh": "it runs a program (execpty:)",
    "EXEC:sh": "it runs a program",
    "spy:///dev/ttyACM0?file=/etc/profile": "spy:// can write files",
    "alt:///dev/ttyACM0?class=X": "alt:// can write files",
    "virtual:?files=/etc": "its files are outside of the project",
    "virtual:?files=../other": "its files are outside of the project",
    "virtual:?files=~/x": "its files are outside of the project",
    "virtual:?files=link/x": "its files are outside of the project",
    "virtual:?files=%2Fetc": "its files are outside of the project",
}


@pytest.mark.parametrize("address", REFUSED)
def test_what_a_project_must_not_name(home: Home, address: str, tmp_path: Path) -> None:
    """It comes from somebody else, and reading it must not run or change anything."""
    (home.project / "link").symlink_to(tmp_path)
    home.write(f'[tool.belay.boards.bad]\naddress = "{address}"\ndefault = true\n')
    for use in (lambda: resolve("bad"), resolve, resolve_all, lambda: open_transport("bad")):
        with pytest.raises(AddressError) as caught:
            use()
        assert REFUSED[address] in str(caught.value)
        assert "a project comes from somebody else" in str(caught.value)
    assert configured()["bad"].problem
    assert configured()["bad"].address == ""
    with pytest.raises(AddressError, match="cannot stand in"):
        save("worse", address, "project")
    # The user may, for it is the user's own machine; and so may BELAY_DEVICE and the command line.
    save("good", address)
    assert resolve("good").address
    assert resolve(address).source == "the argument"


def test_a_name_of_the_user_hides_that_of_a_project(home: Home) -> None:
    home.write('[tool.belay.boards]\nsim = "exec:evil"\n', '[sim]\naddress = "virtual:"\n')
    assert resolve("sim").address == "virtual:"


def test_paths_are_those_of_the_file(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write(
        '[tool.belay.boards]\nsim = "virtual:?files=flash"\nport = "./port"\n',
        'sim2 = "virtual:?files=flash"\n',
    )
    inside = home.project / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    assert resolve("sim").address == f"virtual:?files={home.project / 'flash'}"
    assert resolve("sim2").address == f"virtual:?files={home.own.parent / 'flash'}"
    assert Path(resolve("port").address).resolve() == home.project / "port"


WRONG = {
    "5": "must be a table with an address, or the address as text",
    "[1]": "must be a table",
    "{}": 'has no address (address = "…")',
    "{address = 5}": "has no address",
    '{address = "virtual:", defualt = true}': "unknown key 'defualt'; known here: address, default",
    '{address = "virtual:", default = 1}': "must have default = true or default = false",
    '"usb:pico"': "'pico' is no USB vid of four hexadecimal digits",
    '"other"': "its address 'other' is a name itself",
}


@pytest.mark.parametrize("value", WRONG)
def test_a_wrong_entry_hurts_only_itself(home: Home, value: str) -> None:
    home.write(f'[tool.belay.boards]\nbad = {value}\ngood = "virtual:"\n')
    assert resolve("good").address == "virtual:"
    with pytest.raises(AddressError) as caught:
        resolve("bad")
    assert str(home.project / "pyproject.toml") in str(caught.value)
    assert WRONG[value] in str(caught.value)
    assert "Addresses are" not in str(caught.value)


def test_files_that_are_no_configuration(home: Home) -> None:
    home.write("[tool.belay\n")
    with pytest.raises(AddressError, match=r"pyproject\.toml is no TOML: .*line 1"):
        resolve("desk")
    assert resolve("virtual:").address == "virtual:"  # nothing is read for that
    for text in ("[tool]\nbelay = 5\n", "tool = 5\n", "[tool.belay]\n"):
        home.write(text)
        assert configured() == {}
    home.write("[tool.belay]\nboards = 5\n")
    with pytest.raises(AddressError, match="the boards must be tables"):
        configured()
    home.write('[tool.belay.boards]\n"COM5" = "virtual:"\n"a b" = "virtual:"\n')
    assert "needs another name" in configured()["COM5"].problem
    assert "no name of a port or a board" in configured()["a b"].problem


# ---------------------------------------------------------------------------- writing


def test_a_name_is_saved_and_all_else_stays(home: Home) -> None:
    home.write(PROJECT)
    path = home.project / "pyproject.toml"
    path.chmod(0o600)
    assert save("roof", "usb:serial=NEW", "project") == path
    assert save("shed", "ws://10.0.0.7", "project", default=True) == path
    save("cellar", UsbSpecifier(0x2E8A, 5, device="/dev/ttyACM9"), "project", default=True)
    text = path.read_text()
    for kept in (
        PROJECT.partition("[tool.belay.boards.roof]")[0],
        "# the old one",
        "rest = [1, 2]",
    ):
        assert kept in text
    assert path.stat().st_mode & 0o777 == 0o600
    found = configured()
    assert {name: (e.address, e.default) for name, e in found.items()} == {
        "cellar": ("usb:2e8a:0005", True),
        "desk": ("virtual:desk", False),
        "roof": ("usb:serial=NEW", False),
        "shed": ("ws://10.0.0.7:8266", False),
    }
    for name in found:
        remove(name, "project")
    assert configured() == {}
    assert "rest = [1, 2]" in path.read_text()
    assert [each.name for each in home.project.iterdir()] == ["pyproject.toml"]


def test_the_first_name_of_all(home: Home) -> None:
    assert save("pico", '{"serial_number": "x1"}', default=True) == user_file() == home.own
    assert save("again", "pico") == home.own  # a name stands for what it stands for
    assert home.own.read_text().startswith("[pico]")
    assert resolve().address == "usb:serial=x1"
    assert resolve("again").address == "usb:serial=x1"
    (home.project / "pyproject.toml").write_text("")
    save("pico", "virtual:", "project")
    assert configured()["pico"].address == "usb:serial=x1"
    remove("pico")
    assert configured()["pico"].address == "virtual:"


def test_what_cannot_be_saved(home: Home) -> None:
    with pytest.raises(AddressError, match="There is no pyproject.toml"):
        save("pico", "virtual:", "project")
    home.write(PROJECT, "[mine]\n")
    for name in ("COM5", "a b", "", "usb:x", "/dev/ttyACM0"):
        with pytest.raises(AddressError):
            save(name, "virtual:")
    with pytest.raises(AddressError, match="no board has this name"):
        save("pico", "nobody")
    with pytest.raises(AddressError, match="There is no board 'pico' in"):
        remove("pico")
    with pytest.raises(ValueError, match="'user' or 'project'"):
        save("pico", "virtual:", "somewhere")
    home.own.write_text("[mine\n")
    with pytest.raises(AddressError, match="is no TOML"):
        save("pico", "virtual:")
    assert home.own.read_text() == "[mine\n"


def test_a_file_that_cannot_be_written(home: Home) -> None:
    home.own.parent.mkdir(parents=True)
    home.own.mkdir()
    (home.own / "inside").touch()
    with pytest.raises(ConnectionFailedError, match="cannot be"):
        save("pico", "virtual:")
