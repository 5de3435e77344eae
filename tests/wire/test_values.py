# SPDX-License-Identifier: Apache-2.0
"""Values as tokens and back: exactly, by their bits, within bounds."""

from __future__ import annotations

import contextlib
import math
import random
import struct
import sys
import tracemalloc
from array import array
from collections import OrderedDict, namedtuple
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from belay.wire.decoding import decode, decode_items
from belay.wire.values import (
    MAX_DEPTH,
    PIECE,
    CannotTravel,
    Limits,
    Malformed,
    Reference,
    encode_segments,
    encode_small,
)
from tests.wire.profiles import examples

SEGMENT = PIECE + 16
"""The smallest segment."""


def encode(value: Any, size: int = 1 << 30) -> bytes:
    return b"".join(encode_segments((value,), size))


def exact(value: Any) -> Any:
    """What can be compared where ``==`` is too kind: types, signs of zero, bits of a nan."""
    kind = type(value)
    if kind is float:
        return kind, struct.pack("<d", value)
    if kind is complex:
        return kind, exact(value.real), exact(value.imag)
    if kind is array:
        return kind, value.typecode, value.tobytes()
    if kind is memoryview:
        return kind, value.format, value.tobytes()
    if kind in (list, tuple):
        return kind, [exact(item) for item in value]
    if kind in (set, frozenset):
        return kind, sorted((exact(item) for item in value), key=repr)
    if kind is dict:
        return kind, [(exact(key), exact(item)) for key, item in value.items()]
    return kind, value


# ------------------------------------------------------------------------------------ the encoding


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        (None, b"N"),
        (True, b"T"),
        (False, b"F"),
        (-16, b"\x80"),
        (0, b"\x90"),
        (111, b"\xff"),
        (112, b"h\x70\x00"),
        (-17, b"h\xef\xff"),
        (0x7FFF, b"h\xff\x7f"),
        (-0x8000, b"h\x00\x80"),
        (0x8000, b"i\x00\x80\x00\x00"),
        (-0x8001, b"i\xff\x7f\xff\xff"),
        (0x7FFFFFFF, b"i\xff\xff\xff\x7f"),
        (-0x80000000, b"i\x00\x00\x00\x80"),
        (0x80000000, b"I\x9880000000"),
        (-0x80000001, b"I\x99-80000001"),
        (1.0, b"d" + struct.pack("<d", 1.0)),
        (-0.0, b"d" + struct.pack("<d", -0.0)),
        (1 - 2j, b"j" + struct.pack("<dd", 1, -2)),
        ("", b"s\x90"),
        ("é", b"s\x92\xc3\xa9"),
        (b"ab", b"b\x92ab"),
        (bytearray(b"ab"), b"B\x92ab"),
        (array("h", [1, -1]), b"ah\x94\x01\x00\xff\xff"),
        (memoryview(b"ab"), b"mB\x92ab"),
        ([1, None], b"l\x92\x91N"),
        ((), b"t\x90"),
        ({1: "a"}, b"D\x91\x91s\x91a"),
        ({7}, b"S\x91\x97"),
        (frozenset(), b"Z\x90"),
        (range(5), b"r\x90\x95\x91"),
        (range(10, -10, -3), b"r\x9a\x86\x8d"),
        (b"x" * (PIECE + 1), b"Jb\x92b" + b"h\x00\x08" + b"x" * PIECE + b"b\x91x"),
        ("y" * (2 * PIECE), b"Js\x92" + 2 * (b"bh\x00\x08" + b"y" * PIECE)),
        (array("B", bytes(PIECE + 2)), b"JaB\x92bh\x00\x08" + bytes(PIECE) + b"b\x92\0\0"),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0][:30],
)
def test_how_each_type_is_written(value: Any, encoding: bytes) -> None:
    assert encode(value) == encoding
    assert exact(decode(encoding)) == exact(value)


