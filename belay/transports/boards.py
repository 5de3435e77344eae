# SPDX-License-Identifier: Apache-2.0
"""Boards by name, and the board that is meant when none is named.

Names stand in a project's ``pyproject.toml``, as ``[tool.belay.boards.NAME]``, and in a file of
the user's. A project comes from somebody else, perhaps: what it names must not run a program or
write a file outside of it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

from belay.errors import (
    AddressError,
    ConnectionFailedError,
    DeviceNotFoundError,
    InsufficientSpecifierError,
)
from belay.transports.address import (
    Address,
    BoardName,
    ExecAddress,
    ReplayAddress,
    UrlAddress,
    UsbAddress,
    VirtualAddress,
    list_forms,
    parse_address,
)
from belay.transports.boardtables import KEYS, NO_TABLE, BoardTable, read_table
from belay.transports.placing import placed
from belay.transports.usb import UsbSpecifier, list_devices

__all__ = [
    "BoardEntry",
    "ResolvedAddress",
    "configured",
    "default",
    "entry_text",
    "look_up",
    "project_at",
    "project_file",
    "remove",
    "resolve",
    "resolve_all",
    "save",
    "user_file",
]

VARIABLE = "BELAY_DEVICE"
_KEYS = ("address", "default", *KEYS)


_project_folder: ContextVar[Path | None] = ContextVar("project folder", default=None)


class BoardEntry(NamedTuple):
    """A name of the configuration.

    Attributes:
        name: the name.
        address: what it stands for, as it is to be opened; relative paths of the file are whole.
        default: this is the board where none is named.
        path: the file it stands in.
        project: that is a project's ``pyproject.toml`` and not the user's own file.
        problem: why it cannot be used; empty where it can.
        table: what else the file says of the board. Of a board that the user's own file names, it
            has also what only the project says.
    """

    name: str
    address: str
    default: bool
    path: Path
    project: bool
    problem: str = ""
    table: BoardTable = NO_TABLE


class ResolvedAddress(NamedTuple):
    """A board that was meant.

    Attributes:
        address: what to open.
        name: its name in the configuration, or empty.
        source: who said so: ``the argument``, ``BELAY_DEVICE``, a file, ``the only board``.
    """

    address: str
    name: str = ""
    source: str = "the argument"

    @property
    def label(self) -> str:
        """A short name, for output of several boards."""
        return self.name or self.address

    def __str__(self) -> str:
        return self.address


def resolve(text: str | None = None) -> ResolvedAddress:
    """Say which board is meant. Nothing is opened.

    Args:
        text: an address or a configured name. None takes the environment variable
            ``BELAY_DEVICE`` if it says something, then the configured default or only name, then
            the only USB board.

    Raises:
        AddressError: the address cannot be understood, or no such name is configured.
        DeviceNotFoundError: no board was named, and none is there.
        InsufficientSpecifierError: no board was named, and several are there.
    """
    if text is not None:
        return _resolved(text, "the argument")
    if (said := default()) is not None:
        return said
    try:
        return ResolvedAddress(UsbSpecifier().to_port(), source="the only board")
    except (DeviceNotFoundError, InsufficientSpecifierError) as error:
        if not (entries := configured()):
            raise
        raise type(error)(f"{error} Or one of the names {_names(entries)}.") from None


def default() -> ResolvedAddress | None:
    """The board that ``BELAY_DEVICE`` or the configuration says is meant; None where neither does.

    The configuration does so by ``default = true``, or by naming one board only.

    Raises:
        AddressError: what they say is wrong.
    """
    if (named := os.environ.get(VARIABLE, "")).strip():
        try:
            return _resolved(named, VARIABLE)
        except AddressError as error:
            raise AddressError(f"{VARIABLE}: {error}") from None
    entries = list(configured().values())
    for entry in entries:
        if entry.default:
            return _usable(entry)
    usable = [entry for entry in entries if not entry.problem]
    return _usable(usable[0]) if len(usable) == 1 else None


def resolve_all() -> list[ResolvedAddress]:
    """Every board: those of the configuration, or else all that are plugged in.

    Raises:
        AddressError: an entry of the configuration is wrong.
        DeviceNotFoundError: there is no board at all.
    """
    if entries := configured():
        return [_usable(entry) for entry in entries.values()]
    there = [found.device for found in list_devices() if found.device]
    if not there:
        UsbSpecifier().to_port()  # says that there is none, and what to do
    return [ResolvedAddress(port, source="plugged in") for port in there]


def look_up(name: str) -> BoardEntry:
    """The entry of a name.

    Raises:
        AddressError: there is none, or it cannot be used; the message lists what is there.
    """
    entries = configured()
    if name not in entries:
        raise AddressError(_unknown(name, entries))
    _usable(entries[name])
    return entries[name]


def configured() -> dict[str, BoardEntry]:
    """All names, sorted. The user's own file wins over the project's.

    Raises:
        AddressError: a file is no TOML.
    """
    found: dict[str, BoardEntry] = {}
    project = project_file()
    if project is not None:
        tables = _read(project).get("tool", {})
        for key in ("belay", "boards"):
            tables = tables.get(key, {}) if isinstance(tables, dict) else {}
        found |= _entries(tables, project, project=True)
    own = user_file()
    if own.is_file():
        mine = _entries(_read(own), own, project=False)
        if any(entry.default for entry in mine.values()):
            found = {name: entry._replace(default=False) for name, entry in found.items()}
        for name, entry in mine.items():
            project_table = found[name].table if name in found else NO_TABLE
            found[name] = entry._replace(table=entry.table.over(project_table))
    return dict(sorted(found.items()))


def user_file() -> Path:
    """The user's own file, ``boards.toml``, whether or not it is there."""
    import platformdirs

    return Path(platformdirs.user_config_dir("belay", appauthor=False)) / "boards.toml"


