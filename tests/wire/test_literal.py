# SPDX-License-Identifier: Apache-2.0
"""Bytes as the inside of a literal that one damaged byte cannot turn into other code."""

from __future__ import annotations

import ast
import random
import warnings
from binascii import crc32
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from belay.wire.literal import escape, escape_ascii
from tests.wire.profiles import examples

FORBIDDEN = b"'#{\r\n\0\1\2\3\4\5"
"""Bytes that the REPL acts on, or that would end the literal or hide what follows."""

ESCAPERS = pytest.mark.parametrize("escaper", [escape, escape_ascii])


def read(literal: bytes) -> bytes:
    """The value of the bytes literal whose inside is ``literal``, 8-bit bytes as themselves.

    Written from the language reference (2.4.1.1, escape sequences), so that it does not share an
    error with what it checks; CPython itself takes only ASCII inside ``b'...'``.
    """
    out = bytearray()
    at = 0
    while at < len(literal):
        byte = literal[at]
        at += 1
        if byte != ord("\\"):
            out.append(byte)
            continue
        kind = literal[at : at + 1]
        if kind in (b"n", b"r", b"\\"):
            out += {b"n": b"\n", b"r": b"\r", b"\\": b"\\"}[kind]
            at += 1
        elif kind == b"x":
            out.append(int(literal[at + 1 : at + 3], 16))
            at += 3
        else:
            end = at
            while end < min(at + 3, len(literal)) and literal[end : end + 1] in b"01234567":
                end += 1
            assert end > at, literal
            out.append(int(literal[at:end], 8))
            at = end
    return bytes(out)


@pytest.mark.parametrize(
    ("data", "literal"),
    [
        (b"", b""),
        (b"area", b"area"),
        (b"\0\1\2\3\4\5", rb"\0\1\2\3\4\5"),
        (b"\x06\x07\x08\t\x0b\x1b\x7f", b"\x06\x07\x08\t\x0b\x1b\x7f"),
        (b"\n\r", rb"\n\r"),
        (b"\\", rb"\\"),
        (b"#'{}", rb"\43\47\173}"),
        (b'"', b'"'),
        (b"\x0003", rb"\00003"),  # three digits, or the next one would be part of the escape
        (b"\x018", rb"\18"),  # 8 is no octal digit
        (b"\x048#7'0{1", rb"\48\0437\0470\1731"),
        (b"\n7\r7\\7", rb"\n7\r7\\7"),
        (b"\x00\x00\x000", rb"\0\0\0000"),
        (bytes(range(0x80, 0x100)), bytes(range(0x80, 0x100))),
    ],
)
def test_what_is_written(data: bytes, literal: bytes) -> None:
    assert escape(data) == literal
    assert read(literal) == data


def test_ascii_form_spells_out_eight_bit_bytes() -> None:
    assert escape_ascii(b"\x80a\xff\x009") == rb"\x80a\xff\09"
    assert escape_ascii(b"\x041\xc3\xa9") == rb"\0041\xc3\xa9"


@ESCAPERS
@given(st.binary(max_size=300))
@example(bytes(range(256)) * 2)
@examples(300)
def test_any_bytes_come_back(escaper: Callable[[bytes], bytes], data: bytes) -> None:
    literal = escaper(data)
    assert read(literal) == data
    assert not set(literal) & set(FORBIDDEN)


@given(st.binary(max_size=300))
@examples(200)
def test_the_ascii_form_means_the_same_to_a_python_compiler(data: bytes) -> None:
    literal = escape_ascii(data)
    assert literal.isascii()
    assert ast.literal_eval(f"b'{literal.decode()}'") == data


@given(st.binary(max_size=300))
@examples(200)
def test_the_raw_form_means_the_same_to_a_python_compiler(data: bytes) -> None:
    # A str literal, since CPython refuses 8-bit bytes in b'...'; octal escapes mean the same there.
    source = b"# -*- coding: latin-1 -*-\nx = '" + escape(data) + b"'\n"
    names: dict[str, str] = {}
    exec(compile(source, "<literal>", "exec"), names)
    assert names["x"].encode("latin-1") == data


