# SPDX-License-Identifier: Apache-2.0
"""The board that behaves as CircuitPython's documentation says: files, prompt, modules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.virtual.boardprocess import RAW_BANNER, BoardProcess

PROMPT = b">>> "
WAITING = b"\r\nPress any key to enter the REPL. Use CTRL-D to reload.\r\n"
RELOADS = b"\r\nAuto-reload is on. "
REFUSED = b"RuntimeError: Cannot remount path when visible via USB."


def start(folder: Path | None = None) -> BoardProcess:
    files = () if folder is None else ("--files", str(folder))
    return BoardProcess("--circuitpython", *files, wait=False)


@pytest.fixture(scope="module")
def long_lived() -> Iterator[BoardProcess]:
    with start() as board:
        board.until(WAITING)
        board.send(b"\r")
        board.until(PROMPT)
        yield board


@pytest.fixture
def raw(long_lived: BoardProcess) -> BoardProcess:
    """A board in its raw REPL, its memory empty, its drive mounted by a computer."""
    long_lived.send(b"\x03\x03\n\x01")
    long_lived.until(RAW_BANNER)
    reset(long_lived)
    return long_lived


def reset(board: BoardProcess) -> bytes:
    """Reset the chip from the raw REPL; what it says until its raw REPL is there again."""
    board.send(b"import microcontroller\nmicrocontroller.reset()\x04")
    said = board.until(WAITING)
    board.send(b"\r\n\x01")
    return said + board.until(RAW_BANNER)


def fails(board: BoardProcess, source: str) -> bytes:
    output, error = board.exec(source)
    assert error, output
    return error


# ------------------------------------------------------------------------------ order of files


def test_code_runs_after_boot_and_the_repl_after_a_key_each_with_a_memory_of_its_own(
    tmp_path: Path,
) -> None:
    (tmp_path / "boot.py").write_text("mine = 1\nprint('from boot')\n1 / 0\n")
    (tmp_path / "code.py").write_text("print('from code', 'mine' in globals())\nhers = 2\n")
    with start(tmp_path) as board:
        said = board.until(WAITING)
        assert said.startswith(RELOADS)
        assert b"code.py output:\r\nfrom code False\r\n\r\nCode done running.\r\n" in said
        assert b"from boot" not in said
        printed = (tmp_path / "boot_out.txt").read_bytes()
        assert printed.startswith(b"Adafruit CircuitPython 10.")
        assert b"\r\nUID:" in printed
        assert b"boot.py output:\r\nfrom boot\r\nTraceback" in printed
        assert b"ZeroDivisionError" in printed

        board.send(b"x")  # any key, and no more than that
        assert b"\r\nAdafruit CircuitPython 10.3.1 on 2026-09-14; Raspberry Pi Pico" in board.until(
            PROMPT
        )
        board.send(b"'hers' in globals() or 'mine' in globals()\r")
        assert b"False" in board.until(PROMPT)

        (tmp_path / "boot.py").write_text("print('again')\n")
        board.send(b"\x04")  # a soft reset: the code, but not boot.py
        assert b"soft reboot\r\n" + RELOADS in board.until(WAITING)
        assert b"from boot" in (tmp_path / "boot_out.txt").read_bytes()
        board.send(b"\x04")  # here too
        board.until(b"soft reboot\r\n")
        board.until(WAITING)
        board.send(b"\x03\x03\n\x01")  # what hosts send to any board
        board.until(RAW_BANNER)
        assert b"from code" in reset(board)
        assert b"again" in (tmp_path / "boot_out.txt").read_bytes()


def test_nobody_can_interrupt_boot_py(tmp_path: Path) -> None:
    (tmp_path / "boot.py").write_text("import time\ntime.sleep(0.5)\nprint('whole')")
    with start(tmp_path) as board:
        for _ in range(5):
            board.send(b"\x03\x03\n\x01")
        board.until(RAW_BANNER)
        assert b"boot.py output:\r\nwhole\r\n" in (tmp_path / "boot_out.txt").read_bytes()


def test_ctrl_c_ends_the_code_and_takes_with_it_what_was_sent_behind(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("print('begun')\nwhile True:\n  pass\n")
    with start(tmp_path) as board:
        board.until(b"begun\r\n")
        board.send(b"\x03\x03\n\x01")
        assert b"KeyboardInterrupt:" in board.until(WAITING)
        board.send(b"\x03\x03\n\x01")
        board.until(RAW_BANNER)
        board.send(b"\x04")  # a soft reset in the raw REPL does not run the code
        assert board.until(RAW_BANNER) == b"OK\r\nsoft reboot\r\n" + RAW_BANNER
        board.send(b"\x02")
        assert board.until(PROMPT).startswith(b"\r\nAdafruit CircuitPython")


def test_code_that_reloads(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import storage, supervisor\n"
        "if storage.getmount('/').readonly:\n"
        "  __import__('_board').drive_eject()\n"
        "  storage.remount('/', False)\n"
        "  supervisor.reload()\n"
        "print('second')\n"
    )
    with start(tmp_path) as board:
        said = board.until(WAITING)
        assert b"main.py output:\r\n\r\nCode stopped by auto-reload. Reloading soon.\r\n" in said
        assert b"soft reboot\r\n" in said
        assert b"second\r\n\r\nCode done running." in said


# ------------------------------------------------------------------------------ storage


def test_the_computer_has_the_drive_and_the_board_cannot_write(raw: BoardProcess) -> None:
    assert raw.eval("__import__('storage').getmount('/').readonly") == "True"
    writes = ["open('x', 'w')", "os.mkdir('d')", "os.remove('boot_out.txt')", "os.rmdir('lib')"]
    for source in [*writes, "os.rename('boot_out.txt', 'b')", "open('boot_out.txt', 'a')"]:
        assert fails(raw, f"import os\n{source}").endswith(b"OSError: 30\r\n"), source
    assert raw.eval("open('boot_out.txt').read(8)") == "'Adafruit'"


def test_it_remounts_only_where_no_computer_can_be_writing(raw: BoardProcess) -> None:
    raw.exec("import storage")
    assert REFUSED in fails(raw, "storage.remount('/', False)")
    assert b"Cannot change USB devices now" in fails(raw, "storage.disable_usb_drive()")
    raw.exec("__import__('_board').drive_eject()")
    assert raw.exec("storage.remount('/', False)\nopen('x', 'w').close()") == (b"", b"")
    assert raw.exec("storage.remount('/', readonly=True)") == (b"", b"")
    assert b"OSError: 30" in fails(raw, "open('y', 'w')")
    reset(raw)  # and the computer mounts the drive again
    assert REFUSED in fails(raw, "import storage\nstorage.remount('/', False)")
    assert raw.eval("__import__('os').listdir('/')") == "['boot_out.txt', 'x']"


def test_names_are_those_of_fat(raw: BoardProcess) -> None:
    raw.exec("import os, storage\n__import__('_board').drive_eject()\nstorage.remount('/', False)")
    raw.exec(
        "os.mkdir('Fat')\nf = open('/FAT/a.py', 'w')\nf.write('x')\nf.close()\n"
        "os.rename('fat/A.PY', 'fat/A.py')"
    )
    assert raw.eval("os.listdir('fat'), open('Fat/a.PY').read()") == "(['A.py'], 'x')"
    raw.exec("f = open('fat/new', 'w')\nf.write('y')\nf.close()\nos.rename('fat/new', 'fat/a.py')")
    assert raw.eval("os.listdir('fat'), open('Fat/A.PY').read()") == "(['a.py'], 'y')"
    for name in ("a:b", 'say"', "what?", "a*", "<", "|"):
        assert b"OSError: [Errno 22] EINVAL" in fails(raw, f"open({name!r}, 'w')"), name
    raw.exec("os.remove('FAT/A.py')\nos.rmdir('FAT')")
    assert "fat" not in raw.eval("os.listdir('/')").lower()


BOOTS = {
    "storage.remount('/', readonly=False)": True,
    "storage.remount('/')": True,
    "storage.disable_usb_drive()": True,
    "storage.unsafe_disable_usb_drive()": True,
    "storage.remount('/', True)": False,
    "storage.disable_usb_drive()\nstorage.enable_usb_drive()": False,
    "storage.remount('/', True, disable_concurrent_write_protection=True)": True,
}


def test_boot_py_decides_who_writes(tmp_path: Path) -> None:
    with start(tmp_path) as board:
        board.until(WAITING)
        board.send(b"\n\n\x01")
        board.until(RAW_BANNER)
        for source, writes in BOOTS.items():
            (tmp_path / "boot.py").write_text(f"import storage\n{source}\n")
            reset(board)
            error = board.exec("open('/new', 'w').close()")[1]
            assert (b"OSError: 30" in error) is not writes, source


def test_the_drive_taken_by_force_and_given_back(raw: BoardProcess) -> None:
    raw.exec("import storage")
    assert b"RuntimeError" in fails(raw, "storage.enable_usb_drive()")
    assert raw.exec("storage.unsafe_disable_usb_drive()\nopen('forced', 'w').close()")[1] == b""
    assert raw.exec("storage.enable_usb_drive()") == (b"", b"")
    assert b"OSError: 30" in fails(raw, "open('forced', 'w')")


# ------------------------------------------------------------------------------ modules

SAYS = {
    "sys.implementation.name": "'circuitpython'",
    "sys.implementation[1][:2]": "(10, 3)",
    "hasattr(sys.stdin, 'buffer') or hasattr(sys.stdout, 'buffer')": "False",
    "hasattr(sys, 'print_exception')": "False",
    "os.uname().sysname": "'rp2040'",
    "hasattr(os, 'ilistdir')": "False",
    "hasattr(time, 'ticks_ms') or hasattr(time, 'sleep_ms')": "False",
    "time.localtime().tm_year > 2024": "True",
    "type(time.monotonic())": "<class 'float'>",
    "0x1fff0000 <= supervisor.ticks_ms() < 1 << 29": "True",
    "hasattr(hashlib, 'sha256'), len(hashlib.new('sha256', b'').digest())": "(False, 32)",
    "usb_cdc.data, usb_cdc.console.in_waiting": "(None, 0)",
    "len(microcontroller.cpu.uid)": "8",
    "board.LED, board.A0": "(board.GP25, board.GP26)",
    "supervisor.runtime.serial_connected": "True",
}


def test_modules_are_those_of_circuitpython(raw: BoardProcess) -> None:
    raw.exec("import sys, os, time, hashlib, supervisor, usb_cdc, microcontroller, board")
    for expression, value in SAYS.items():
        assert raw.eval(expression) == value, expression
    listed = raw.exec("help('modules')")[0].decode().split()
    for name in listed[: listed.index("Plus")]:
        assert raw.exec(f"import {name}") == (b"", b""), name
    for name in ("machine", "asyncio", "neopixel"):
        assert b"ImportError: no module named" in fails(raw, f"import {name}")
    for name in ("deflate", "vfs", "uctypes"):
        assert b"ImportError: no module named" in fails(raw, f"from {name} import x")


def test_pins(raw: BoardProcess) -> None:
    raw.exec("import _board, board, digitalio, analogio\npin = digitalio.DigitalInOut(board.GP14)")
    raw.exec("pin.switch_to_input(pull=digitalio.Pull.UP)")
    assert raw.eval("pin.value") == "True"
    raw.exec("_board.pin_world(14, 0)")
    assert raw.eval("pin.value") == "False"
    raw.exec("_board.pin_world(14, -1)")
    assert b"ValueError: GP14 in use" in fails(raw, "digitalio.DigitalInOut(board.GP14)")
    raw.exec("pin.direction = digitalio.Direction.OUTPUT\npin.value = True")
    assert raw.eval("_board.pin_get(14)") == "1"
    raw.exec("pin.deinit()")
    assert b"deinitialized" in fails(raw, "pin.value")
    assert raw.eval("digitalio.DigitalInOut(board.GP14).value") == "False"
    assert raw.eval("analogio.AnalogIn(board.A0).value") == "0"
    raw.send(b"\x04")
    raw.until(RAW_BANNER)
    assert raw.eval("__import__('_board').pin_mode(14)") == "0"


def test_i2c_under_a_lock(raw: BoardProcess) -> None:
    raw.exec("import board, busio\ni2c = busio.I2C(board.GP5, board.GP4)")
    assert b"RuntimeError: Function requires lock" in fails(raw, "i2c.scan()")
    assert raw.eval("i2c.try_lock(), i2c.scan()") == "(True, [80, 118])"
    raw.exec("b = bytearray(1)\ni2c.writeto_then_readfrom(0x76, b'\\xd0', b)")
    assert raw.eval("b, i2c.try_lock()") == "(bytearray(b'`'), False)"
    assert b"ENODEV" in fails(raw, "i2c.writeto(0x33, b'a')")


def test_the_status_bar_is_silent_in_the_raw_repl_and_can_be_switched_off(
    raw: BoardProcess,
) -> None:
    title = "\x1b]0;\N{SNAKE}REPL | 10.3.1\x1b\\".encode()
    raw.send(b"\x02\x04")
    raw.until(WAITING)
    raw.send(b"\r")
    assert title in raw.until(PROMPT)
    raw.send(b"import supervisor; supervisor.status_bar.console = False\r")
    raw.until(PROMPT)
    raw.send(b"\x04")
    raw.until(WAITING)
    raw.send(b"\r")
    assert title not in raw.until(PROMPT)
    raw.send(b"\x01")
    raw.until(RAW_BANNER)


def test_the_calendar_can_be_set(raw: BoardProcess) -> None:
    raw.exec("import rtc, time\nrtc.RTC().datetime = time.struct_time((2031,1,2,3,4,5,3,2,-1))")
    assert raw.eval("tuple(rtc.RTC().datetime)[:5]") == "(2031, 1, 2, 3, 4)"
