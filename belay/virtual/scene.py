# SPDX-License-Identifier: Apache-2.0
"""Scenes: which parts hang where, written in a file ``bench.toml``.

A mistake in one is reported with its line: a board that starts with half of its parts would be a
long search.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import waves
from .control import SceneError

if TYPE_CHECKING:
    from .parts import Part
    from .peripherals import Bench

__all__ = ["DEFAULT", "Entry", "SceneError", "add_part", "build", "parse", "read"]

DEFAULT = """\
[[part]]
kind = "bme280"

[[part]]
kind = "eeprom"
"""
"""What a board has on its bench that nobody has furnished."""

_MISSING = object()


class Entry:
    """One table of a scene: its settings are taken out one by one; what is left over is a mistake.

    Args:
        table: its name.
        settings: as they were written.
        where: tells the file and line of a setting ("" for the table itself).
    """

    def __init__(
        self,
        table: str,
        settings: Mapping[str, Any],
        where: Callable[[str], str] = lambda _key: "",
    ) -> None:
        self.table, self._settings, self._where = table, dict(settings), where
        self._known: list[str] = []

    def error(self, text: str, key: str = "") -> SceneError:
        """A mistake, with its place."""
        return SceneError(self._where(key) + text)

    def take(self, key: str, kind: type | tuple[type, ...], default: Any = _MISSING) -> Any:
        """A setting.

        Raises:
            SceneError: it is missing and has no default, or is of another type.
        """
        self._known.append(key)
        value = self._settings.pop(key, _MISSING)
        if value is _MISSING:
            if default is _MISSING:
                raise self.error(f"[{self.table}] needs {key}")
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            wanted = " or ".join(
                {int: "a whole number", str: "a text"}.get(k, k.__name__) for k in kinds
            )
            raise self.error(f"{key} = {value!r}: {wanted} is expected", key)
        return value

    def pin(self, key: str, default: Any = _MISSING) -> int:
        """A pin, by its number."""
        number: int = self.take(key, int, default)
        if not (0 <= number < 30 or number == default):
            raise self.error(f"{key} = {number}: pins are 0 to 29", key)
        return number

    def wave(self, key: str) -> waves.Wave | None:
        """A quantity: a number, or an expression of t; None where nothing is said."""
        said = self.take(key, (int, float, str), None)
        if said is None:
            return None
        try:
            return waves.expression(said) if isinstance(said, str) else waves.constant(float(said))
        except ValueError as error:
            raise self.error(f"{key}: {error}", key) from None

    def rest(self) -> list[str]:
        """Names of what has not been taken."""
        return list(self._settings)

    def finish(self, what: str) -> None:
        """Complain of what is left over.

        Raises:
            SceneError: there is something.
        """
        for key in self._settings:
            known = ", ".join(self._known)
            raise self.error(f"{what} has no setting {key!r}; it has {known}", key)


def read(path: str) -> list[Entry]:
    """The tables of a scene in a file.

    Raises:
        SceneError: it cannot be read, or is no TOML.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SceneError(f"the scene {path} cannot be read: {error}") from None
    return parse(text, path)


def parse(text: str, name: str) -> list[Entry]:
    """The tables of a scene.

    Args:
        text: in TOML.
        name: what messages call the file.

    Raises:
        SceneError: it is no TOML, or has tables that no scene has.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = f"line {place[1]}" if place else "its end"
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise SceneError(f"{name}, {line}: {message}") from None
    lines = _lines(text)

    def where(table: str, index: int) -> Callable[[str], str]:
        def place(key: str) -> str:
            line = lines.get((table, index, key)) or lines.get((table, index, ""))
            return f"{name}, line {line}: " if line else f"{name}: "

        return place

    entries = []
    for table, value in data.items():
        if table not in TABLES:
            known = ", ".join(TABLES)
            raise SceneError(f"{where(table, 0)('')}a scene has no [{table}]; it has {known}")
        rows = value if isinstance(value, list) else [value]
        for index, row in enumerate(rows):
            if not isinstance(row, dict):
                raise SceneError(f"{where('', 0)(table)}{table} is a table: write [[{table}]]")
            entries.append(Entry(table, row, where(table, index)))
    return entries


def _lines(text: str) -> dict[tuple[str, int, str], int]:
    """Lines of tables and of their settings: TOML parsers tell no places of what they have read."""
    found: dict[tuple[str, int, str], int] = {}
    counts: dict[str, int] = {}
    table, index = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[{1,2})\s*([\w-]+)\s*\]", line):
            table = header[2]
            index = counts.get(table, 0)
            counts[table] = index + 1
            found[table, index, ""] = number
        elif setting := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", line):
            found.setdefault((table, index, setting[1]), number)
    return found


def build(bench: Bench, entries: list[Entry]) -> None:
    """Put on the bench what a scene says.

    Raises:
        SceneError: something in it cannot be.
    """
    for entry in entries:
        TABLES[entry.table](bench, entry)


def add_part(bench: Bench, entry: Entry) -> Part:
    """Put one part on the bench.

    Raises:
        SceneError: it cannot be.
    """
    from .kinds import KINDS

    kind = entry.take("kind", str)
    maker = KINDS.get(kind)
    if maker is None:
        known = ", ".join(sorted(KINDS))
        raise entry.error(f"there is no part {kind!r}; there are {known}", "kind")
    name = entry.take("name", str, "") or bench.parts.free_name(kind)
    try:
        part: Part = maker(bench, entry, name)
        for key, quantity in part.quantities.items():
            wave = entry.wave(key)
            if wave is not None:
                quantity.put(wave)
        entry.finish(f"a {kind}")
        bench.parts.add(part)
    except SceneError:
        raise
    except ValueError as error:
        raise entry.error(str(error)) from None
    return part


def _part(bench: Bench, entry: Entry) -> None:
    add_part(bench, entry)


def _wire(bench: Bench, entry: Entry) -> None:
    first, second = entry.pin("from"), entry.pin("to")
    entry.finish("a wire")
    bench.pins[first].wire_to(bench.pins[second])


def _wifi(bench: Bench, entry: Entry) -> None:
    ssid = entry.take("ssid", str)
    changes = {
        "password": entry.take("password", str, None),
        "channel": entry.take("channel", int, 6),
        "rssi": entry.take("rssi", int, -55),
        "up": entry.take("up", bool, True),
    }
    entry.finish("a network")
    bench.air.put(ssid, **changes)


def _adc(bench: Bench, entry: Entry) -> None:
    for key in entry.rest():
        wave = entry.wave(key)
        if not key.isdigit() or not 0 <= int(key) < 5:
            raise entry.error(f"{key} is no channel: they are 0 to 4", key)
        assert wave is not None
        bench.adc[int(key)].source = wave


def _pins(bench: Bench, entry: Entry) -> None:
    for key in entry.rest():
        level = entry.take(key, int)
        if not key.isdigit() or not 0 <= int(key) < 30:
            raise entry.error(f"{key} is no pin: they are 0 to 29", key)
        bench.pins[int(key)].drive(level)


TABLES: dict[str, Callable[[Any, Entry], None]] = {
    "part": _part,
    "wire": _wire,
    "wifi": _wifi,
    "adc": _adc,
    "pins": _pins,
}
"""What a scene can say, and who does it. Others add tables of their own."""
