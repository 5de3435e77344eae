# SPDX-License-Identifier: Apache-2.0
"""Pieces of files in their shortest form, and back."""

from __future__ import annotations

import random
import zlib
from binascii import a2b_base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from belay.sync.encoding import ARMOURED, Form, Packed, mask, pack, unmask
from belay.wire.literal import escape, escape_ascii

FORMS = [
    Form(),
    Form(10),
    Form(12),
    Form(12, masked=False),
    Form(0, masked=False),
    Form(0, text=True),
    Form(10, text=True),
]
RANDOM = random.Random(5).randbytes(8000)
SOURCE = "".join(
    f"def f{n}(x):\n    return {{'a': x * {n}}}  # it's\n" for n in range(150)
).encode()


def unpacked(packed: Packed) -> bytes:
    """What belay/onboard/files.py does."""
    data = packed.data
    if packed.keys == ARMOURED:
        data = a2b_base64(data)
    elif isinstance(packed.keys, bytes):
        data = unmask(data, packed.keys)
    return zlib.decompress(data, -packed.window) if packed.window else data


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.sampled_from(FORMS))
@example(bytes(range(256)), FORMS[2])
@example(b"'" * 200, FORMS[0])
def test_every_piece_comes_back(piece: bytes, form: Form) -> None:
    packed = pack(piece, form)
    assert unpacked(packed) == piece
    assert packed.window in (0, form.window)
    assert form.masked or not isinstance(packed.keys, bytes)
    assert (packed.keys == ARMOURED) <= form.text
    literal = escape_ascii if form.text else escape
    keys = len(packed.keys) if isinstance(packed.keys, bytes) else 0
    assert len(literal(packed.data)) + keys <= len(literal(piece))


@given(st.binary(max_size=400))
def test_masks_undo_themselves(data: bytes) -> None:
    masked, keys = mask(data)
    assert unmask(masked, keys) == data
    assert len(keys) == -(-len(data) // 64)
    assert escape(keys) == keys


@pytest.mark.parametrize(
    ("piece", "form", "most"),
    [
        (RANDOM, Form(12), 1.02),
        (RANDOM, Form(12, masked=False), 1.08),
        (RANDOM, Form(12, text=True), 1.34),
        (SOURCE, Form(12), 0.2),
        (SOURCE, Form(0), 1.02),
        (SOURCE, Form(0, text=True), 1.34),
    ],
)
def test_what_it_costs(piece: bytes, form: Form, most: float) -> None:
    packed = pack(piece, form)
    literal = escape_ascii if form.text else escape
    keys = len(packed.keys) if isinstance(packed.keys, bytes) else 0
    assert len(literal(packed.data)) + keys <= most * len(piece)


def test_bytes_that_no_key_suits() -> None:
    data = bytes(range(64)) + bytes(range(64, 256, 3))
    hopeless = bytes(range(0, 256, 4))  # with twelve costly values, every key hits one
    for block in (data, hopeless, bytes(range(256))):
        masked, keys = mask(block)
        assert unmask(masked, keys) == block
