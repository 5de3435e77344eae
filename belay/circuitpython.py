# SPDX-License-Identifier: Apache-2.0
"""CircuitPython's file system, which a computer and the board's programs share by turns.

A board that shows its files as the USB drive CIRCUITPY cannot write to them: the computer may. Who
may is settled at every start, before USB is there, by ``boot.py``. This module finds out, remounts
where the board allows it, and puts the documented lines into ``boot.py`` or takes them out again.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from belay import errors
from belay.drives import find_drive, read_uid
from belay.session import requests
from belay.sync.board import BoardFiles
from belay.sync.manifest import LEFTOVER
from belay.sync.transfer import Step

if TYPE_CHECKING:
    from belay.device import Device
    from belay.session.session import Session

__all__ = ["Change", "add_lines", "disable_write", "enable_write", "make_writable", "remove_lines"]

RESET_ATTEMPTS = 30
"""Seconds, about, in which a board is back on the USB after its reset."""

_BEGIN, _END = "# >>> belay: ", "# <<< belay"
_LINES = re.compile(rb"^# >>> belay\b[^\n]*\n(?:.*?\n)??# <<< belay[^\n]*(?:\n|\Z)", re.S | re.M)
_MARKS = re.compile(rb"^# (?:>>>|<<<) belay\b", re.MULTILINE)
_OTHERS = re.compile(rb"^[^#\n]*\b(?:remount|disable_usb_drive)\s*\(", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w*")

_MAKE_WRITABLE = """\
def __belay_write():
 try:import storage
 except ImportError:return 0
 if not getattr(storage.getmount("/"),"readonly",1):return 0
 try:storage.remount("/",False)
 except RuntimeError:return 2 if hasattr(storage,"unsafe_disable_usb_drive") else 1
 return 0
_belay_value=__belay_write()
del __belay_write
"""
"""Remounts where it may. 0: the board can write; 1: it cannot; 2: unless it takes the drive."""

_ASK_WRITABLE = """\
def __belay_write():
 try:import storage
 except ImportError:return True
 return not getattr(storage.getmount("/"),"readonly",0)
_belay_value=__belay_write()
del __belay_write
"""

_FACTS = """\
def __belay_pins():
 import board,microcontroller as m
 return bytes(m.cpu.uid),[n for n in dir(board) if type(getattr(board,n)) is m.Pin]