@contextlib.contextmanager
def project_at(folder: Path) -> Iterator[None]:
    """Take the project of another folder than the current one, inside a ``with`` block."""
    token = _project_folder.set(folder)
    try:
        yield
    finally:
        _project_folder.reset(token)


def project_file() -> Path | None:
    """The ``pyproject.toml`` of this folder, or of the nearest one above it."""
    try:
        here = _project_folder.get() or Path.cwd()
    except OSError:  # the folder was deleted
        return None
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file():
            return folder / "pyproject.toml"
    return None


def save(
    name: str, address: str | UsbSpecifier, where: str = "user", *, default: bool = False
) -> Path:
    """Give a board a name. Comments and everything else in the file stay.

    Args:
        name: letters, digits, ``_``, ``.`` and ``-``; one that is there is replaced.
        address: what the name is to stand for.
        where: ``user``, the user's own file, or ``project``, the nearest ``pyproject.toml``.
        default: this is the board where none is named; no other one of that file is then.

    Returns:
        The file that was written.

    Raises:
        AddressError: the name or the address is wrong, or must not stand in a project's file.
        ConnectionFailedError: the file cannot be written.
    """
    path = _place(where)
    written = entry_text(name, address, path.parent if where == "project" else None)

    def change(tables: Any) -> None:
        import tomlkit

        if default:
            for other in tables.values():
                if isinstance(other, dict):
                    other.pop("default", None)
        entry = tables.get(name)
        fresh = not isinstance(entry, dict)
        if fresh:
            tables[name] = entry = tomlkit.table()
        entry["address"] = written
        if default:
            entry["default"] = True
        if fresh:
            entry.add(tomlkit.nl())

    _edit(path, where, change)
    return path


def entry_text(name: str, address: str | UsbSpecifier, project: Path | None = None) -> str:
    """An address as the configuration is to have it.

    Args:
        name: that it is to have.
        address: what the name is to stand for; another name, too.
        project: the folder of the project in whose file it is to stand; None: the user's own.

    Raises:
        AddressError: the name or the address is wrong, or must not stand in a project's file.
    """
    if not isinstance(parse_address(name), BoardName):
        raise AddressError(f"A board cannot be called {name!r}: that is an address.")
    parsed = UsbAddress(address) if isinstance(address, UsbSpecifier) else parse_address(address)
    if isinstance(parsed, BoardName):
        parsed = parse_address(look_up(parsed.name).address)
    if isinstance(parsed, UsbSpecifier):
        parsed = UsbAddress(parsed)
    reason = _refused_in_project(parsed, project) if project else ""
    if reason:
        assert project is not None
        path = project / "pyproject.toml"
        raise AddressError(f"{name!r} cannot stand in {path}: {reason}. Save it for the user.")
    return str(parsed)


def remove(name: str, where: str = "user") -> Path:
    """Take a name out of the configuration.

    Args:
        name: the name.
        where: as for :func:`save`.

    Returns:
        The file that was written.

    Raises:
        AddressError: there is no such name in that file.
        ConnectionFailedError: the file cannot be written.
    """
    path = _place(where)

    def change(tables: Any) -> None:
        if name not in tables:
            raise AddressError(f"There is no board {name!r} in {path}.")
        del tables[name]

    _edit(path, where, change)
    return path


# ---------------------------------------------------------------------------- inside


def _resolved(text: str, source: str) -> ResolvedAddress:
    parsed = parse_address(text)
    if not isinstance(parsed, BoardName):
        return ResolvedAddress(str(parsed), source=source)
    return _usable(look_up(parsed.name))


def _usable(entry: BoardEntry) -> ResolvedAddress:
    if entry.problem:
        raise AddressError(f"The board {entry.name!r} in {entry.path} {entry.problem}.")
    return ResolvedAddress(entry.address, entry.name, str(entry.path))


