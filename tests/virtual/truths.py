# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - a table of programs
"""What is true of the virtual board: claims, each with a program that shows it.

Those of ``machine`` are written from MicroPython's documentation (1.27, library/machine and
rp2/quickref) and run on a Raspberry Pi Pico as well: ``make hardware DEVICE=...`` compares. Nothing
needs to be wired there; the pins 16 to 22 must be free. ``python -m tests.virtual.truths`` writes
the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[2] / "docs" / "virtual-board-truth.md"

REAL, SIMULATED, ABSENT = "real", "simulated", "absent"


class Claim(NamedTuple):
    """Something that holds.

    Attributes:
        kind: REAL, SIMULATED or ABSENT.
        area: what it is about.
        text: the claim.
        program: run on the board; it has to print ``True``.
        pico: it holds on a Raspberry Pi Pico, too.
    """

    kind: str
    area: str
    text: str
    program: str
    pico: bool = False


def _fails(statement: str, error: str, text: str = "") -> str:
    return (
        f"try:\n    {statement}\n    print('no error')\n"
        f"except {error} as e:\n    print({text!r} in str(e))"
    )


_M = "from machine import *\nimport machine, time\n"

CLAIMS = (
    # ---- real
    Claim(REAL, "language", "generators, closures, exceptions with their texts",
          "def f():\n  x = yield 1\n  yield x * 2\ng = f()\nprint(next(g) == 1 and g.send(4) == 8)",
          True),
    Claim(REAL, "language", "integers of any size, f-strings",
          "n = 7\nprint(f'{2 ** 100 + n}' == '1267650600228229401496703205383')", True),
    Claim(REAL, "modules", "`json`, `re`, `struct`, `hashlib`, `binascii`, `deflate` of the build",
          "import json, re, struct, hashlib, binascii, deflate\n"
          "print(json.loads('[1]') == [1] and struct.pack('<H', 1) == b'\\x01\\0')", True),
    Claim(REAL, "modules", "`framebuf` draws, with its own font",
          "import framebuf\nb = bytearray(8)\nf = framebuf.FrameBuffer(b, 8, 8, framebuf.MONO_VLSB)\n"
          "f.text('h', 0, 0)\nprint(any(b))", True),
    Claim(REAL, "files", "`open`, `os.rename` over a file that exists, `os.stat`",
          "import os\nfor n in 'ab':\n  with open('/truth-' + n, 'w') as f: f.write(n)\n"
          "os.rename('/truth-a', '/truth-b')\nprint(open('/truth-b').read() == 'a')\n"
          "os.remove('/truth-b')", True),
    Claim(REAL, "files", "a file that is not there is `OSError` 2",
          "try: open('/nowhere')\nexcept OSError as e: print(e.errno == 2)", True),
    Claim(REAL, "time", "`sleep_ms` waits as long as it says, by the ticks",
          "import time\nt = time.ticks_ms()\ntime.sleep_ms(30)\n"
          "print(29 <= time.ticks_diff(time.ticks_ms(), t) < 300)", True),
    # ---- machine.Pin
    Claim(SIMULATED, "Pin", "`value`, calling it, `on`, `off`, `toggle` read and set an output",
          _M + "p = Pin(16, Pin.OUT, value=1)\na = p()\np.off()\nb = p.value()\np.toggle()\n"
          "print((a, b, p()) == (1, 0, 1))", True),
    Claim(SIMULATED, "Pin", "pulls decide the level of an input that nobody drives",
          _M + "a = Pin(16, Pin.IN, Pin.PULL_UP)\ntime.sleep_ms(1)\nu = a()\n"
          "a.init(Pin.IN, Pin.PULL_DOWN)\ntime.sleep_ms(1)\nprint((u, a()) == (1, 0))", True),
    Claim(SIMULATED, "Pin", "an open drain that is released reads its pull-up",
          _M + "p = Pin(16, Pin.OPEN_DRAIN, Pin.PULL_UP, value=0)\na = p()\np(1)\n"
          "time.sleep_ms(1)\nprint((a, p()) == (0, 1))", True),
    Claim(SIMULATED, "Pin", "`irq` on rising and falling edges of an output's own level",
          _M + "n = []\np = Pin(16, Pin.OUT, value=0)\np.irq(n.append, Pin.IRQ_RISING)\n"
          "for _ in range(3): p.on(); time.sleep_ms(2); p.off(); time.sleep_ms(2)\n"
          "p.irq(None)\nprint(len(n) == 3)", True),
    Claim(SIMULATED, "Pin", "`irq(hard=True)`: the handler has run when the edge was made",
          _M + "n = [0]\ndef f(p): n[0] += 1\np = Pin(16, Pin.OUT, value=0)\n"
          "p.irq(f, Pin.IRQ_FALLING, hard=True)\np.on(); p.off()\nk = n[0]\np.irq(None)\n"
          "print(k == 1)", True),
    Claim(SIMULATED, "Pin", "`disable_irq` holds handlers back until `enable_irq`",
          _M + "n = [0]\ndef f(p): n[0] += 1\np = Pin(16, Pin.OUT, value=0)\n"
          "p.irq(f, Pin.IRQ_RISING, hard=True)\ns = disable_irq()\np.on()\nk = n[0]\n"
          "enable_irq(s)\ntime.sleep_ms(2)\np.irq(None)\nprint((k, n[0]) == (0, 1))", True),
    Claim(SIMULATED, "Pin", "`Signal` with `invert`",
          _M + "p = Pin(16, Pin.OUT)\ns = Signal(p, invert=True)\ns.on()\nprint(p() == 0 and s.value() == 1)",
          True),
    Claim(SIMULATED, "Pin", "names: `LED`, `GP16`; equal pins are one",
          _M + "print(Pin('GP16') is not None and repr(Pin('GP16')) == repr(Pin(16)))", True),
    Claim(SIMULATED, "Pin", "a pin that is not there is a `ValueError`", _M + _fails("Pin(99)", "ValueError"),
          True),
    # ---- the rest of machine
    Claim(SIMULATED, "ADC", "`read_u16` is 0 to 65535; channel 4 is the chip's thermometer",
          _M + "t = 27 - (ADC(4).read_u16() * 3.3 / 65535 - 0.706) / 0.001721\nprint(-20 < t < 85)", True),
    Claim(SIMULATED, "PWM", "`freq`, `duty_u16`, `duty_ns` belong together",
          _M + "p = PWM(Pin(16), freq=1000, duty_u16=32768)\nok = p.freq() == 1000 and "
          "abs(p.duty_ns() - 500000) < 2000\np.deinit()\nprint(ok)", True),
    Claim(SIMULATED, "PWM", "`time_pulse_us` measures a pulse on its own pin",
          _M + "p = PWM(Pin(16), freq=500, duty_u16=16384)\ntime.sleep_ms(5)\n"
          "u = time_pulse_us(Pin(16), 1, 10000)\np.deinit()\nprint(480 <= u <= 520)"),
    Claim(SIMULATED, "Timer", "a periodic timer fires again and again, while the program sleeps",
          _M + "n = []\nt = Timer(period=10, mode=Timer.PERIODIC, callback=n.append)\n"
          "time.sleep_ms(105)\nt.deinit()\nk = len(n)\ntime.sleep_ms(30)\nprint(3 <= k <= 11 and len(n) == k)",
          True),
    Claim(SIMULATED, "Timer", "a one-shot timer fires once",
          _M + "n = []\nTimer(period=5, mode=Timer.ONE_SHOT, callback=n.append)\ntime.sleep_ms(60)\nprint(len(n) == 1)",
          True),
    Claim(SIMULATED, "I2C", "`scan` is a list; nobody at an address is `OSError`",
          _M + "b = SoftI2C(scl=Pin(17, Pin.IN, Pin.PULL_UP), sda=Pin(16, Pin.IN, Pin.PULL_UP))\n"
          "ok = b.scan() == []\ntry: b.writeto(0x42, b'x')\nexcept OSError: print(ok)"),
    Claim(SIMULATED, "SPI", "`write_readinto` with nothing on the bus fills the buffer",
          _M + "s = SPI(0, sck=18, mosi=19, miso=16)\nb = bytearray(3)\ns.write_readinto(b'abc', b)\ns.deinit()\n"
          "print(len(b) == 3)", True),
    Claim(SIMULATED, "SPI", "bits and firstbit other than 8 and MSB are refused",
          _M + _fails("SPI(0, bits=9)", "(NotImplementedError, ValueError)"), True),
    Claim(SIMULATED, "UART", "`any`, `read` with nothing there; `txdone` after `flush`",
          _M + "u = UART(0, 9600, tx=Pin(16), rx=Pin(17, Pin.IN, Pin.PULL_UP))\nu.read()\n"
          "u.write('hi')\nu.flush()\nok = u.txdone() and u.any() == 0 and u.read() is None\nu.deinit()\n"
          "print(ok)", True),
    Claim(SIMULATED, "RTC", "`datetime` sets and tells, with the weekday",
          _M + "r = RTC()\nold = r.datetime()\nr.datetime((2026, 5, 17, 6, 12, 30, 0, 0))\nnow = r.datetime()\n"
          "r.datetime(old)\nprint(now[:6] == (2026, 5, 17, 6, 12, 30))", True),
    Claim(SIMULATED, "machine", "`freq` tells hertz, `unique_id` bytes",
          _M + "print(machine.freq() >= 1000000 and isinstance(unique_id(), bytes))", True),
    Claim(SIMULATED, "machine", "`reset_cause` is one of the causes there are",
          _M + "print(reset_cause() in (PWRON_RESET, WDT_RESET))", True),
    Claim(SIMULATED, "machine", "`lightsleep` waits so many milliseconds",
          _M + "t = time.ticks_ms()\nlightsleep(20)\nprint(time.ticks_diff(time.ticks_ms(), t) >= 19)"),
    Claim(SIMULATED, "machine", "`mem32` reaches the pins (SIO) and the chip's identity",
          _M + "p = Pin(16, Pin.OUT, value=0)\nmem32[0xD0000014] = 1 << 16\na = p()\nmem32[0xD0000018] = 1 << 16\n"
          "print((a, p()) == (1, 0) and mem32[0x40000000] & 0xFFFFFFF == 0x0002927)", True),
    Claim(SIMULATED, "machine", "`bitstream` and `neopixel` send colours",
          _M + "from neopixel import NeoPixel\nn = NeoPixel(Pin(16), 2)\nn.fill((1, 2, 3))\nn.write()\n"
          "print(bytes(n.buf) == b'\\x02\\x01\\x03' * 2 and n[1] == (1, 2, 3))", True),
    Claim(SIMULATED, "1-Wire", "nobody on the wire: `reset` is False, `scan` is empty",
          _M + "from onewire import OneWire\nw = OneWire(Pin(16))\nprint(not w.reset() and w.scan() == [])", True),
    Claim(SIMULATED, "1-Wire", "`crc8`",
          _M + "from onewire import OneWire\nprint(OneWire(Pin(16)).crc8(b'\\x02\\x1c\\xb8\\x01\\0\\0\\0') == 0xa2)", True),
    Claim(SIMULATED, "1-Wire", "no DHT sensor is `OSError` 110",
          _M + "import dht\ntry: dht.DHT22(Pin(16, Pin.IN, Pin.PULL_UP)).measure()\nexcept OSError as e: print(e.errno == 110)", True),
    Claim(SIMULATED, "asyncio", "tasks, `gather`, cancellation, `wait_for`",
          "import asyncio\nasync def f(n):\n  await asyncio.sleep_ms(n)\n  return n\nasync def m():\n"
          "  a = await asyncio.gather(f(3), f(1))\n  try: await asyncio.wait_for(f(500), 0.01)\n"
          "  except asyncio.TimeoutError: return a\nprint(asyncio.run(m()) == [3, 1])", True),
    Claim(SIMULATED, "network", "`WLAN` scans, joins with a password, is refused with a wrong one",
          "import network, time\nw = network.WLAN(network.STA_IF)\nw.active(True)\n"
          "def join(k):\n  w.connect('belay-lab', k)\n  while w.status() == 1: time.sleep_ms(10)\n  return w.status()\n"
          "print(len(w.scan()) > 0 and join('wrong') == -3 and join('micropython') == 3)"),
    Claim(SIMULATED, "network", "`ntptime.settime` takes the computer's time once Wi-Fi is joined",
          "import ntptime, time\nntptime.settime()\nprint(time.gmtime()[0] >= 2026)"),
    # ---- absent
    Claim(ABSENT, "threads", "`_thread`, and says so",
          _fails("import _thread", "ImportError", "the virtual board has no threads")),
    Claim(ABSENT, "PIO", "`rp2`: state machines, and says so", _fails("import rp2", "ImportError", "does not simulate PIO")),
    Claim(ABSENT, "network", "the network: sockets are off unless `?net=loopback`, and then reach this computer only",
          "import socket\n" + _fails("socket.socket()", "OSError", "virtual:?net=loopback")),
    Claim(ABSENT, "machine", "`I2S`, `SDCard`, `I2CTarget`, `USBDevice`",
          "import machine\nprint(not any(hasattr(machine, n) for n in ('I2S', 'SDCard', 'I2CTarget', 'USBDevice')))"),
    Claim(ABSENT, "machine code", "`@micropython.native`, `viper` and inline assembler",
          "try: exec('@micropython.native\\ndef f(): pass', {})\nexcept (SyntaxError, NameError): print(True)"),
    Claim(ABSENT, "timing", "handlers while a program only computes: they wait for the next call into the host",
          _M + "n = []\nt = Timer(period=1, mode=0, callback=n.append)\ns = 0\nfor i in range(300000): s += i\n"
          "k = len(n)\ntime.sleep_ms(1)\nprint((k, len(n)) == (0, 1))"),
    Claim(ABSENT, "memory", "collection of garbage inside a running command",
          "import gc\na = gc.mem_free()\nx = bytearray(100000)\nx = None\ngc.collect()\nb = gc.mem_free()\nprint(b <= a)"),
)  # fmt: skip
"""Everything that the page says."""

_HEAD = """\
# What is real about the virtual board

Every line below is a test: a program runs on the board and shows that it holds
(`tests/virtual/truths.py`). Those with a Pico in the last column were written from MicroPython's
documentation to hold on a Raspberry Pi Pico too: `make hardware DEVICE=/dev/ttyACM0` compares yours
with this page. (We had none: nobody has compared one yet.)

This page is written by `python -m tests.virtual.truths`.
"""

_TITLES = {
    REAL: ("Real", "MicroPython itself, unmodified, and this computer's files and time."),
    SIMULATED: (
        "Simulated",
        "Ours, in the place of a chip; the parts and pins have an outside "
        "that you [drive](lab-bench.md).",
    ),
    ABSENT: ("Not there", "What to do without, or to try on a board."),
}


def page() -> str:
    """The page of the documentation."""
    parts = [_HEAD]
    for kind, (title, text) in _TITLES.items():
        parts.append(f"## {title}\n\n{text}\n\n| About | What holds | |\n|---|---|---|")
        parts += [
            f"| {claim.area} | {claim.text} | {'Pico' if claim.pico else ''} |"
            for claim in CLAIMS
            if claim.kind == kind
        ]
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