def test_a_board_writes_the_width_of_its_own_long() -> None:
    # Typecodes l and L are 4 bytes on every board; decoded as a code of 4 bytes everywhere.
    data = struct.pack("<2i", -2, 3)
    assert decode(b"al\x98" + data) == array("i", [-2, 3])
    assert decode(b"mL\x98" + data).format == "I"
    assert decode(b"JaL\x91b\x98" + data).typecode == "I"


@pytest.mark.parametrize("code", "lL")
def test_a_host_writes_the_width_of_its_own_long(code: str) -> None:
    written = encode(array(code, [1, 2]))
    width = array(code).itemsize
    assert written[1:2].decode() in {4: "iI", 8: "qQ"}[width]
    assert decode(written).tolist() == [1, 2]


# -------------------------------------------------------------------------------------- round trips

INTEGERS = st.one_of(
    st.integers(-200, 200),
    st.integers(-(2**33), 2**33),
    st.integers(min_value=-(2**300), max_value=2**300),
)
FLOATS = st.one_of(
    st.floats(),  # nan, inf, -0.0 and subnormals among them
    st.binary(min_size=8, max_size=8).map(lambda bits: struct.unpack("<d", bits)[0]),
)
ARRAYS = st.tuples(st.sampled_from("bBhHiIlLqQfd"), st.binary(max_size=64)).map(
    lambda drawn: array(drawn[0], drawn[1][: len(drawn[1]) // 8 * 8])
)
HASHABLE = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        INTEGERS,
        FLOATS,
        st.text(max_size=20),
        st.binary(max_size=20),
        st.complex_numbers(),
        st.builds(range, INTEGERS, INTEGERS, st.integers(-9, 9).filter(bool)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple), st.frozensets(inner, max_size=4)
    ),
    max_leaves=6,
)
ANY = st.recursive(
    st.one_of(
        HASHABLE, st.binary(max_size=50).map(bytearray), ARRAYS, st.binary().map(memoryview), ARRAYS
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.sets(HASHABLE, max_size=4),
    ),
    max_leaves=15,
)


def as_on_the_wire(value: Any) -> Any:
    """A typecode l or L arrives as the code of the same width."""
    if type(value) is array and value.typecode in "lL":
        code = {("l", 4): "i", ("L", 4): "I", ("l", 8): "q", ("L", 8): "Q"}
        return array(code[value.typecode, value.itemsize], value.tobytes())
    if type(value) in (list, tuple):
        return type(value)(as_on_the_wire(item) for item in value)
    if type(value) is dict:
        return {key: as_on_the_wire(item) for key, item in value.items()}
    return value


@given(ANY)
@example([math.nan, -math.nan, math.inf, -math.inf, -0.0, 5e-324, sys.float_info.max])
@example({"log": [1, (2, {3: b"4"})], (): set(), frozenset({1}): range(3, 0, -1)})
@example([array("d"), memoryview(b""), bytearray(), "", b"", [], (), {}, set(), frozenset()])
@example([2**4000, -(2**4000)])
@examples(60)
def test_every_value_arrives_exactly(value: Any) -> None:
    assert exact(decode(encode(value))) == exact(as_on_the_wire(value))


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
@pytest.mark.parametrize("items", [0, 1, PIECE // 4, 3 * PIECE + 1])
def test_arrays_and_memoryviews_of_every_code(code: str, items: int) -> None:
    value = array(code, [index % 100 for index in range(items)])
    assert exact(decode(encode(value))) == exact(as_on_the_wire(value))
    view = decode(encode(memoryview(value)))
    assert type(view) is memoryview
    assert view.tolist() == value.tolist()


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 5 * PIECE, 1_000_000])
@pytest.mark.parametrize("make", [bytes, bytearray, lambda data: data.decode("latin-1")])
def test_large_buffers(size: int, make: Any) -> None:
    value = make(random.Random(size).randbytes(size))
    assert exact(decode(encode(value, SEGMENT))) == exact(value)