def _unknown(name: str, entries: dict[str, BoardEntry]) -> str:
    if name in ("virtual", "usb", "loop", "exec", "socket", "ws"):
        hint = f"Did you mean '{name}:'?"
    elif "." in name:
        hint = f"A board in the network is 'ws://{name}' (WebREPL) or 'telnet://{name}'."
    else:
        hint = f"A path here is './{name}'."
    known = f"Configured are {_names(entries)}." if entries else "No name is configured."
    there = [str(found.device) for found in list_devices()]
    ports = f"Plugged in: {', '.join(there)}." if there else "No USB board is plugged in."
    return (
        f"{name!r} is not a board address: no board has this name. {known} {ports} {hint} "
        f"Addresses are:\n{list_forms()}"
    )


def _names(entries: dict[str, BoardEntry]) -> str:
    return ", ".join(repr(name) for name in entries)


def _read(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AddressError(f"{path} is no TOML: {error}.") from None
    except OSError as error:
        raise ConnectionFailedError(f"{path} cannot be read: {error.strerror}.") from error


def _entries(tables: Any, path: Path, *, project: bool) -> dict[str, BoardEntry]:
    if not isinstance(tables, dict):
        raise AddressError(f"In {path} the boards must be tables, such as [tool.belay.boards.NAME]")
    return {
        name: _entry(name, {"address": value} if isinstance(value, str) else value, path, project)
        for name, value in tables.items()
    }


def _entry(name: str, value: Any, path: Path, project: bool) -> BoardEntry:
    entry = BoardEntry(name, "", False, path, project)
    problem = _shape(value)
    if problem:
        return entry._replace(problem=problem)
    entry = entry._replace(default=value.get("default", False))
    try:
        table = read_table(value)
    except ValueError as error:
        return entry._replace(problem=str(error))
    if project and table.commands:
        return entry._replace(problem=_refused(f"its {table.commands[0]} runs a program"))
    entry = entry._replace(table=table)
    if "address" not in value:
        return entry._replace(problem='has no address (address = "…")')
    try:
        if not isinstance(parse_address(name), BoardName):
            return entry._replace(problem="needs another name: this one is an address")
        address = parse_address(value["address"])
    except AddressError as error:
        return entry._replace(problem=f"is wrong: {_reason(error)}")
    if isinstance(address, BoardName):
        return entry._replace(
            problem=f"is wrong: its address {address.name!r} is a name itself, or lacks its folder"
        )
    if project and (reason := _refused_in_project(address, path.parent)):
        return entry._replace(problem=f"{_refused(reason)}, or give the address itself")
    return entry._replace(address=str(placed(address, path.parent)))


def _refused(reason: str) -> str:
    return (
        f"is refused: {reason}, and a project comes from somebody else. Put it into {user_file()}"
    )


def _reason(error: AddressError) -> str:
    return str(error).partition(" Addresses are:")[0].removesuffix(".")


def _shape(value: Any) -> str:
    """What is wrong with an entry as TOML has it."""
    if not isinstance(value, dict):
        return "must be a table with an address, or the address as text"
    for key in value:
        if key not in _KEYS:
            return f"has an unknown key {key!r}; known here: {', '.join(_KEYS)}"
    if not isinstance(value.get("address", ""), str):
        return 'has no address (address = "…")'
    if not isinstance(value.get("default", False), bool):
        return "must have default = true or default = false"
    return ""


def _refused_in_project(address: Address, folder: Path) -> str:
    """Why a project's file must not name this address; empty where it may."""
    if isinstance(address, ExecAddress):
        return f"it runs a program ({str(address).partition(':')[0]}:)"
    if isinstance(address, UrlAddress) and address.scheme in ("spy", "alt"):
        return f"{address.scheme}:// can write files"
    if isinstance(address, ReplayAddress):
        file = Path(folder, os.path.expanduser(address.file)).resolve()
        if not file.is_relative_to(folder.resolve()):
            return "its file is outside of the project"
    if isinstance(address, VirtualAddress) and address.files is not None:
        files = Path(folder, os.path.expanduser(address.files)).resolve()  # a link may lead out
        if not files.is_relative_to(folder.resolve()):
            return "its files are outside of the project"
    return ""


def _place(where: str) -> Path:
    if where == "user":
        return user_file()
    if where != "project":
        raise ValueError(f"where must be 'user' or 'project', not {where!r}")
    path = project_file()
    if path is None:
        raise AddressError("There is no pyproject.toml in this folder or above it.")
    return path


def _edit(path: Path, where: str, change: Callable[[Any], None]) -> None:
    """Change the tables of the boards in a file, and write it as a whole or not at all."""
    import tomlkit

    if path.exists():
        _read(path)  # says it where the file is no TOML
    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else ""
        document: Any = tomlkit.parse(text)
        tables = document
        for key in ("tool", "belay", "boards") if where == "project" else ():
            if key not in tables:
                tables[key] = tomlkit.table(is_super_table=True)
            tables = tables[key]
        change(tables)
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        part.write_bytes(tomlkit.dumps(document).encode("utf-8"))
        if target.exists():
            part.chmod(target.stat().st_mode & 0o777)
        os.replace(part, target)
    except OSError as error:
        raise ConnectionFailedError(f"{path} cannot be written: {error.strerror}.") from error
