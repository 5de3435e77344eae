# SPDX-License-Identifier: Apache-2.0
"""The text of a cassette: any bytes and values come back; any damage is found."""

from __future__ import annotations

import struct
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belay.cassettes.besides import Beside, Said
from belay.cassettes.document import (
    Block,
    Cassette,
    Ending,
    Event,
    Line,
    Print,
    Sample,
    read_cassette,
    written,
)
from belay.cassettes.files import CassetteFile, load
from belay.cassettes.lines import NotOurs, from_lines, to_lines
from belay.cassettes.masking import MASK, Masks, is_asked_secretly
from belay.cassettes.notation import encoded, from_text, told, value_lines
from belay.errors import CassetteError
from belay.wire.decoding import decode
from belay.wire.values import encode_segments


def encode(value: object) -> bytes:
    return b"".join(encode_segments((value,), 1 << 20))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 1 << 5000)
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary(max_size=200)
    | st.binary().map(bytearray)
    | st.lists(st.integers(-1000, 1000)).map(lambda items: array("h", items))
    | st.lists(st.floats(width=32)).map(lambda items: array("f", items))
    | st.builds(range, st.integers(), st.integers(), st.integers(1, 9))
    | st.sets(st.integers() | st.text())
    | st.frozensets(st.text())
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
)


@given(st.binary())
def test_bytes_come_back_from_their_lines(data: bytes) -> None:
    lines = to_lines(data)
    assert from_lines(lines) == data
    for line in lines:
        assert line.isprintable()
        assert not line.endswith(" ")


@given(st.lists(st.text()))
def test_lines_that_mean_something_are_written_in_one_way(lines: list[str]) -> None:
    try:
        data = from_lines(lines)
    except NotOurs:
        return
    assert to_lines(data) == lines


@given(VALUES)
def test_values_come_back_from_their_text(value: object) -> None:
    payload = encode(value)
    lines = told(payload)
    again = encoded("\n".join(lines))
    assert all(line == line.rstrip() and line.isprintable() for line in lines)
    assert again == payload or value_lines(decode(again)) == value_lines(decode(payload))
    if not isinstance(value, (float, complex, array, list, tuple, dict)):
        assert not lines[0].startswith("encoded(")  # it can be read


@given(st.binary())
def test_what_is_no_value_is_kept_as_it_is(payload: bytes) -> None:
    again = encoded("\n".join(told(payload)))
    if again != payload:  # the same value, in the one form that it has here
        assert value_lines(decode(again)) == value_lines(decode(payload))


def test_the_bits_of_a_float_count() -> None:
    odd = b"d" + struct.pack("<Q", 0x7FF8_0000_0000_0001)
    for payload in (odd, b"l\x92" + odd, encode(-0.0), encode(float("nan"))):
        assert encoded("\n".join(told(payload))) == payload


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "open('x')", "__import__('os')", "1 + 1", "[x for x in y]", "f'{1}'", "lambda: 0",
        "{**{}}", "[*()]", "float(1)", "set(1)", "array('h', 'x')", "range(0, 1, 0)", "a.b", "...",
        "(" * 300, "1" * 5000, "bytearray(-1)", "array('q', [2 ** 80])", "{[]: 1}", "1 if 1 else 2",
        "bytearray('x')", "frozenset(1)", "complex('x')", "memoryview(1)", "not 1", "-'x'",
    ],
)  # fmt: skip
def test_nothing_else_is_understood_or_run(text: str) -> None:
    with pytest.raises(NotOurs):
        from_text(text)


PLAIN = st.integers() | st.text() | st.lists(st.binary(max_size=99) | st.floats(), max_size=5)
TICKS = st.integers(0, 1 << 32)
TIMES = st.integers(0, 1 << 50)


@st.composite
def prints(draw: st.DrawFn) -> Print:
    pieces = draw(st.lists(st.binary(min_size=1), min_size=1, max_size=4))
    return Print(b"".join(pieces), [(draw(TIMES), len(piece)) for piece in pieces])


def apart(items: list[Print | Event | Line]) -> list[Print | Event | Line]:
    """As they are recorded: what was printed in a row is one item."""
    kept: list[Print | Event | Line] = []
    for item in items:
        if not (isinstance(item, Print) and kept and isinstance(kept[-1], Print)):
            kept.append(item)
    return kept


def event(value: object, at: int, ticks: int) -> Event:
    return Event(encode(("topic", value)).removeprefix(b"t\x92"), at, ticks)