def test_views_of_parts() -> None:
    # Every other item: not contiguous, and still the items that are seen.
    assert decode(encode(memoryview(b"abcdef")[::2])).tobytes() == b"ace"


# ---------------------------------------------------------------------------------------- segments


@given(st.lists(ANY, max_size=6), st.integers(0, 200))
@examples(20)
def test_segments_respect_their_size_and_end_between_tokens(values: list[Any], more: int) -> None:
    size = SEGMENT + more
    segments = encode_segments((values, b"x" * 3000), size)
    assert b"".join(segments) == encode(values) + encode(b"x" * 3000)
    assert all(0 < len(segment) <= size for segment in segments)
    # A segment that ended inside a token would not begin with one.
    for segment in segments:
        assert segment[0] >= 0x80 or chr(segment[0]) in "hiINTFdjsbBamltDSZrJ"


def test_segments_are_filled() -> None:
    segments = encode_segments((list(range(10_000)),), SEGMENT)
    assert all(len(segment) > SEGMENT - 4 for segment in segments[:-1])


def test_nothing_at_all_is_one_empty_segment() -> None:
    assert encode_segments((), SEGMENT) == [b""]


def test_several_values_stand_behind_one_another() -> None:
    assert encode_segments((1, "a", None), SEGMENT) == [b"\x91s\x91aN"]


@given(
    st.lists(
        st.one_of(INTEGERS, FLOATS, st.none(), st.booleans(), st.text(), st.binary(), ANY),
        max_size=5,
    ).map(tuple)
)
@example((1, "é" * 256, "x" * 513))
@example(("\ud800",))
@example((True, None, 2.5, -1, "é" * 256))
@examples(50)
def test_the_short_way_agrees_with_the_long_one(values: tuple[Any, ...]) -> None:
    small = encode_small(values)
    if small is not None:
        assert [small] == encode_segments(values, 1 << 30)


def test_what_the_short_way_takes() -> None:
    assert encode_small(()) == b""
    assert encode_small((1, "a", 0.5, True, False, None)) == (
        b"\x91s\x91a" + b"d" + struct.pack("<d", 0.5) + b"TFN"
    )
    assert encode_small(("x" * 512,)) == b"sh\x00\x02" + b"x" * 512
    assert encode_small(("x" * 513,)) is None
    assert encode_small(("\ud800",)) is None  # left to the way that can say where it is
    assert encode_small(([],)) is None


# ------------------------------------------------------------------------------ what cannot travel


class Stranger:
    """A type of the user's own."""

    def __repr__(self) -> str:
        return "Stranger()"


