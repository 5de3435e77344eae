# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, whatever the board is doing, and what becomes of the input around it."""

from __future__ import annotations

import random
import time

import pytest

from tests.virtual.boardprocess import RAW_BANNER, BoardProcess

IMPORTS = "import sys, time, machine, select, micropython\nprint('go')\n"

BUSY = {
    "tight loop": "while True: pass",
    "loop with calls": "def f(): pass\nwhile True: f()",
    "looking at the clock": "while True: time.ticks_ms()",
    "sleep": "time.sleep(1000)",
    "sleep_ms": "time.sleep_ms(1000000)",
    "sleep_us": "time.sleep_us(1000000000)",
    "the port's own spinning sleep": "import utime\nwhile True: utime.sleep(1000)",
    "lightsleep": "while True: machine.lightsleep(1000000)",
    "input": "input()",
    "read": "sys.stdin.buffer.read(1)",
    "read of many": "sys.stdin.buffer.read(100)",
    "readline": "sys.stdin.readline()",
    "poll": "p=select.poll(); p.register(sys.stdin, select.POLLIN)\nwhile True: p.poll()",
    "printing": "while True: print('x' * 50)",
    "printing a little": "n = 0\nwhile True:\n n += 1\n if n % 1000 == 0: print(n)",
    "files": "while True:\n f = open('f', 'w'); f.write('x'); f.close()",
    "pins": "p = machine.Pin(1, machine.Pin.OUT)\nwhile True: p.toggle()",
}


@pytest.mark.parametrize("name", BUSY)
def test_interrupts(shared_raw: BoardProcess, name: str) -> None:
    shared_raw.send((IMPORTS + BUSY[name]).encode() + b"\x04")
    shared_raw.until(b"go\n")
    shared_raw.send(b"\x03")
    tail = shared_raw.until(b"\x04>")
    assert tail.endswith(b"KeyboardInterrupt: \r\n\x04>")
    # The traceback is this program's alone, and says where it was.
    assert tail.count(b"<stdin>") in (1, 2)
    assert shared_raw.exec("print('fine')") == (b"fine\n", b"")


@pytest.mark.parametrize("name", BUSY)
def test_two_interrupts_at_once_do_no_harm(shared_raw: BoardProcess, name: str) -> None:
    shared_raw.send((IMPORTS + BUSY[name]).encode() + b"\x04")
    shared_raw.until(b"go\n")
    shared_raw.send(b"\x03\x03\x03\n\x01print('next')\x04")
    shared_raw.until(RAW_BANNER)
    assert shared_raw.until(b"\x04\x04>") == b"OKnext\n\x04\x04>"


def test_interrupt_ends_sleep_at_once(shared_raw: BoardProcess) -> None:
    shared_raw.send((IMPORTS + "time.sleep(1000)\x04").encode())
    shared_raw.until(b"go\n")
    start = time.monotonic()
    shared_raw.send(b"\x03")
    shared_raw.until(b"\x04>")
    assert time.monotonic() - start < 5


def test_program_may_catch_it_and_go_on(shared_raw: BoardProcess) -> None:
    source = IMPORTS + (
        "for i in range(3):\n"
        "  try:\n"
        "    print('round', i)\n"
        "    while True: pass\n"
        "  except KeyboardInterrupt: print('caught', i)\n"
    )
    shared_raw.send(source.encode() + b"\x04")
    for i in range(3):
        shared_raw.until(b"round %d\n" % i)
        shared_raw.send(b"\x03")
        shared_raw.until(b"caught %d\n" % i)
    assert shared_raw.until(b"\x04>") == b"\x04\x04>"


def test_program_may_go_on_reading_after_it(shared_raw: BoardProcess) -> None:
    source = IMPORTS + (
        "try: sys.stdin.buffer.read(1)\n"
        "except KeyboardInterrupt: print('caught')\n"
        "print(sys.stdin.buffer.read(3))\n"
        "print(repr(input('? ')))\n"
    )
    shared_raw.send(source.encode() + b"\x04")
    shared_raw.until(b"go\n")
    shared_raw.send(b"\x03")
    shared_raw.until(b"caught\n")
    shared_raw.send(b"abc")
    shared_raw.until(b"b'abc'\n")
    shared_raw.until(b"? ")
    shared_raw.send(b"line\r")
    assert shared_raw.until(b"\x04>") == b"line\r\n'line'\n\x04\x04>"


