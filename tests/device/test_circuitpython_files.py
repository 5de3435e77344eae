# SPDX-License-Identifier: Apache-2.0
"""Who may write the files of a CircuitPython board: found out, arranged, and taken back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belay import Device, FeatureUnavailableError, ReadOnlyError, SyncError
from belay.circuitpython import (
    Change,
    add_lines,
    disable_write,
    enable_write,
    make_writable,
    remove_lines,
)
from belay.drives import find_drive, mounted_folders
from belay.sync.board import BoardFiles
from tests.device.plugs import Plug
from tests.session.boards import counted

Connect = Callable[..., Device]

MINE = b"# mine\r\nprint('kept')  \r\n\r\n"


def on(folder: Path) -> str:
    return f"virtual:?circuitpython=1&files={folder}"


def files_of(device: Device) -> BoardFiles:
    return BoardFiles(lambda: device._session)


def writes(device: Device) -> bool:
    if device("__import__('storage').getmount('/').readonly"):
        with pytest.raises(ReadOnlyError) as refused:
            files_of(device).write("/probe.txt", b"written")
        assert refused.value.path == "/probe.txt"
        return False
    files_of(device).write("/probe.txt", b"written")
    return files_of(device).read("/probe.txt") == b"written"


# ------------------------------------------------------------------------------ before writing


def test_a_board_that_cannot_write_says_what_to_do_and_loses_nothing(
    connect: Connect, tmp_path: Path
) -> None:
    (tmp_path / "probe.txt").write_bytes(b"old")
    device = connect(on(tmp_path))
    with pytest.raises(ReadOnlyError, match=r"(?s)drive CIRCUITPY.*Eject.*enable-write"):
        make_writable(device)
    assert files_of(device).manifest().read_only is True
    assert not writes(device)
    assert (tmp_path / "probe.txt").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["boot_out.txt", "probe.txt"]


def test_a_board_whose_drive_was_ejected_is_remounted(connect: Connect) -> None:
    device = connect("virtual:?circuitpython=1")
    device("__import__('_board').drive_eject()")
    make_writable(device)
    assert files_of(device).manifest().read_only is False
    assert writes(device)
    assert device("'storage' in globals()") is False


def test_it_costs_one_round_trip_and_on_micropython_none(connect: Connect) -> None:
    for address, turns in (("virtual:?circuitpython=1", 1), ("virtual:", 0)):
        session, link = counted(address)
        session.evaluate("0")

        class Bare:
            _session = session

        before = link.round_trips
        try:
            make_writable(Bare())  # type: ignore[arg-type]
        except ReadOnlyError:
            assert turns
        assert link.round_trips - before == turns
        session.close()


# ------------------------------------------------------------------------------ enable, disable


def test_through_the_drive_of_this_computer_and_back(connect: Connect, tmp_path: Path) -> None:
    boot = tmp_path / "boot.py"
    boot.write_bytes(MINE)
    device = connect(on(tmp_path))

    @device.task
    def double(x):
        return 2 * x

    done = enable_write(device)
    assert done == Change(True, str(boot), writable=True)
    assert boot.read_bytes().endswith(MINE)
    assert b"kept" in (tmp_path / "boot_out.txt").read_bytes()
    assert writes(device)
    assert double(4) == 8  # defined again after the reset
    make_writable(device)
    again = enable_write(device)
    assert not again.changed
    assert again.place == "/boot.py"  # now the board can look for itself
    assert disable_write(device) == Change(True, "/boot.py", writable=False)
    assert boot.read_bytes() == MINE
    assert not writes(device)
    assert disable_write(device) == Change(False, str(boot))
    assert sorted(os.listdir(tmp_path)) == ["boot.py", "boot_out.txt", "probe.txt"]


def test_a_pin_decides_at_every_start(connect: Connect, tmp_path: Path) -> None:
    device = connect(on(tmp_path))
    with pytest.raises(ValueError, match=r"no pin 'GP99'; it has .*GP9, GP10"):
        enable_write(device, "GP99")
    with pytest.raises(ValueError, match="no pin"):
        enable_write(device, "board_id")
    assert not (tmp_path / "boot.py").exists()
    done = enable_write(device, "GP14")
    assert (done.pin, done.writable) == ("GP14", False)
    assert "GP14 decides" in done.text()
    device("__import__('_board').pin_world(14, 0)")  # a wire to GND
    assert enable_write(device, "GP14") == Change(False, done.place, "GP14", True)
    assert writes(device)
    assert device("digitalio.DigitalInOut(board.GP14).value") is False  # the pin is free again
    assert disable_write(device).changed
    assert not (tmp_path / "boot.py").exists()


def test_where_no_drive_is_shown(connect: Connect, tmp_path: Path) -> None:
    device = connect("virtual:?circuitpython=1")
    with pytest.raises(ReadOnlyError, match=r"no drive that is this board's.*--take-drive"):
        enable_write(device)
    with pytest.raises(ReadOnlyError, match="not the drive of a board.*No such file"):
        enable_write(device, drive=tmp_path)
    told = files_of(device).read("/boot_out.txt")
    (tmp_path / "boot_out.txt").write_bytes(told.replace(b"UID:", b"UID:FF"))
    with pytest.raises(ReadOnlyError, match="drive of another board"):
        enable_write(device, drive=tmp_path)
    assert not (tmp_path / "boot.py").exists()
    (tmp_path / "boot_out.txt").write_bytes(told)  # a copy of the drive
    with pytest.raises(SyncError, match=r"(?s)still cannot write.*Adafruit CircuitPython"):
        enable_write(device, drive=tmp_path)
    device("__import__('_board').drive_eject()")
    assert enable_write(device, reset=False) == Change(True, "/boot.py")
    assert files_of(device).read("/boot.py") == add_lines(b"", None)


def test_a_drive_that_is_taken(connect: Connect) -> None:
    device = connect("virtual:?circuitpython=1")
    assert enable_write(device, take_drive=True) == Change(True, "/boot.py", writable=True)
    assert writes(device)


def test_a_board_whose_usb_ends_with_the_reset(connect: Connect) -> None:
    plug = Plug("tcp", files=True, circuitpython=True)
    try:
        device = connect(plug.address)
        device.on("reset", lambda _: plug.replace())
        device(
            "import belay, microcontroller\n"
            "def reset():\n  belay.emit('reset')\n  while True: pass\n"
            "microcontroller.reset = reset",
            record=False,
        )
        done = enable_write(device, drive=plug.flash)
        assert done == Change(True, str(plug.flash / "boot.py"), writable=True)
        assert writes(device)
    finally:
        plug.close()


def test_lines_of_others_have_the_last_word(connect: Connect, tmp_path: Path) -> None:
    own = b"import storage\nstorage.remount('/', True)\n"
    (tmp_path / "boot.txt").write_bytes(own)
    device = connect(on(tmp_path))
    done = enable_write(device)
    assert done == Change(True, str(tmp_path / "boot.txt"), writable=False, others=True)
    assert "left alone" in done.text()
    assert disable_write(device).changed
    assert (tmp_path / "boot.txt").read_bytes() == own
    assert not (tmp_path / "boot.py").exists()  # it would take the place of boot.txt


def test_micropython_needs_none_of_it(connect: Connect) -> None:
    device = connect("virtual:")
    for change in (enable_write, disable_write):
        with pytest.raises(FeatureUnavailableError, match="runs micropython"):
            change(device)


# ------------------------------------------------------------------------------ the text

PINS = st.none() | st.sampled_from(["GP14", "D5", "BUTTON"])
TEXTS = st.binary(max_size=200) | st.lists(
    st.sampled_from([b"import board", b"# note", b"", b"x = 1", b"# <<<", b"\xff\0"]), max_size=8
).flatmap(lambda lines: st.sampled_from([b"\n".join(lines), b"\r\n".join(lines)]))


@given(text=TEXTS, pin=PINS, other=PINS)
def test_every_line_of_the_users_stays(text: bytes, pin: str | None, other: str | None) -> None:
    changed = add_lines(text, pin)
    assert changed.endswith(text)
    assert remove_lines(changed) == text
    assert add_lines(changed, other) == add_lines(text, other)
    compile(add_lines(b"", pin).decode(), "boot.py", "exec")


def test_lines_that_somebody_moved() -> None:
    ours = add_lines(b"", "GP1")
    assert remove_lines(b"a = 1\n" + ours.replace(b"\n", b"\r\n") + b"b = 2") == b"a = 1\nb = 2"
    assert remove_lines(ours.rstrip(b"\n")) == b""
    for half in (ours.partition(b"# <<<")[0], b"# <<< belay\n", b"x = 1\n# >>> belay: y"):
        with pytest.raises(SyncError, match="by hand"):
            remove_lines(half)


# ------------------------------------------------------------------------------ drives

MOUNTS = r"""
/dev/sda1 / ext4 rw,relatime 0 0
/dev/sdb1 /media/ada/CIRCUITPY vfat rw,nosuid 0 0
/dev/sdc1 /run/media/ada/MY\040BOARD vfat ro 0 0
proc /proc proc rw 0 0
"""


def test_drives_of_this_computer() -> None:
    found = mounted_folders(MOUNTS)
    assert [folder.as_posix() for folder in found] == [
        "/media/ada/CIRCUITPY",
        "/run/media/ada/MY BOARD",
    ]
    assert isinstance(mounted_folders(), list)


def test_the_drive_of_a_board_is_told_by_its_id(tmp_path: Path) -> None:
    boards = {"a": "UID:0A1B", "b": "UID:FF00", "c": "no id", "d": None}
    for name, said in boards.items():
        (tmp_path / name).mkdir()
        if said is not None:
            text = f"Adafruit CircuitPython 9.1.0\r\nBoard ID:x\r\n{said}\r\n"
            (tmp_path / name / "boot_out.txt").write_text(text, newline="")
    folders = [tmp_path / name for name in boards]
    assert find_drive("ff00", folders) == tmp_path / "b"
    assert find_drive("1234", folders) is None
    assert find_drive("ff00", [*folders, tmp_path / "b"]) is None  # two of them: which is it?
    assert find_drive("ffffffffffffffffffff") is None