ITEMS = st.lists(
    prints()
    | st.builds(event, PLAIN, TIMES, TICKS)
    | st.builds(Line, st.just(b""), st.none() | st.binary(), TIMES)
    | st.builds(Line, PLAIN.map(lambda value: encode(["mount", value])), st.none(), TIMES)
).map(apart)
ENDINGS = st.builds(
    Ending,
    kind=st.sampled_from("REL"),
    payload=PLAIN.map(encode) | st.just(b""),
    other=st.fixed_dictionaries(
        {},
        optional={
            "stopped": st.text(),
            "facts": st.just({"free": 1}),
            "raised": st.tuples(st.just("CallTimeoutError"), st.text() | st.just("a\n" * 99)),
        },
    ),
    sent=TIMES,
    answered=TIMES,
    ticks=TICKS,
    value_ticks=st.none() | TICKS,
) | st.builds(Ending, kind=st.just("E"), payload=st.binary(), text=st.just(True), sent=TIMES)
BLOCKS = st.builds(
    Block,
    title=st.sampled_from(["call average", "between calls", "run taped0", "file"]),
    asked=st.lists(
        st.sampled_from([["- 1"], ["| x = 1", "|"], ["+ call f"], ["- [", "-. 1,", "-.]"]])
    ).map(lambda groups: [line for group in groups for line in group]),
    items=ITEMS,
    ending=st.none() | ENDINGS,
)


COUNTS = st.integers(0, 10**6)
SAID = st.builds(Said, st.just("R"), PLAIN.map(encode) | st.just(b""), COUNTS, TIMES, TIMES)
WRONG = st.builds(Said, st.just("E"), st.text().map(encode), COUNTS, TIMES, TIMES)
BESIDES = st.lists(
    st.builds(
        Beside,
        title=st.sampled_from(["look", "watch 1", "plot", "bench pin.read"]),
        asked=st.sampled_from([[], ["- 'adc'"], ["- [", "-. 2,", "-.]"]]),
        answers=st.lists(SAID | WRONG, min_size=1, max_size=4),
    ),
    max_size=3,
)


@settings(max_examples=60)
@given(st.lists(BLOCKS, max_size=4), BESIDES, st.booleans(), st.text())
def test_a_cassette_comes_back(
    blocks: list[Block], besides: list[Beside], sampled: bool, address: str
) -> None:
    samples = [Sample(len(blocks), 1, 2, 3)] * sampled
    header: dict[str, object] = {"name": "micropython", "version": (1, 27), "address": address}
    cassette = Cassette(header, blocks, samples, besides)
    text = written(cassette)
    again = read_cassette(text, "")
    assert written(again) == text
    assert [block.items for block in again.blocks] == [block.items for block in blocks]
    assert again.besides == besides
    for one, other in zip(again.blocks, blocks, strict=True):
        if other.ending is not None and (other.ending.kind or other.ending.other):
            assert one.ending is not None
            assert (one.ending.kind, one.ending.text) == (other.ending.kind, other.ending.text)
            assert one.ending.other == other.ending.other


def example() -> Cassette:
    return Cassette(
        {"name": "micropython", "free": 1000, "survives reset": True},
        [
            Block(
                "connect", ["- reset", "| import os", "|"], [], Ending("R", encode(None), sent=1)
            ),
            Block("between calls", [], [event(1.5, 10, 20), Print(b"later\n", [(30, 6)])]),
            Block(
                "call ask",
                ["- 1", "- [", "-. 2,", "-.]"],
                [
                    Print(b"a line\nName? ", [(3, 7), (9, 6)]),
                    Line(b"", b"Ada\n", 4),
                    Line(encode(["mount", 1]), None, 5),
                ],
                Ending(
                    "R", encode(["x" * 100, {"y": 2}]), sent=5, answered=9, ticks=4, value_ticks=2
                ),
            ),
            Block(
                "run <device>", [], [], Ending("E", encode(("ValueError", [], "a\nb\n", [], [])))
            ),
            Block("call f", [], [], Ending(other={"raised": ("ConnectionLost", "gone", None)})),
        ],
        [Sample(3, 1, 2, 3)],
        [
            Beside(
                "watch 1", ["- 'adc'"], [Said("R", encode(3), 2, 5, 6), Said("E", encode("no"))]
            ),
            Beside("plot", [], [Said("R", b"", 1, 7, 7)]),
        ],
    )


TEXT = written(example())


def damaged() -> list[tuple[str, str]]:
    rows = TEXT.split("\n")
    found = []
    for at, row in enumerate(rows):
        before, behind = rows[:at], rows[at + 1 :]
        found += [
            (f"line {at + 1} is lost", "\n".join([*before, *behind])),
            (f"line {at + 1} is there twice", "\n".join([*before, row, row, *behind])),
            (f"line {at + 1} is longer", "\n".join([*before, row + "x", *behind])),
            (f"line {at + 1} ends in a blank", "\n".join([*before, row + " ", *behind])),
            (f"line {at + 1} is empty", "\n".join([*before, "", *behind])),
            (f"line {at + 1} is shorter", "\n".join([*before, row[:-1], *behind])),
            (f"line {at + 1} comes later", "\n".join([*before, *behind[:1], row, *behind[1:]])),
            (f"line {at + 1} is the last", "\n".join([*before, row, ""])),
            (f"a merge begins at {at + 1}", "\n".join([*before, "<<<<<<< HEAD", row, *behind])),
        ]
        for place in range(len(row)):
            flipped = row[:place] + chr(ord(row[place]) ^ 1) + row[place + 1 :]
            found.append((f"line {at + 1}, {place}", "\n".join([*before, flipped, *behind])))
    return [(name, text) for name, text in found if text != TEXT]