def test_kbd_intr_makes_it_data(shared_raw: BoardProcess) -> None:
    source = IMPORTS + (
        "micropython.kbd_intr(-1)\n"
        "print(sys.stdin.buffer.read(4))\n"
        "micropython.kbd_intr(3)\n"
        "while True: pass\n"
    )
    shared_raw.send(source.encode() + b"\x04")
    shared_raw.until(b"go\n")
    shared_raw.send(b"a\x03\x03b")
    shared_raw.until(b"b'a\\x03\\x03b'\n")
    shared_raw.send(b"\x03")
    assert shared_raw.until(b"\x04>").endswith(b"KeyboardInterrupt: \r\n\x04>")


def test_kbd_intr_may_choose_another_character(shared_raw: BoardProcess) -> None:
    shared_raw.send((IMPORTS + "micropython.kbd_intr(24)\nwhile True: pass\x04").encode())
    shared_raw.until(b"go\n")
    shared_raw.send(b"\x18")
    assert shared_raw.until(b"\x04>").endswith(b"KeyboardInterrupt: \r\n\x04>")


def test_input_before_it_is_dropped_and_after_it_stays(shared_raw: BoardProcess) -> None:
    shared_raw.send((IMPORTS + "while True: pass\x04").encode())
    shared_raw.until(b"go\n")
    shared_raw.send(b"print('lost')\x04" * 3 + b"\x03print('kept')\x04")
    shared_raw.until(b"KeyboardInterrupt: \r\n\x04>")
    assert shared_raw.until(b"\x04\x04>") == b"OKkept\n\x04\x04>"


def test_in_one_piece_with_the_command(shared_raw: BoardProcess) -> None:
    shared_raw.send(b"while True: pass\x04\x03print('kept')\x04")
    shared_raw.until(b"KeyboardInterrupt: \r\n\x04>")
    assert shared_raw.until(b"\x04\x04>") == b"OKkept\n\x04\x04>"


def test_late_interrupt_does_not_hit_the_next_command(shared_raw: BoardProcess) -> None:
    for _ in range(200):
        shared_raw.send(b"print(1)\x04\x03")
        shared_raw.until(b"\x04>")
        shared_raw.send(b"print(2)\x04")
        assert shared_raw.until(b"2\n\x04\x04>") == b"OK2\n\x04\x04>"


def test_at_random_moments_of_a_printing_loop(shared_raw: BoardProcess) -> None:
    moments = random.Random(1)
    for _ in range(200):
        shared_raw.send(b"n = 0\nwhile True: print('line', n); n += 1\x04")
        shared_raw.until(b"line %d\n" % moments.randrange(300))
        shared_raw.send(b"\x03" * moments.randint(1, 2) + b"\n\x01")
        shared_raw.until(RAW_BANNER)
        assert shared_raw.exec("print('fine')") == (b"fine\n", b"")


def test_when_nobody_reads_the_output(raw: BoardProcess) -> None:
    raw.send(b"while True: print('x' * 1000)\x04")
    raw.until(b"x")
    # The link, the ring and the board's buffer fill up; the board waits, and still listens.
    raw.send(b"\x03")
    assert raw.until(b"\x04>").endswith(b"KeyboardInterrupt: \r\n\x04>")


def test_endless_callback_at_the_prompt(raw: BoardProcess) -> None:
    source = "import machine\ndef f(t):\n  print('in')\n  while True: pass\n"
    for delay in range(1, 5):  # some fire while the command is still at its end
        raw.send(f"{source}t = machine.Timer(mode=0, period={delay}, callback=f)\x04".encode())
        raw.until(b"in\n")
        raw.send(b"\x03")
        raw.until(b"KeyboardInterrupt: ")
        raw.send(b"\x01")
        raw.until(RAW_BANNER)
    assert raw.exec("print('fine')") == (b"fine\n", b"")