_belay_value=__belay_pins()
del __belay_pins
"""

_TAKE_DRIVE = "import storage\nstorage.unsafe_disable_usb_drive()\n"
_RESET = "import microcontroller\nmicrocontroller.reset()\n"


@dataclass(frozen=True)
class Change:
    """What became of ``boot.py``.

    Attributes:
        changed: it was not already as asked for.
        place: where it is: ``/boot.py`` of the board, or a file of this computer.
        pin: the name of the pin that decides; ``""`` for none.
        writable: whether programs on the board can write now; None where it was not started anew.
        others: ``boot.py`` has lines of somebody else's that also decide who may write.
    """

    changed: bool
    place: str
    pin: str = ""
    writable: bool | None = None
    others: bool = False

    def text(self) -> str:
        """The same in a few sentences, for people."""
        said = [f"{self.place} {'was changed' if self.changed else 'is as it was'}."]
        if self.writable is None:
            if not self.changed:
                return said[0]
            said.append("It counts from the next start of the board on: press its reset button.")
        elif self.writable:
            said.append("The board can write its files now; computers can only read its drive.")
        else:
            said.append("Computers can write to the board's drive now; the board cannot.")
        if self.pin:
            said.append(
                f"At every start the pin {self.pin} decides: connected to GND, the board can write."
            )
        if self.others:
            said.append("It has other lines that decide who may write; they were left alone.")
        return " ".join(said)


# ------------------------------------------------------------------------------ for all who write


def make_writable(device: Device) -> None:
    """See to it that the board can write its files, as far as that can be done from here.

    Nothing is sent to a board that does not run CircuitPython; others are asked, one round trip,
    and remount their file system if no computer has it as a drive, or the drive was ejected there.

    Raises:
        ReadOnlyError: a computer has the drive. It says what to do.
    """
    session = device._session
    if session.facts.name != "circuitpython":
        return
    state = _value(session, _MAKE_WRITABLE)
    if state:
        raise errors.ReadOnlyError(_WHY_READ_ONLY + _WHAT_TO_DO)


_WHY_READ_ONLY = (
    "the board's file system is read-only for its own programs: a computer has it as the drive "
    "CIRCUITPY, and only one of the two may write. "
)
_WHAT_TO_DO = (
    "Eject the drive there and try again; or let boot.py give the files to the board: "
    "`belay circuitpython enable-write` (computers can then only read the drive, until "
    "`belay circuitpython disable-write`)."
)


# ------------------------------------------------------------------------------ boot.py


def enable_write(
    device: Device,
    pin: str | None = None,
    *,
    drive: str | os.PathLike[str] | None = None,
    take_drive: bool = False,
    reset: bool = True,
) -> Change:
    """Let ``boot.py`` give the file system to the board's programs, and start the board anew.

    All other lines of ``boot.py`` stay as they are. It is written by the board where that can write
    already, else through the drive that this computer shows.

    Args:
        device: the board.
        pin: name of a pin in ``board``, such as ``"GP14"``: only if it is connected to GND at the
            start can the board write, else the computer. None: always the board.
        drive: the folder in which this computer shows the drive; None looks for it.
        take_drive: where there is no drive to write through, take it from the computer that has
            it. What that computer is just writing would be damaged. CircuitPython 10.3 can do it.
        reset: reset the board and connect again; without, it counts from the next start on.

    Raises:
        FeatureUnavailableError: the board does not run CircuitPython.
        ReadOnlyError: there is no way to write ``boot.py``; it says what to do.
        SyncError: it was written, but did not help: what ``boot.py`` printed is told.
        ValueError: the board has no pin of that name.
    """
    session = _circuitpython(device)
    uid, pins = _value(session, _FACTS)
    if pin is not None and (not _NAME.fullmatch(pin) or pin not in pins):
        raise ValueError(
            f"this board has no pin {pin!r}; it has {', '.join(sorted(pins, key=_natural))}"
        )
    place = _place(device, uid.hex(), drive, take_drive)
    change = _edit(place, lambda text: add_lines(text, pin), pin or "")
    return _after(device, change, reset, expected=None if pin else True)


def disable_write(
    device: Device,
    *,
    drive: str | os.PathLike[str] | None = None,
    take_drive: bool = False,
    reset: bool = True,
) -> Change:
    """Take Belay's lines out of ``boot.py`` again: computers may write to the drive, as at first.

    A ``boot.py`` in which nothing else stands is removed.

    Args:
        device: the board.
        drive: the folder in which this computer shows the drive; None looks for it.
        take_drive: see :func:`enable_write`.
        reset: reset the board and connect again.

    Raises:
        FeatureUnavailableError: the board does not run CircuitPython.
        ReadOnlyError: there is no way to write ``boot.py``; it says what to do.
    """
    session = _circuitpython(device)
    uid, _ = _value(session, _FACTS)
    change = _edit(_place(device, uid.hex(), drive, take_drive), remove_lines, "")
    return _after(device, change, reset and change.changed, expected=None)


def add_lines(text: bytes, pin: str | None) -> bytes:
    """A ``boot.py`` with the lines that let the board write, in front of all others.

    Args:
        text: what is in it; lines of an earlier call are replaced.
        pin: name of the pin that decides; None for none.
    """
    if pin is None:
        lines = [f"{_BEGIN}the board may write its files", "import storage"]
        lines += ['storage.remount("/", readonly=False)']
    else:
        lines = [
            f"{_BEGIN}the board may write its files while {pin} is connected to GND",
            "import board, digitalio, storage",
            f"_belay_pin = digitalio.DigitalInOut(board.{pin})",
            "_belay_pin.switch_to_input(pull=digitalio.Pull.UP)",
            'storage.remount("/", readonly=_belay_pin.value)',
            "_belay_pin.deinit()",
        ]
    end = "\r\n" if b"\r\n" in text else "\n"
    return "".join(f"{line}{end}" for line in [*lines, _END]).encode() + remove_lines(text)


def remove_lines(text: bytes) -> bytes:
    """A ``boot.py`` without the lines of :func:`add_lines`, every other byte as it was.

    Raises:
        SyncError: only one of the two lines that mark them is there.
    """
    rest = _LINES.sub(b"", text)
    if _MARKS.search(rest):
        raise errors.SyncError(
            f"boot.py has been edited where Belay's lines stand, between {_BEGIN.strip()!r} and "
            f"{_END!r}: mend it by hand",
            path="/boot.py",
        )
    return rest


# ------------------------------------------------------------------------------ inside


def _natural(name: str) -> tuple[str, int, str]:
    """Sorts ``GP2`` before ``GP10``."""
    return name.rstrip("0123456789"), len(name), name


class _Place(Protocol):
    """Where ``boot.py`` can be changed."""

    name: str

    def read(self) -> bytes | None: ...
    def write(self, text: bytes) -> None: ...
    def remove(self) -> None: ...


class _OnBoard:
    """The board writes it itself."""

    def __init__(self, device: Device) -> None:
        self._files = BoardFiles(lambda: device._session)
        # boot.txt counts where there is no boot.py: one beside it would take its place.
        names = self._files.call("listdir", "/")
        self.name = "/boot.txt" if "boot.txt" in names and "boot.py" not in names else "/boot.py"
        self._exists = self.name[1:] in names

    def read(self) -> bytes | None:
        return self._files.read(self.name) if self._exists else None

    def write(self, text: bytes) -> None:
        self._files.write(self.name, text)

    def remove(self) -> None:
        self._files.run([Step("remove", self.name)])


class _OnDrive:
    """This computer writes it, to the drive that it has mounted."""

    def __init__(self, folder: Path) -> None:
        names = set(os.listdir(folder))
        name = "boot.txt" if "boot.txt" in names and "boot.py" not in names else "boot.py"
        self._path = folder / name
        self.name = str(self._path)

    def read(self) -> bytes | None:
        with contextlib.suppress(FileNotFoundError):
            return self._path.read_bytes()
        return None

    def write(self, text: bytes) -> None:
        part = self._path.with_name(LEFTOVER)
        with part.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)
        _flush_drives()

    def remove(self) -> None:
        self._path.unlink()
        _flush_drives()


def _flush_drives() -> None:
    """The board is about to be reset: nothing may be left in this computer's memory."""
    if hasattr(os, "sync"):
        os.sync()