def is_refused(text: str) -> bool:
    try:
        read_cassette(text, "x.cassette")
    except CassetteError as error:
        return str(error).startswith("x.cassette")
    return False


def test_any_damaged_line_is_refused() -> None:
    cases = damaged()
    assert len(cases) > 500
    unseen = [name for name, text in cases if not is_refused(text)]
    assert not unseen


def test_what_is_said_of_a_damaged_a_foreign_and_a_newer_file(tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    for text, what in (
        (TEXT.replace("Ada", "Eve"), r"line \d+: lines \d+ to \d+ do not have the check"),
        (TEXT.partition("\n\ntimes")[0] + "\n", "the recording has no end: line"),
        (TEXT.replace("cassette 1", "cassette 2", 1), "format that this version of belay does not"),
        ("interactions:\n- request", "this is no cassette: its first line is 'interactions:'"),
        ("", "this is no cassette: its first line is ''"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(CassetteError, match=what):
            load(path)
    path.write_bytes(b"\xff\xfe\0")
    with pytest.raises(CassetteError, match="it is no text"):
        load(path)
    with pytest.raises(CassetteError, match=r"no such cassette\. To record one"):
        load(tmp_path / "nowhere")
    with pytest.raises(CassetteError, match="cannot be read"):
        load(tmp_path)


def test_windows_line_ends_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert written(load(path)) == TEXT


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    file = CassetteFile(path)
    file.begin(example().header)
    for block in example().blocks:
        file.add(block)
    assert not path.exists()
    assert "Ada" in (tmp_path / "x.cassette.part").read_text(encoding="utf-8")
    file.cassette.samples += example().samples
    for beside in example().besides:
        for said in beside.answers:
            file.add_beside(beside.title, beside.asked, said)
    file.finish()
    file.finish()
    assert path.read_text(encoding="utf-8") == TEXT
    assert [each.name for each in tmp_path.iterdir()] == ["x.cassette"]


@pytest.mark.parametrize(
    ("source", "secret"),
    [
        ("password = 'hunter22'", "hunter22"),
        ('WIFI_PASSWORD = "hunter22"', "hunter22"),
        ("config = {'api_key': 'hunter22'}", "hunter22"),
        ("connect(ssid='net', psk='hunter22')", "hunter22"),
        ("wlan.connect('net', 'hunter22')", "hunter22"),
        ("os.environ['TOKEN'] = 'hunter22'", "hunter22"),
        ("PASS = 'hunter22'  # webrepl_cfg.py", "hunter22"),
        ("token = b'hunter22'", "hunter22"),
    ],
)
def test_secrets_are_found_in_sources(source: str, secret: str) -> None:
    masks = Masks()
    masks.learn(source)
    assert masks.text(source) == source.replace(secret, MASK)
    assert masks.data(f"echo {secret}\n".encode()) == f"echo {MASK}\n".encode()


@pytest.mark.parametrize(
    "source",
    ["passes = 'three of them'", "x = 'password'", "password = read('x')", "token = ''"],
)
def test_what_is_no_secret(source: str) -> None:
    masks = Masks()
    masks.learn(source)
    assert masks.text(source) == source


def test_secrets_in_values_and_at_the_edges_of_pieces() -> None:
    masks = Masks(["hunter22"])
    masks.learn([{"token": "other-secret", "name": "net"}])
    value = {"a": ["my hunter22", b"hunter22"], ("other-secret",): 1, "net": bytearray(b"x")}
    masked = masks.value(value)
    assert masked == {"a": [f"my {MASK}", MASK.encode()], (MASK,): 1, "net": bytearray(b"x")}
    assert masks.data(b"begins with hunte") == b"begins with " + MASK.encode()
    assert masks.data(b"ter22 was its end") == MASK.encode() + b" was its end"
    assert masks.same_size(b"-hunter22-") == b"-********-"


def test_prompts_for_secrets() -> None:
    assert all(map(is_asked_secretly, (b"Password: ", b"a\nWi-Fi password? ", b"PIN: ", b"token>")))
    assert not any(map(is_asked_secretly, (b"Name: ", b"password set\nName: ", b"", b"spin: ")))
