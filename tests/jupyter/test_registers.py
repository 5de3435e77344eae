# SPDX-License-Identifier: Apache-2.0
"""Descriptions of registers: in Python, and as CMSIS-SVD. No board is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest
from hypothesis import given
from hypothesis import strategies as st

import belay_jupyter
from belay_jupyter.views.registers import Field, Register
from belay_jupyter.views.registertable import RegisterTable

SVD = """<?xml version="1.0" encoding="utf-8"?>
<device xmlns:xs="http://www.w3.org/2001/XMLSchema-instance">
  <name>PART</name><size>16</size><cpu><endian>big</endian></cpu>
  <peripherals>
    <peripheral><name>SENSOR</name><access>read-only</access>
      <registers>
        <register><name>CTRL</name><description>Control
            of &lt;all&gt;</description>
          <addressOffset>0x10</addressOffset><size>8</size><access>read-write</access>
          <fields>
            <field><name>EN</name><bitOffset>0</bitOffset><bitWidth>1</bitWidth></field>
            <field><name>MODE</name><bitRange>[3:2]</bitRange><enumeratedValues>
              <enumeratedValue><name>off</name><value>0</value></enumeratedValue>
              <enumeratedValue><name>fast</name><value>0b10</value></enumeratedValue>
              <enumeratedValue><name>slow</name><value>#11</value></enumeratedValue>
              <enumeratedValue><name>rest</name><value>#x1</value></enumeratedValue>
            </enumeratedValues></field>
            <field><name>READY</name><lsb>7</lsb><msb>7</msb><access>read-only</access></field>
          </fields>
        </register>
        <register><name>VALUE</name><addressOffset>2</addressOffset></register>
        <register><name>CLEAR</name><addressOffset>4</addressOffset>
          <readAction>clear</readAction></register>
        <cluster><dim>2</dim><dimIncrement>8</dimIncrement><dimIndex>A,B</dimIndex>
          <name>CH%s</name><addressOffset>0x20</addressOffset>
          <register><dim>2</dim><dimIncrement>2</dimIncrement><name>T[%s]</name>
            <addressOffset>1</addressOffset></register>
        </cluster>
      </registers>
    </peripheral>
    <peripheral derivedFrom="SENSOR"><name>TWIN</name></peripheral>
    <peripheral><name>EMPTY</name></peripheral>
  </peripherals>