class Rude:
    """Its repr must not be in the way of the error about it."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


Point = namedtuple("Point", "x y")


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def grid() -> memoryview:
    return memoryview(bytes(4)).cast("B", (2, 2))


FOREIGN = [
    (object(), "builtins.object", ""),
    (Stranger(), f"{__name__}.Stranger", ""),
    (Stranger, "builtins.type", ""),
    (Point(1, 2), f"{__name__}.Point", ""),
    (OrderedDict(), "collections.OrderedDict", ""),
    (len, "builtins.builtin_function_or_method", ""),
    (..., "builtins.ellipsis", ""),
    ("\ud800", "str", "not Unicode text (surrogates not allowed)"),
    (memoryview(b"ab").cast("c"), "memoryview", "no board knows the item format 'c'"),
    (grid(), "memoryview", "it has 2 dimensions, not one"),
]


@pytest.mark.parametrize(
    ("value", "name", "reason"), FOREIGN, ids=lambda v: repr(v).partition(" at 0x")[0][:20]
)
def test_a_foreign_value_is_named_with_its_path(value: Any, name: str, reason: str) -> None:
    for whole, path in [
        (value, ""),
        ([0, value], "[1]"),
        ((value,), "[0]"),
        ({"log": [1, 2, 3, value]}, "['log'][3]"),
        ({1: {(2, "é"): (None, value)}}, "[1][(2, 'é')][1]"),
    ]:
        with pytest.raises(CannotTravel) as caught:
            encode_segments((0, whole), SEGMENT, ("name",))
        assert caught.value.type_name == name
        assert caught.value.path == f"args[0]{path}"
        assert caught.value.reason == reason


@pytest.mark.filterwarnings("ignore:.*'u'.*:DeprecationWarning")
def test_an_array_of_characters_is_text_and_should_be_sent_as_such() -> None:
    with pytest.raises(CannotTravel) as caught:
        encode([array("u", "ab")])
    assert caught.value.type_name == "array"
    assert caught.value.reason == "no board knows the item format 'u'"


def test_paths_of_arguments_and_of_what_has_no_index() -> None:
    stranger = Stranger()
    for values, names, path in [
        ((stranger,), (), "args[0]"),
        ((1, 2, stranger), (), "args[2]"),
        ((stranger,), ("source",), "source"),
        ((1, 2, stranger), ("name", "keywords"), "args[0]"),
        (({(1, stranger): 2},), (), "args[0].key((1, Stranger()))[1]"),
        (({stranger},), (), "args[0].item(Stranger())"),
        (([frozenset({stranger})],), (), "args[0][0].item(Stranger())"),
    ]:
        with pytest.raises(CannotTravel) as caught:
            encode_segments(values, SEGMENT, names)
        assert caught.value.path == path


def test_a_path_is_short_and_no_error_of_its_own() -> None:
    for key, shown in [
        (10**5000, "<int>"),  # more digits than the interpreter turns into text
        (Rude(), "<Rude>"),
        ("k" * 5000, "'" + "k" * 76 + "..."),
    ]:
        with pytest.raises(CannotTravel) as caught:
            encode_segments(({key: Stranger()},), SEGMENT)
        assert caught.value.path in (f"args[0][{shown}]", f"args[0].key({shown})")


def test_messages_say_where() -> None:
    assert str(CannotTravel("Stranger", "result[3]", "why")) == "Stranger at result[3]: why"
    assert str(CannotTravel("Stranger")) == "Stranger at the root"


def test_depth_on_the_way_up() -> None:
    assert decode(encode(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(CannotTravel) as caught:
        encode(nested(MAX_DEPTH + 1))
    assert caught.value.path == "args[0]" + "[0]" * MAX_DEPTH
    assert "deep" in caught.value.reason


def test_a_value_that_contains_itself() -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    with pytest.raises(CannotTravel, match="deep"):
        encode(loop)


# --------------------------------------------------------------------------- what a board may send


@pytest.mark.parametrize(
    ("data", "path", "name", "reason"),
    [
        (b"!\x96Widget", "result", "Widget", ""),
        (b"l\x92\x90!\x96Widget", "result[1]", "Widget", ""),
        (b"D\x91s\x93logl\x91!\x93Pin", "result['log'][0]", "Pin", ""),
        (b"D\x91!\x93Pin\x90", "result.key(0)", "Pin", ""),
        (b"D\x92\x90\x90t\x91!\x93PinN", "result.key(1)[0]", "Pin", ""),
        (b"S\x91!\x93Pin", "result[0]", "Pin", ""),
        (b"l\x91s\x91\xff", "result[0]", "str", "not UTF-8 (invalid start byte)"),
        (b"Js\x91b\x91\xff", "result", "str", "not UTF-8 (invalid start byte)"),
        (b"!\xa6value: nested too deep", "result", "value", "nested too deep"),
        (b"!\x91\xff", "result", "str", "not UTF-8 (invalid start byte)"),
    ],
)
def test_what_the_board_could_not_send(data: bytes, path: str, name: str, reason: str) -> None:
    with pytest.raises(CannotTravel) as caught:
        decode(data)
    assert (caught.value.path, caught.value.type_name) == (path, name)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "1 bytes wanted"),
        (b"?", "no token: 0x3f at 0"),
        (b"\x90\x90", "1 bytes behind the value"),
        (b"h\x00", "2 bytes wanted"),
        (b"s\x8f", "-1 items announced"),
        (b"bi\xff\xff\xff\x7f", "2147483647 items announced"),
        (b"bi\x00\x00\x00\x01", "16777216 bytes wanted"),
        (b"sN", "an int was expected at 1, not 0x4e"),
        (b"sI\x911", "an int was expected at 1, not 0x49"),
        (b"sh\x01", "2 bytes wanted"),
        (b"I\x92xy", "no hexadecimal number: b'xy'"),
        (b"I\x90", "no hexadecimal number: b''"),
        (b"r\x90\x90\x90", "step 0"),
        (b"r\x90\x90", "1 bytes wanted"),
        (b"r\x90NN", "an int was expected at 2"),
        (b"ax\x90", "no item format: 'x'"),
        (b"ah\x91x", "1 bytes are no whole items of 'h'"),
        (b"mQ\x91x", "no whole items"),
        (b"Jx\x91b\x91a", "no token to join: 'x'"),
        (b"Js\x91\x90", "a piece was expected at 3"),
        (b"JaB\x91l\x90", "a piece was expected at 4"),
        (b"S\x91l\x90", "an unhashable item"),
        (b"Z\x91mB\x90", "an unhashable item"),  # hash() of it is a ValueError, not a TypeError
        (b"D\x91l\x90\x90", "an unhashable key"),
        (b"D\x91mB\x90\x90", "an unhashable key"),
    ],
)
def test_bytes_that_are_no_value(data: bytes, message: str) -> None:
    with pytest.raises(Malformed, match=message.replace("(", r"\(")):
        decode(data)


def test_ranges_of_any_size() -> None:
    value = range(-(2**70), 2**70, 2**40)
    assert decode(encode(value)) == value


def test_limits_of_an_answer() -> None:
    assert decode(encode([1]), Limits(size=3)) == [1]
    with pytest.raises(CannotTravel, match="larger than 2 bytes") as caught:
        decode(encode([1]), Limits(size=2), "exception")
    assert caught.value.path == "exception"
    data = b"l\x91" * MAX_DEPTH + b"l\x90"
    with pytest.raises(Malformed, match="items announced"):
        decode(b"lh\xff\x7f", Limits(size=100))
    assert decode(data)  # one level more than the host itself would send
    with pytest.raises(CannotTravel, match="nested too deep") as caught:
        decode(b"l\x91" * (MAX_DEPTH + 2) + b"N")
    assert caught.value.path.startswith("result[0][0]")


@pytest.mark.parametrize("token", [b"l", b"D", b"I", b"r", b"J", b"Jb", b"!", b"t\x91", b"S\x91"])
def test_endless_nesting_never_overflows_the_stack(token: bytes) -> None:
    with pytest.raises((Malformed, CannotTravel)):
        decode(token * 100_000)


@pytest.mark.parametrize(
    "value",
    [
        {"log": [1, 2.5, None, True], "b": (b"x", bytearray(b"y"), "z")},
        [2**40, -1000, 100_000, 1 - 1j, range(1, 1000, 7), {1}, frozenset({2})],
        [array("h", [1, 2]), memoryview(b"abc"), "s" * (PIECE + 5), array("d", [0.5] * 300)],
    ],
)
def test_a_value_cut_off_anywhere_is_refused(value: Any) -> None:
    data = encode(value)
    for end in range(len(data)):
        with pytest.raises(Malformed):
            decode(data[:end])


@given(st.binary(max_size=200))
@examples(300)
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    with contextlib.suppress(Malformed, CannotTravel):
        decode(data)


def test_damaged_encodings_raise_nothing_else() -> None:
    """Closer to the truth than random bytes: 4,000 encodings with a few bytes changed."""
    draw = random.Random(20)
    tokens = b"hiINTFdjsbBamltDSZrJ!" + bytes(range(0x8E, 0x9A))
    seed = bytearray(
        encode([{"a": [1, 2.5, (3,)], b"k": {4, 5}}, "text", array("i", [1]), range(9), 2**80])
    )
    for _ in range(4_000):
        data = seed.copy()
        for _ in range(draw.randint(1, 5)):
            data[draw.randrange(len(data))] = draw.choice(tokens)
        del data[draw.randrange(1, len(data) + 1) :]
        with contextlib.suppress(Malformed, CannotTravel):
            decode(bytes(data))


@pytest.mark.soak
def test_many_random_bytes_raise_nothing_else() -> None:
    draw = random.Random(21)
    tokens = bytes(range(0x8E, 0x9A)) + b"hiINTFdjsbBamltDSZrJ!" * 2
    for _ in range(1_000_000):
        data = bytes(draw.choices(tokens, k=draw.randint(1, 40)))
        with contextlib.suppress(Malformed, CannotTravel):
            decode(data)


def test_nothing_is_allocated_for_what_is_only_announced() -> None:
    tracemalloc.start()
    try:
        for data in (
            b"li\xff\xff\xff\x0f",
            b"bi\xff\xff\xff\x0f",
            b"Ji\xff\xff\xff\x0f",
            b"D" * 99,
        ):
            with pytest.raises(Malformed):
                decode(data)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "value", [2**8191, -(2**8191), 2**8192, -(3**9000), 16 ** (3 * PIECE)], ids=range(5)
)
def test_large_ints_travel_in_pieces(value: int) -> None:
    segments = encode_segments((value,), PIECE + 64)
    assert max(map(len, segments)) <= PIECE + 64
    assert decode(b"".join(segments)) == value
    assert encode_small((value,)) is None


def test_pieces_that_are_no_number() -> None:
    with pytest.raises(Malformed, match="hexadecimal"):
        decode(b"JI\x91b\x92xy")


# ---- what the board keeps, and what is adapted on the way


class Proxy:
    """Stands for something on the board; its own attributes must not be asked."""

    def __init__(self, target: int | str) -> None:
        self.target = target

    def __belay_reference__(self) -> Reference:
        return Reference(self.target)


@pytest.mark.parametrize(
    ("target", "encoding"),
    [(7, b"@\x97"), (1000, b"@h\xe8\x03"), ("led", b"$\x93led"), ("é", b"$\x92\xc3\xa9")],
)
def test_a_reference_travels_in_the_place_of_what_refers(
    target: int | str, encoding: bytes
) -> None:
    assert encode(Proxy(target)) == encoding
    assert encode([{"a": Proxy(target)}]) == b"l\x91D\x91s\x91a" + encoding


def test_a_reference_is_a_matter_of_the_class_alone() -> None:
    stranger = Stranger()
    vars(stranger)["__belay_reference__"] = lambda: Reference(1)
    with pytest.raises(CannotTravel):
        encode(stranger)


def test_values_of_other_types_can_be_adapted_anywhere() -> None:
    def adapt(value: Any) -> Any:
        return [1, Proxy(2)] if type(value) is Stranger else NotImplemented

    plain = encode_segments(([1, Proxy(2)], {"k": ([1, Proxy(2)],)}), SEGMENT)
    assert encode_segments((Stranger(), {"k": (Stranger(),)}), SEGMENT, (), adapt) == plain
    with pytest.raises(CannotTravel, match=r"args\[0\]\[1\]"):
        encode_segments(([0, object()],), SEGMENT, (), adapt)


def test_values_behind_one_another_are_read_up_to_the_first_that_could_not_travel() -> None:
    data = encode_segments((1, "two", [3]), SEGMENT)[0]
    assert decode_items(data) == ([1, "two", [3]], None)
    assert decode_items(b"") == ([], None)
    values, error = decode_items(data + b"!\x93Pin" + b"\x91")
    assert values == [1, "two", [3]]
    assert error is not None
    assert error.type_name == "Pin"
    with pytest.raises(Malformed):
        decode_items(data[:-1])
