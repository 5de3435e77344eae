# SPDX-License-Identifier: Apache-2.0
"""``machine.I2C`` and ``machine.SoftI2C`` as programs use them, with the parts of the bench."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.virtual.boardprocess import BANNER_END, RAW_BANNER, BoardProcess

IMPORT = """
from machine import I2C, SoftI2C, Pin
import array, struct, time
i2c, soft = I2C(0), SoftI2C(Pin(5), Pin(4))
def rested(bus=i2c):
    while True:  # as data sheets of EEPROMs say: ask until it answers
        try:
            return bus.writeto(0x50, b"")
        except OSError:
            pass
"""


@pytest.fixture(scope="module")
def bus() -> Iterator[BoardProcess]:
    """A board with both kinds of bus; one for all tests, none of which leaves anything behind."""
    with BoardProcess("--seed", "7") as board:
        board.raw()
        assert board.exec(IMPORT) == (b"", b"")
        yield board


VALUES = {
    "i2c": "I2C(0, freq=399361, scl=5, sda=4, timeout=50000)",
    "I2C(1, freq=100_000, timeout=1000)": "I2C(1, freq=100000, scl=7, sda=6, timeout=1000)",
    "I2C(1, 100_000, scl=27, sda='GP2')": "I2C(1, freq=100000, scl=27, sda=2, timeout=50000)",
    "I2C() is I2C(0) is I2C(id=0) is i2c, isinstance(i2c, I2C)": "(True, True)",
    "SoftI2C(1, Pin(0), freq=100_000)": "SoftI2C(scl=1, sda=0, freq=100000)",
    "Pin(4), Pin(5).value()": "(Pin(GPIO4, mode=ALT, pull=PULL_UP), 1)",
    # Parts hang on two pins: a program that names others finds nobody.
    "[rested(), i2c.scan(), soft.scan()]": "[0, [80, 118], [80, 118]]",
    "I2C(1).scan(), SoftI2C(4, 5).scan()": "([], [])",
    "[I2C(0, scl=1, sda=0).scan(), I2C(0, scl=5, sda=4).scan()]": "[[], [80, 118]]",
    "i2c.readfrom_mem(0x76, 0xD0, 1), soft.readfrom_mem(0x76, 0xD0, 1)": "(b'`', b'`')",
    "[i2c.writeto(0x76, b'\\xd0', False), i2c.readfrom(0x76, 1)]": "[1, b'`']",
    "[i2c.writeto(0x76, b''), i2c.readfrom(9, 0), i2c.writevto(0x76, [])]": "[0, b'', 0]",
    "[b := bytearray(2), i2c.readfrom_mem_into(0x76, 0xCF, b), b]": (
        "[bytearray(b'\\x00`'), None, bytearray(b'\\x00`')]"
    ),
    "[b := array.array('H', [7]), soft.readfrom_mem_into(0x76, 0xD0, b), b]": (
        "[array('H', [96]), None, array('H', [96])]"
    ),
    "[b := bytearray(3), i2c.writeto(0x76, b'\\xd0'), "
    "i2c.readfrom_into(0x76, memoryview(b)[1:2]), b]": "[bytearray(b'\\x00`\\x00'), 1, None, "
    "bytearray(b'\\x00`\\x00')]",
    # A memory address of two bytes: a write of register 0, then the one that is read.
    "i2c.readfrom_mem(0x76, 0x0000D0, 1, addrsize=24)": "b'`'",
    "[i2c.writeto_mem(0x76, 0xF5, b'\\x10'), i2c.readfrom_mem(0x76, 0xF5, 1), "
    "i2c.writeto_mem(0x76, 0xF500, b'', addrsize=16), soft.readfrom_mem(0x76, 0xF5, 1)]": (
        "[None, b'\\x10', None, b'\\x00']"
    ),
    "[i2c.writevto(0x76, (b'\\xf5', b'', bytearray(b'\\x1c'))), i2c.readfrom_mem(0x76, 0xF5, 1), "
    "soft.writevto(0x76, [b'\\xf5\\x00']), i2c.readfrom_mem(0x76, 0xF5, 1)]": (
        "[2, b'\\x1c', 2, b'\\x00']"
    ),
    # The controller's own ACK and NACK, and a repeated start, in single steps.
    "[b := bytearray(1), soft.start(), soft.write(b'\\xec\\xd0'), soft.start(), "
    "soft.write(b'\\xed'), soft.readinto(b), soft.stop(), b]": (
        "[bytearray(b'`'), None, 2, None, 1, None, None, bytearray(b'`')]"
    ),
    "[b := bytearray(2), soft.start(), soft.write(b'\\x12\\x34'), soft.readinto(b, False), "
    "soft.stop(), b]": "[bytearray(b'\\xff\\xff'), None, 0, None, None, bytearray(b'\\xff\\xff')]",
    "[rested(), i2c.deinit(), i2c.scan(), str(Pin(4)), I2C(0).scan()]": (
        "[0, None, [], 'Pin(GPIO4, mode=IN)', [80, 118]]"
    ),
}


@pytest.mark.parametrize("expression", VALUES)
def test_values(bus: BoardProcess, expression: str) -> None:
    assert bus.eval(expression) == VALUES[expression]


ERRORS = {
    "i2c.readfrom(9, 1)": b"OSError: [Errno 5] EIO",
    "i2c.writeto(9, b'1')": b"OSError: [Errno 5] EIO",
    "i2c.readfrom_mem(9, 1, 1)": b"OSError: [Errno 5] EIO",
    "i2c.writeto_mem(9, 1, b'1')": b"OSError: [Errno 5] EIO",
    "i2c.writeto(9, b'')": b"OSError: [Errno 19] ENODEV",
    "soft.readfrom(9, 0)": b"OSError: [Errno 19] ENODEV",
    "soft.readfrom_mem(9, 1, 1)": b"OSError: [Errno 19] ENODEV",
    "soft.writeto(9, b'1')": b"OSError: [Errno 19] ENODEV",
    "I2C(1).writevto(0x76, [b'1'])": b"OSError: [Errno 5] EIO",
    "i2c.start()": b"OSError: I2C operation not supported",
    "I2C(2)": b"ValueError: I2C(2) doesn't exist",
    "I2C(-1, scl=Pin(5), sda=Pin(4))": b"ValueError: I2C(-1) doesn't exist",
    "I2C(0, scl=Pin(4), sda=Pin(5))": b"ValueError: bad SCL pin",
    "I2C(0, scl=Pin(5), sda=Pin(6))": b"ValueError: bad SDA pin",
    "i2c.readfrom_into(0x76, b'12')": b"TypeError: object with buffer protocol required",
    "i2c.readfrom_mem_into(0x76, 1, 2)": b"TypeError: object with buffer protocol required",
    "i2c.writeto(0x76, 5)": b"TypeError: object with buffer protocol required",
    "i2c.writevto(0x76, [5])": b"TypeError: object with buffer protocol required",
    "i2c.readfrom_mem(0x76, 1, 1, addrsize=7)": b"ValueError: invalid addrsize",
    "soft.writeto_mem(0x76, 1, b'', addrsize=40)": b"ValueError: invalid addrsize",
    "I2C(1).deinit(); I2C(1).deinit(); x = I2C(1); x.deinit(); x.readfrom(0x76, 1)": b"[Errno 5]",
}


@pytest.mark.parametrize("source", ERRORS)
def test_errors(bus: BoardProcess, source: str) -> None:
    assert ERRORS[source] in bus.exec(source)[1]


DRIVER = """
def bme280(bus):
    # Written from the data sheet, in its integers: 0.01 degrees, 1/256 Pa, 1/1024 %.
    read = lambda at, n: bus.readfrom_mem(0x76, at, n)
    T1, T2, T3, P1, P2, P3, P4, P5, P6, P7, P8, P9 = struct.unpack("<HhhHhhhhhhhh", read(0x88, 24))
    H1 = read(0xA1, 1)[0]
    H2, H3, e4, e5, e6, H6 = struct.unpack("<hBbBbb", read(0xE1, 7))
    H4, H5 = e4 << 4 | e5 & 15, e6 << 4 | e5 >> 4
    bus.writeto_mem(0x76, 0xF2, b"\\x05")
    begun = time.ticks_us()
    bus.writeto_mem(0x76, 0xF4, b"\\xb5")  # everything 16 times, once
    while read(0xF3, 1)[0] & 8:
        time.sleep_ms(1)
    took = time.ticks_diff(time.ticks_us(), begun)
    d = read(0xF7, 8)
    p, t = d[0] << 12 | d[1] << 4 | d[2] >> 4, d[3] << 12 | d[4] << 4 | d[5] >> 4
    h = d[6] << 8 | d[7]
    a = (((t >> 3) - (T1 << 1)) * T2) >> 11
    b = (((((t >> 4) - T1) * ((t >> 4) - T1)) >> 12) * T3) >> 14
    fine = a + b
    a = fine - 128000
    b = a * a * P6 + ((a * P5) << 17) + (P4 << 35)
    a = ((a * a * P3) >> 8) + ((a * P2) << 12)
    a = (((1 << 47) + a) * P1) >> 33
    q = (((1048576 - p << 31) - b) * 3125) // a
    q = ((q + ((P9 * (q >> 13) * (q >> 13)) >> 25) + ((P8 * q) >> 19)) >> 8) + (P7 << 4)
    v = fine - 76800
    v = ((((h << 14) - (H4 << 20) - H5 * v) + 16384) >> 15) * (
        ((((((v * H6) >> 10) * (((v * H3) >> 11) + 32768)) >> 10) + 2097152) * H2 + 8192) >> 14
    )
    v -= ((((v >> 15) * (v >> 15)) >> 7) * H1) >> 4
    return took, (fine * 5 + 128) >> 8, q, max(0, min(v, 419430400)) >> 12