def _circuitpython(device: Device) -> Session:
    session = device._session
    if session.facts.name != "circuitpython":
        raise errors.FeatureUnavailableError(
            f"this board runs {session.facts.name}: its programs can write files as they are"
        )
    return session


def _value(session: Session, source: str) -> Any:
    return session.request(requests.VALUE, ("<belay>", source), timeout=30.0)


def _place(
    device: Device, uid: str, drive: str | os.PathLike[str] | None, take_drive: bool
) -> _Place:
    """Where ``boot.py`` can be changed: on the board, or through this computer's drive."""
    session = device._session
    state = _value(session, _MAKE_WRITABLE)
    if not state:
        return _OnBoard(device)
    folder = _shown_folder(device, uid) if drive is None else Path(drive)
    if folder is not None:
        try:
            if read_uid(folder) in (uid, ""):
                return _OnDrive(folder)
        except OSError as error:
            raise errors.ReadOnlyError(
                f"{folder} is not the drive of a board that has been started: boot_out.txt: "
                f"{error.strerror}",
                path=str(folder),
            ) from error
        raise errors.ReadOnlyError(
            f"{folder} is the drive of another board: boot_out.txt has another UID than {uid}",
            path=str(folder),
        )
    if take_drive and state == 2:
        _flush_drives()
        session.request(requests.EXECUTE, ("<belay>", _TAKE_DRIVE), timeout=30.0)
        return _OnBoard(device)
    ways = [
        "This computer shows no drive that is this board's (its boot_out.txt would name it). "
        "Eject the drive where it is and try again, or name its folder: drive= (--drive)"
    ]
    if take_drive:
        ways.append("; its firmware cannot take the drive away (CircuitPython 10.3 can)")
    elif state == 2:
        ways.append(", or take it away from whoever has it: take_drive= (--take-drive)")
    raise errors.ReadOnlyError(_WHY_READ_ONLY + "".join(ways) + ".")


def _shown_folder(device: Device, uid: str) -> Path | None:
    """The folder in which this computer shows the board's files."""
    address = device._session.transport.address
    if address.startswith("virtual:"):
        from belay.transports.address import VirtualAddress, parse_address

        parsed = parse_address(address)
        files = parsed.files if isinstance(parsed, VirtualAddress) else None
        return None if files is None else Path(files).expanduser()
    return find_drive(uid)


def _edit(place: _Place, edited: Callable[[bytes], bytes], pin: str) -> Change:
    """Change ``boot.py``; nothing is written where nothing changes."""
    try:
        old = place.read()
        new = edited(old or b"")
        if new.strip():
            if new != old:
                place.write(new)
        elif old is not None and new != old:
            place.remove()
    except OSError as error:
        why = "; the drive may be read-only here: eject it, plug the board in again"
        raise errors.ReadOnlyError(f"{place.name}: {error.strerror}{why}") from error
    others = bool(_OTHERS.search(remove_lines(new)))
    return Change(new != (old or b""), place.name, pin, others=others)


def _after(device: Device, change: Change, reset: bool, *, expected: bool | None) -> Change:
    """Start the board anew, and see what it can."""
    if not reset:
        return change
    _reset(device)
    writable = bool(_value(device._session, _ASK_WRITABLE))
    if expected is not None and writable is not expected and not change.others:
        printed = (
            BoardFiles(lambda: device._session).read("/boot_out.txt").decode("utf-8", "replace")
        )
        raise errors.SyncError(
            f"{change.place} is written, but the board still cannot write its files. "
            f"What its start said (boot_out.txt):\n{printed}",
            path="/boot.py",
        )
    return Change(change.changed, change.place, change.pin, writable, change.others)


def _reset(device: Device) -> None:
    """Reset the chip, and find the board again: its USB ends with it, its UART does not."""
    session = device._session
    try:
        session.request(requests.EXECUTE, ("<belay>", _RESET), timeout=30.0)
    except errors.BoardResetError:
        device._restart()
        device._history.replay(device)
    except errors.ConnectionLost:
        device.reconnect(RESET_ATTEMPTS)