</device>
"""


def test_a_description_in_python() -> None:
    found = belay_jupyter.registers(
        {
            "last": {"address": 0x1FF, "width": 24, "access": "ro"},
            "first": 0,
            "mode": {
                "address": 2,
                "byteorder": "little",
                "fields": {
                    "on": 0,
                    "rate": "[3:1]",
                    "level": ("5 : 4", ["low", "high"]),
                    "kind": {"bits": "15:8", "values": {7: "seven"}, "access": "ro"},
                },
            },
        },
        width=16,
        address_bits=16,
    )
    assert [(one.name, one.width, one.byteorder, one.access) for one in found.registers] == [
        ("first", 16, "big", "rw"),
        ("mode", 16, "little", "rw"),
        ("last", 24, "big", "ro"),
    ]
    assert [(one.name, one.bits) for one in found["mode"].fields] == [
        ("kind", "15:8"),
        ("level", "5:4"),
        ("rate", "3:1"),
        ("on", "0"),
    ]
    assert found["mode"].fields[1].values == {0: "low", 1: "high"}
    with pytest.raises(KeyError, match="there are: first, mode, last"):
        found["middle"]


@pytest.mark.parametrize(
    ("description", "error"),
    [
        ({}, "no registers; such as"),
        ({"a": {}}, "register 'a' has no address"),
        ({"a": "0x10"}, "register 'a' has no address"),
        ({"a": {"address": 1, "adress": 2}}, "adress mean nothing; known are access, address"),
        ({"a": 256}, "address 0x100 does not fit into 8 bits"),
        ({"a": -1}, "does not fit"),
        ({"a": {"address": 1, "width": 12}}, "width 12 is not one of"),
        ({"a": {"address": 1, "access": "r"}}, "access 'r'; it is one of rw, ro, wo"),
        ({"a": {"address": 1, "byteorder": "middle"}}, "byteorder 'middle'"),
        ({"a": {"address": 1, "fields": {"f": "4:7"}}}, "field 'f': bits 4:7 are not within its 8"),
        ({"a": {"address": 1, "fields": {"f": 8}}}, "field 'f': bits 8:8 are not within"),
        ({"a": {"address": 1, "fields": {"f": "x"}}}, "field 'f': bits 'x'; they are written"),
        ({"a": {"address": 1, "fields": {"f": None}}}, "field 'f': None; its bits are 3"),
        ({"a": {"address": 1, "fields": {"f": "3:0", "g": 2}}}, "its bits are another's, too"),
    ],
)
def test_descriptions_that_make_no_sense(description: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError) as told:
        belay_jupyter.registers(description)
    assert error in str(told.value)


@given(low=st.integers(0, 31), size=st.integers(1, 32), value=st.integers(0, 2**32 - 1))
def test_fields_are_the_bits_that_data_sheets_name(low: int, size: int, value: int) -> None:
    high = min(31, low + size - 1)
    field = Field("f", high, low)
    expected = int(f"{value:032b}"[::-1][low : high + 1][::-1], 2)
    assert field.of(value) == expected
    assert 0 <= expected <= field.most


def test_svd(tmp_path: Path) -> None:
    path = tmp_path / "part.svd"
    path.write_text(SVD)
    found = belay_jupyter.registers(path, peripheral="SENSOR")
    assert found.name == "SENSOR"
    rows = [
        (one.name, one.address, one.width, one.byteorder, one.access) for one in found.registers
    ]
    assert rows == [
        ("VALUE", 0x02, 16, "big", "ro"),
        ("CLEAR", 0x04, 16, "big", "wo"),
        ("CTRL", 0x10, 8, "big", "rw"),
        ("CHA.T0", 0x21, 16, "big", "ro"),
        ("CHA.T1", 0x23, 16, "big", "ro"),
        ("CHB.T0", 0x29, 16, "big", "ro"),
        ("CHB.T1", 0x2B, 16, "big", "ro"),
    ]
    control = found["CTRL"]
    assert control.description == "Control of <all>"
    assert [(one.name, one.bits, one.access) for one in control.fields] == [
        ("READY", "7", "ro"),
        ("MODE", "3:2", "rw"),
        ("EN", "0", "rw"),
    ]
    assert control.fields[1].values == {0: "off", 2: "fast", 3: "slow"}
    twin = belay_jupyter.registers(SVD, peripheral="TWIN", byteorder="little")
    assert twin.name == "TWIN"
    assert len(twin) == 7
    assert twin["VALUE"].byteorder == "little"
    start, end = SVD.index("<registers>"), SVD.index("</registers>") + len("</registers>")
    assert belay_jupyter.registers(SVD[start:end])["VALUE"].byteorder == "little"


LAUGHS = (
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi"))  # noqa: B905
    + "]><r>&i;</r>"
)


def around(text: str) -> str:
    return f"<registers><register><name>A</name>{text}</register></registers>"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<device>", "is no XML"),
        ("<device/>", "which peripheral? peripheral=…; there are: none"),
        (SVD, "there are: SENSOR, TWIN, EMPTY"),
        (LAUGHS, "has a <!DOCTYPE>"),
        ('<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', "has a <!DOCTYPE>"),
        (around("<addressOffset>ten</addressOffset>"), "A: 'ten' is no number"),
        (around("<dim>99999</dim>"), "dim 99999 is not within"),
        (around("<size>12</size>"), "width 12"),
        (around("<addressOffset>256</addressOffset>"), "does not fit into 8 bits"),
        (around("<fields><field><name>F</name></field></fields>"), "A.F: '' is no number"),
        (
            around("<fields><field><name>F</name><dim>2</dim></field></fields>"),
            "A.F: fields with dim",
        ),
        (
            '<registers><register derivedFrom="B"><name>A</name></register></registers>',
            "A is derivedFrom another one",
        ),
        (
            "<registers>" + "<cluster><dim>4000</dim>" * 9 + "</cluster>" * 9 + "</registers>",
            "more than 4096 registers and clusters",
        ),
        (
            "<registers>" + "<cluster>" * 3000 + "</cluster>" * 3000 + "</registers>",
            "clusters within clusters without end",
        ),
    ],
)
def test_svd_that_is_not_read(text: str, error: str) -> None:
    with pytest.raises(ValueError) as told:
        belay_jupyter.registers(text)
    assert error in str(told.value)


def test_svd_without_registers() -> None:
    with pytest.raises(ValueError, match="EMPTY has no <registers>"):
        belay_jupyter.registers(SVD, peripheral="EMPTY")
    with pytest.raises(ValueError, match="no peripheral 'X'; there are: SENSOR"):
        belay_jupyter.registers(SVD, peripheral="X")
    with pytest.raises(ValueError, match="byteorder='middle'"):
        belay_jupyter.registers(SVD, byteorder="middle")
    with pytest.raises(ValueError, match="address_bits=7"):
        belay_jupyter.registers({"a": 1}, address_bits=7)


def test_a_table_shows_and_changes_bits() -> None:
    found = belay_jupyter.registers({"r": {"address": 1, "fields": {"f": ("2:1", ["off", "on"])}}})
    wanted: list[tuple[Register, int, int]] = []
    told: list[str] = []
    table = RegisterTable(found, lambda *change: wanted.append(change), told.append)
    table.show([b"\x06"])
    row = table.widget.children[0].children[0]
    number, (field,) = row.children[1], row.children[2].children
    assert number.value == "0x06"
    # A number without a name is one all the same.
    assert isinstance(field, widgets.Dropdown)
    assert (field.value, field.options[-1]) == (3, ("3", 3))
    table.show([b"\x02"])
    assert (field.value, [number for _, number in field.options]) == (1, [0, 1])
    wanted.clear()
    field.value = 0
    assert wanted == [(found["r"], 6, 0)]
    number.value = "ten"
    assert told == ["r: 'ten' is no number from 0 to 0xff, such as 0x2f"]
    assert number.value == "0x02"
    assert "f: 1 (on)" in table.static()