"""


@pytest.mark.parametrize("name", ["i2c", "soft"])
def test_a_driver_reads_the_air_of_a_room(bus: BoardProcess, name: str) -> None:
    assert bus.exec(DRIVER)[1] == b""
    took, temperature, pressure, humidity = eval(bus.eval(f"bme280({name})"))
    assert took >= 98_000  # microseconds; the data sheet says so
    assert 20.9 < temperature / 100 < 23.1
    assert 1011 < pressure / 25600 < 1015
    assert 41 < humidity / 1024 < 49
    assert bus.eval("i2c.readfrom_mem(0x76, 0xF4, 1)") == r"b'\xb4'"  # it went back to sleep


def test_the_seed_decides_what_there_is_to_measure(bus: BoardProcess) -> None:
    # Only what the factory burnt in: the air drifts while a slow machine starts boards.
    trimming = "I2C(0).readfrom_mem(0x76, 0x88, 26)"
    answers = [bus.eval(trimming)]
    for seed in ("7", "8"):
        with BoardProcess("--seed", seed) as board:
            board.raw()
            assert board.exec(IMPORT) == (b"", b"")
            answers.append(board.eval(trimming))
    first, second, other = answers
    assert first == second != other


def test_parts_keep_their_state_over_resets_of_the_board(bus: BoardProcess) -> None:
    asked = "i2c.readfrom_mem(0x76, 0xF5, 1), i2c.readfrom_mem(0x50, 8, 2)"
    bus.exec("i2c.writeto_mem(0x76, 0xF5, b'\\x0c'); i2c.writeto_mem(0x50, 8, b'hi'); rested()")
    for reset in (b"\x02\x04", b"import machine; machine.reset()\x04"):
        bus.send(reset)
        bus.until(BANNER_END)
        bus.send(b"\x01")
        bus.until(RAW_BANNER)
        assert bus.exec(IMPORT) == (b"", b"")
        assert bus.eval(asked) == r"(b'\x0c', b'hi')"
    # What does reset the sensor, and what only looks like it.
    assert bus.exec("i2c.writeto_mem(0x76, 0xE0, b'\\xb5')") == (b"", b"")
    assert bus.eval(asked) == r"(b'\x0c', b'hi')"
    assert bus.exec("i2c.writeto_mem(0x76, 0xE0, b'\\xb6')") == (b"", b"")
    assert bus.eval(asked) == r"(b'\x00', b'hi')"
    assert bus.exec("while i2c.readfrom_mem(0x76, 0xF3, 1)[0]: pass") == (b"", b"")


def test_an_eeprom_is_deaf_while_it_writes(bus: BoardProcess) -> None:
    source = (
        "rested()\nt, n = time.ticks_us(), set()\ni2c.writeto_mem(0x50, 0, b'x')\n"
        "while True:\n"
        "  try: print(i2c.readfrom_mem(0x50, 0, 1)); break\n"
        "  except OSError as e: n.add(e.errno)\n"
        "print(time.ticks_diff(time.ticks_us(), t) >= 5000, n <= {5})\n"
    )
    assert bus.exec(source) == (b"b'x'\nTrue True\n", b"")


def test_handlers_run_at_every_transfer(bus: BoardProcess) -> None:
    source = (
        "from machine import Timer\ndone = []\n"
        "t = Timer(period=5, mode=Timer.ONE_SHOT, callback=done.append)\n"
        "while not done: i2c.readfrom(0x76, 1)\nprint(len(done))\n"
    )
    assert bus.exec(source) == (b"1\n", b"")


_OPERATIONS = st.tuples(
    st.sampled_from(["i2c", "soft"]),
    st.sampled_from(["writeto", "writevto", "writeto_mem", "steps"]),
    st.integers(0, 255),
    st.binary(min_size=1, max_size=12),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(_OPERATIONS, min_size=1, max_size=4), st.integers(0, 255), st.integers(1, 300))
def test_every_way_to_write_and_read_a_memory(
    bus: BoardProcess, operations: list[tuple[str, str, int, bytes]], start: int, count: int
) -> None:
    """The EEPROM, against a model: pages of 8 bytes in which writes go round."""
    lines = ["rested(); old = i2c.readfrom_mem(0x50, 0, 256)"]
    for name, way, at, data in operations:
        sent = bytes([at]) + data
        lines.append(
            {
                "writeto": f"assert {name}.writeto(0x50, {sent!r}) == {len(sent)}",
                "writevto": f"assert {name}.writevto(0x50, [{sent[:1]!r}, b'', {sent[1:]!r}]) > 1",
                "writeto_mem": f"{name}.writeto_mem(0x50, {at}, {data!r})",
                "steps": f"soft.start(); soft.write({bytes([0xA0]) + sent!r}); soft.stop()",
            }[way]
            + f"; rested({name})"
        )
    lines.append(f"print((old, i2c.readfrom_mem(0x50, {start}, {count})))")
    output, error = bus.exec("\n".join(lines))
    assert error == b""
    old, new = eval(output)
    memory = bytearray(old)
    for _, _, at, data in operations:
        for index, byte in enumerate(data):
            memory[at & ~7 | (at + index) & 7] = byte
    assert new == bytes(memory[(start + index) % 256] for index in range(count))


_KEPT = {0xF2: 0x07, 0xF4: 0xFC, 0xF5: 0xFD}  # bits that can be written, while it sleeps


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(sorted(_KEPT)), st.integers(0, 255).filter(0xE0.__ne__)),
            st.integers(0, 255),
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_registers_of_the_sensor_keep_what_is_theirs_to_keep(
    bus: BoardProcess, writes: list[tuple[int, int]], in_one: bool
) -> None:
    """Whatever is written to whichever registers, only the three settings change."""
    # Mode 0 throughout: it sleeps, so nothing else changes them.
    pairs = [bytes([r, v & 0xFC if r == 0xF4 else v]) for r, v in writes]
    transfers = [b"".join(pairs)] if in_one else pairs
    reset = "i2c.writeto(0x76, b'\\xe0\\xb6')\nwhile i2c.readfrom_mem(0x76, 0xF3, 1)[0]: pass\n"
    source = reset + "old = i2c.readfrom_mem(0x76, 0, 256)\n"
    source += "".join(f"assert i2c.writeto(0x76, {data!r}) == {len(data)}\n" for data in transfers)
    output, error = bus.exec(source + "print((old, soft.readfrom_mem(0x76, 0, 256)))")
    assert error == b""
    old, new = eval(output)
    expected = bytearray(old)
    for register, value in pairs:
        if register in _KEPT:
            expected[register] = value & _KEPT[register]
    assert new == bytes(expected)
    assert old[0xF7:] == bytes.fromhex("80000080000080 00 00".replace(" ", ""))
