# SPDX-License-Identifier: Apache-2.0
"""Registers from a CMSIS-SVD file, the format in which makers of chips describe them.

Read is (https://arm-software.github.io/CMSIS_5/SVD/html/svd_Format_pg.html): ``peripheral``,
``registers``, ``cluster`` (nested, its offset added), ``register`` with ``name``, ``description``,
``addressOffset``, ``size``, ``access``, ``dim`` with ``dimIncrement`` and ``dimIndex``; ``field``
with ``bitRange``, ``lsb`` and ``msb``, or ``bitOffset`` and ``bitWidth``, ``access``, and
``enumeratedValue``; ``size``, ``access`` of what is around them; ``endian`` of the ``cpu``.
``derivedFrom`` is followed from a peripheral to another one, and refused elsewhere. Dimensions of
fields, write constraints and read actions are passed over, except that a register whose reading
changes it (``readAction``) counts as one to write only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from belay_jupyter.views.registers import ByteOrder, Field, Register

__all__ = ["read"]

_MOST_BYTES = 64 << 20
_MOST_REGISTERS = 4096

_ACCESS = {
    "read-only": "ro",
    "write-only": "wo",
    "read-write": "rw",
    "writeOnce": "wo",
    "read-writeOnce": "rw",
}

Element = ElementTree.Element


def read(data: bytes, peripheral: str | None, byteorder: str | None) -> tuple[str, list[Register]]:
    """The registers of a peripheral.

    Args:
        data: the file.
        peripheral: its name; None where the file has one only.
        byteorder: of the registers; None: as the file says, or little.

    Returns:
        The name, and the registers.

    Raises:
        ValueError: the file is none, or has what is not read; the message says what.
    """
    root = _parsed(data)
    chosen = _peripheral(root, peripheral)
    around = {"size": "32", "access": "read-write"}
    for one in (root, chosen):
        around |= {key: text for key in around if (text := _text(one, key))}
    endian = _text(root, "cpu/endian") or "little"
    order: ByteOrder = "big" if (byteorder or endian) == "big" else "little"
    source = chosen
    if chosen.find("registers") is None and chosen.get("derivedFrom"):
        source = _peripheral(root, chosen.get("derivedFrom"))
    registers = source.find("registers")
    name = _text(chosen, "name") or (peripheral or "")
    if registers is None:
        raise ValueError(f"SVD: {name or 'the file'} has no <registers>")
    try:
        return name, list(_registers(registers, 0, "", around, order, iter(range(_MOST_REGISTERS))))
    except RecursionError:
        raise ValueError(f"SVD: {name}: clusters within clusters without end") from None


def _parsed(data: bytes) -> Element:
    """The root. A document type is refused: entities can make a few lines fill the memory."""
    if len(data) > _MOST_BYTES:
        raise ValueError(f"SVD: the file has {len(data)} bytes; {_MOST_BYTES} are read at most")

    def refuse(*_: Any) -> None:
        raise ValueError("SVD: the file has a <!DOCTYPE>, which SVD files do not need; take it out")

    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = refuse
    try:
        guard.Parse(data, True)
        root = ElementTree.fromstring(data)
    except (expat.ExpatError, ElementTree.ParseError) as error:
        raise ValueError(f"SVD: the file is no XML: {error}") from None
    for one in root.iter():
        one.tag = one.tag.rpartition("}")[2]
    return root


def _peripheral(root: Element, name: str | None) -> Element:
    if root.tag == "registers":
        around = ElementTree.Element("peripheral")
        around.append(root)
        return around
    found = [root] if root.tag == "peripheral" else list(root.iter("peripheral"))
    names = [_text(one, "name") or "" for one in found]
    if name is None and len(found) == 1:
        return found[0]
    if name in names:
        return found[names.index(name)]
    missing = "which peripheral? peripheral=…" if name is None else f"no peripheral {name!r}"
    raise ValueError(f"SVD: {missing}; there are: {', '.join(names)[:500] or 'none'}")


def _registers(
    parent: Element,
    offset: int,
    before: str,
    around: dict[str, str],
    order: ByteOrder,
    numbers: Iterator[int],
) -> Iterator[Register]:
    """The registers and clusters of a parent; there are no more of both than numbers."""
    for one in parent:
        if one.tag not in ("register", "cluster"):
            continue
        name = before + (_text(one, "name") or "?")
        if one.get("derivedFrom"):
            raise ValueError(f"SVD: {name} is derivedFrom another one, which is not followed")
        inherited = around | {key: text for key in around if (text := _text(one, key))}
        address = offset + number(_text(one, "addressOffset") or "0", name)
        for index, label in enumerate(_dimensions(one, name)):
            step = index * number(_text(one, "dimIncrement") or "0", name)
            if next(numbers, None) is None:
                raise ValueError(f"SVD: more than {_MOST_REGISTERS} registers and clusters")
            called = name.replace("[%s]", label).replace("%s", label)
            if one.tag == "cluster":
                inner = f"{called}."
                yield from _registers(one, address + step, inner, inherited, order, numbers)
            else:
                yield _register(one, called, address + step, inherited, order)


def _dimensions(one: Element, name: str) -> list[str]:
    """What stands for ``%s`` in the names of an array; one text for what is none."""
    dim = _text(one, "dim")
    if not dim:
        return [""]
    count = number(dim, name)
    if not 0 < count <= _MOST_REGISTERS:
        raise ValueError(f"SVD: {name}: dim {dim} is not within 1 to {_MOST_REGISTERS}")
    index = _text(one, "dimIndex") or ""
    labels = index.split(",") if "," in index else []
    if match := re.fullmatch(r"(\d{1,9})-\d+", index):
        labels = [str(int(match[1]) + n) for n in range(count)]
    return labels if len(labels) == count else [str(n) for n in range(count)]


def _register(
    one: Element, name: str, address: int, around: dict[str, str], order: ByteOrder
) -> Register:
    access = _ACCESS.get(around["access"], "rw")
    if one.find("readAction") is not None:
        access = "wo"
    fields = [_field(part, name, access) for part in one.iterfind("fields/field")]
    fields.sort(key=lambda part: -part.low)
    width = number(around["size"], name)
    about = " ".join((_text(one, "description") or "").split())
    return Register(name, address, width, order, access, tuple(fields), about)


def _field(one: Element, register: str, access: str) -> Field:
    name = _text(one, "name") or "?"
    where = f"{register}.{name}"
    if _text(one, "dim") or one.get("derivedFrom"):
        raise ValueError(f"SVD: {where}: fields with dim or derivedFrom are not read")
    if match := re.fullmatch(r"\[(\d+):(\d+)\]", _text(one, "bitRange") or ""):
        high, low = int(match[1]), int(match[2])
    elif _text(one, "lsb"):
        low = number(_text(one, "lsb") or "", where)
        high = number(_text(one, "msb") or "", where)
    else:
        low = number(_text(one, "bitOffset") or "", where)
        high = low + number(_text(one, "bitWidth") or "1", where) - 1
    values = {}
    for value in one.iterfind("enumeratedValues/enumeratedValue"):
        text = _text(value, "value") or ""
        if text and "x" not in text.lower().removeprefix(
            "0x"
        ):  # "any other" has digits that do not matter
            values[number(text, where)] = _text(value, "name") or text
    about = " ".join((_text(one, "description") or "").split())
    return Field(name, high, low, values, _ACCESS.get(_text(one, "access") or "", access), about)


def _text(one: Element, path: str) -> str | None:
    found = one.find(path)
    return None if found is None or found.text is None else found.text.strip()


def number(text: str, where: str) -> int:
    """A number as SVD writes it: ``12``, ``0x0C``, ``#1100`` or ``0b1100``.

    Raises:
        ValueError: it is none.
    """
    plain = text.strip().lower().removeprefix("+")
    try:
        if plain.startswith("#"):
            return int(plain[1:], 2)
        return int(plain, 0) if plain[:2] in ("0x", "0b") else int(plain)
    except ValueError:
        raise ValueError(f"SVD: {where}: {text!r} is no number") from None
