# SPDX-License-Identifier: Apache-2.0
"""What the registers of a device are: names, addresses, and the fields of bits in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = ["ByteOrder", "Field", "Register", "RegisterMap", "described"]

ByteOrder = Literal["big", "little"]

ACCESSES = ("rw", "ro", "wo")

_EXAMPLE = 'such as {"id": 0xD0, "mode": {"address": 0xF4, "fields": {"on": 0, "rate": "7:5"}}}'


@dataclass(frozen=True)
class Field:
    """Some bits of a register.

    Attributes:
        name: of it.
        high: its highest bit.
        low: its lowest bit.
        values: what its numbers are called, where they have names.
        access: ``rw``, ``ro`` or ``wo``.
        description: for people.
    """

    name: str
    high: int
    low: int
    values: Mapping[int, str] = field(default_factory=dict)
    access: str = "rw"
    description: str = ""

    @property
    def mask(self) -> int:
        """Its bits in the register."""
        return (1 << self.high + 1) - (1 << self.low)

    @property
    def most(self) -> int:
        """The largest number that it holds."""
        return self.mask >> self.low

    @property
    def bits(self) -> str:
        """Which bits they are, as data sheets write it."""
        return f"{self.high}:{self.low}" if self.high != self.low else str(self.low)

    def of(self, value: int) -> int:
        """Its number in a value of the register."""
        return (value & self.mask) >> self.low


@dataclass(frozen=True)
class Register:
    """One register.

    Attributes:
        name: of it.
        address: of its first byte, in the device.
        width: in bits, a multiple of 8.
        byteorder: which of its bytes comes first.
        access: ``rw``, ``ro`` or ``wo``. What can only be written is never read.
        fields: from the highest to the lowest.
        description: for people.
    """

    name: str
    address: int
    width: int = 8
    byteorder: ByteOrder = "big"
    access: str = "rw"
    fields: tuple[Field, ...] = ()
    description: str = ""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.width // 8


@dataclass(frozen=True)
class RegisterMap:
    """The registers of a device; :func:`belay_jupyter.registers` makes it.

    Attributes:
        registers: by address.
        address_bits: how the device wants their addresses: 8, 16, 24 or 32 bits.
        name: of the device.
    """

    registers: tuple[Register, ...]
    address_bits: int = 8
    name: str = ""

    def __getitem__(self, name: str) -> Register:
        for one in self.registers:
            if one.name == name:
                return one
        raise KeyError(f"no register {name!r}; there are: {', '.join(map(_name, self.registers))}")

    def __len__(self) -> int:
        return len(self.registers)


def _name(one: Register | Field) -> str:
    return one.name


def described(
    source: Mapping[str, Any] | str | os.PathLike[str],
    *,
    width: int = 8,
    byteorder: str | None = None,
    address_bits: int = 8,
    peripheral: str | None = None,
) -> RegisterMap:
    """See :func:`belay_jupyter.registers`."""
    if byteorder not in (None, "big", "little"):
        raise ValueError(f"byteorder={byteorder!r}: it is 'big' or 'little'")
    if address_bits not in (8, 16, 24, 32):
        raise ValueError(f"address_bits={address_bits!r}: it is 8, 16, 24 or 32")
    if isinstance(source, Mapping):
        order = byteorder or "big"
        found = [_register(name, what, width, order) for name, what in source.items()]
        return checked(found, address_bits, "")
    from belay_jupyter.views.svd import read

    text = source if isinstance(source, str) and source.lstrip().startswith("<") else None
    data = text.encode() if text is not None else Path(source).read_bytes()
    name, found = read(data, peripheral, byteorder)
    return checked(found, address_bits, name)


def checked(found: list[Register], address_bits: int, name: str) -> RegisterMap:
    """A map of registers that make sense.

    Raises:
        ValueError: one does not; the message says which.
    """
    if not found:
        raise ValueError(f"no registers; {_EXAMPLE}")
    for one in found:
        where = f"register {one.name!r}"
        if not 0 <= one.address < 1 << address_bits:
            raise ValueError(
                f"{where}: address {one.address:#x} does not fit into {address_bits} bits; "
                "devices with more have address_bits=16"
            )
        if one.width % 8 or not 8 <= one.width <= 64:
            raise ValueError(f"{where}: width {one.width} is not one of 8, 16, 24 … 64 bits")
        used = 0
        for part in one.fields:
            if not 0 <= part.low <= part.high < one.width:
                raise ValueError(
                    f"{where}, field {part.name!r}: bits {part.high}:{part.low} are not within its "
                    f"{one.width} bits; the higher one comes first, as in '7:4'"
                )
            if used & part.mask:
                raise ValueError(f"{where}, field {part.name!r}: its bits are another's, too")
            used |= part.mask
    in_order = sorted(found, key=lambda one: one.address)
    return RegisterMap(tuple(in_order), address_bits, name)


def _register(name: str, what: Any, width: int, byteorder: str) -> Register:
    given: Any = {"address": what} if isinstance(what, int) else what
    known = {"address", "width", "byteorder", "access", "fields", "description"}
    if not isinstance(given, Mapping) or not isinstance(given.get("address"), int):
        raise ValueError(f"register {name!r} has no address; {_EXAMPLE}")
    if set(given) - known:
        raise ValueError(
            f"register {name!r}: {', '.join(sorted(map(str, set(given) - known)))} mean nothing; "
            f"known are {', '.join(sorted(known))}"
        )
    order = given.get("byteorder", byteorder)
    access = _access(f"register {name!r}", given.get("access", "rw"))
    if order not in ("big", "little"):
        raise ValueError(f"register {name!r}: byteorder {order!r}; it is 'big' or 'little'")
    fields = [_field(name, one, bits) for one, bits in dict(given.get("fields", {})).items()]
    fields.sort(key=lambda one: -one.low)
    return Register(
        str(name),
        given["address"],
        int(given.get("width", width)),
        order,
        access,
        tuple(fields),
        str(given.get("description", "")),
    )


def _field(register: str, name: str, what: Any) -> Field:
    """A field: its bits; or these and the names of its values; or a dict with more."""
    where = f"register {register!r}, field {name!r}"
    given: Mapping[str, Any]
    if isinstance(what, (int, str)):
        given = {"bits": what}
    elif isinstance(what, (tuple, list)) and len(what) == 2:
        given = {"bits": what[0], "values": what[1]}
    elif isinstance(what, Mapping):
        given = what
    else:
        raise ValueError(f'{where}: {what!r}; its bits are 3, or "7:4", or ("7:4", {{0: "off"}})')
    bits = str(given.get("bits", "")).strip("[]").replace(" ", "").split(":")
    if len(bits) not in (1, 2) or not all(one.isdecimal() for one in bits):
        raise ValueError(f"{where}: bits {given.get('bits')!r}; they are written as '7:4' or 3")
    values = given.get("values", {})
    values = values if isinstance(values, Mapping) else dict(enumerate(values))
    return Field(
        str(name),
        int(bits[0]),
        int(bits[-1]),
        {int(number): str(text) for number, text in values.items()},
        _access(where, given.get("access", "rw")),
        str(given.get("description", "")),
    )


def _access(where: str, access: Any) -> str:
    if access not in ACCESSES:
        raise ValueError(f"{where}: access {access!r}; it is one of {', '.join(ACCESSES)}")
    return str(access)