@ESCAPERS
def test_every_pair_of_bytes_comes_back(escaper: Callable[[bytes], bytes]) -> None:
    """All 65,536 pairs: an escape never runs into the byte behind it."""
    for first in range(256):
        row = b"".join(bytes((first, second)) for second in range(256))
        assert read(escaper(row)) == row


def test_random_bytes_grow_little() -> None:
    data = random.Random(1).randbytes(100_000)
    assert len(escape(data)) < 1.07 * len(data)


# ------------------------------------------------------------------------------- damage on the way


def damaged(line: bytes) -> Iterator[bytes]:
    """``line`` with one byte lost, doubled, or one of its bits flipped: every case."""
    for at in range(len(line)):
        yield line[:at] + line[at + 1 :]
        yield line[: at + 1] + line[at:]
        for bit in range(8):
            yield line[:at] + bytes((line[at] ^ 1 << bit,)) + line[at + 1 :]


def outcome(line: bytes) -> str:
    """What a board's compiler makes of a damaged call."""
    source = line.decode("latin-1")
    if set(source) & set("\x01\x02\x03\x04"):
        return "the REPL acts on it"  # clears the line, ends it early, or leaves the raw REPL
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape sequence that means nothing
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return "not parseable"
    if not tree.body:
        return "nothing"
    # Each statement that is there may run. None of them may contain more than a name that the
    # board does not know, or one call of one literal.
    assert len(tree.body) == 1, source
    (statement,) = tree.body
    assert isinstance(statement, ast.Expr), source
    value = statement.value
    if isinstance(value, ast.Name):
        return "another name"
    if isinstance(value, ast.BinOp):
        # The one operator that a flip can make of "__b(...)": "_^b(...)", whose names fail first.
        assert ast.unparse(value).startswith("_ ^ b(b"), source
        return "another name"
    assert isinstance(value, ast.Call), source
    assert isinstance(value.func, ast.Name), source
    assert len(value.args) == 1, source
    assert not value.keywords, source
    if value.func.id != "__b":
        return "another name"
    (argument,) = value.args
    if isinstance(argument, ast.Name):
        return "another name"
    if isinstance(argument, ast.JoinedStr):
        assert all(isinstance(part, ast.Constant) for part in argument.values), source
        return "no bytes"  # the b became an f: but there is nothing in it to run
    assert isinstance(argument, ast.Constant), source
    data = argument.value
    if isinstance(data, str):
        return "no bytes"  # the b was lost, or became an r: the agent takes bytes only
    assert isinstance(data, bytes), source
    if len(data) > 4 and crc32(data[:-4]).to_bytes(4, "little") == data[-4:]:
        return "the same call"
    return "damaged"


@pytest.mark.parametrize(
    "payload",
    [
        b"c\x91s\x94area\x93\x94",
        b"e\x91s\x9af(g);h()#'",  # code in the payload stays payload
        b"x\x91s\x98');import os#",
        b'e\x91s{h()} {0} {{x}} "{h()}"',
        b'e"+h()+"',
        b'";h();"',
        b'""";h();"""";',
        b"x\\'\\\\'#\n\r\0\1\2\3\4\5" + b"0123",
        b"\\" * 7,
        b"",
    ],
)
def test_one_damaged_byte_never_becomes_other_code(payload: bytes) -> None:
    body = b"\x07" + payload
    body += crc32(body).to_bytes(4, "little")
    line = b"__b(b'" + escape_ascii(body) + b"')"  # ASCII: what CPython's compiler reads
    seen = {outcome(case) for case in damaged(line)}
    assert seen <= {
        "the REPL acts on it",
        "not parseable",
        "another name",
        "no bytes",
        "damaged",
        "the same call",
    }
    assert outcome(line) == "the same call"
    assert {"not parseable", "another name", "damaged"} <= seen


@given(st.binary(max_size=60))
@examples(25)
def test_one_damaged_byte_of_any_call(payload: bytes) -> None:
    body = b"\x07" + payload
    body += crc32(body).to_bytes(4, "little")
    for case in damaged(b"__b(b'" + escape_ascii(body) + b"')"):
        assert outcome(case) != "nothing"
