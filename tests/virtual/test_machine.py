# SPDX-License-Identifier: Apache-2.0
"""The ``machine`` module as programs for a Pico use it."""

from __future__ import annotations

import pytest

from tests.virtual.boardprocess import BoardProcess

IMPORT = "from machine import Pin, ADC, PWM, Timer, Signal, freq, unique_id\nimport machine, time\n"


@pytest.fixture
def machine(shared_raw: BoardProcess) -> BoardProcess:
    assert shared_raw.exec(IMPORT + "pin = Pin(5)\nled = Pin('LED', Pin.OUT)") == (b"", b"")
    return shared_raw


VALUES = {
    "led.value()": "0",
    "[led.on(), led.value(), led.off(), led.value()]": "[None, 1, None, 0]",
    "[led.high(), led(), led.low(), led()]": "[None, 1, None, 0]",
    "[led.toggle(), led.value(), led.toggle(), led.value()]": "[None, 1, None, 0]",
    "[led.value(True), led.value(), led(0), led()]": "[None, 1, None, 0]",
    "Pin('LED') == Pin(25) == Pin('GP25') == Pin('GPIO25')": "True",
    "Pin(Pin(7))": "Pin(GPIO7, mode=IN)",
    "Pin(7, Pin.IN, Pin.PULL_UP)": "Pin(GPIO7, mode=IN, pull=PULL_UP)",
    "Pin(8, Pin.IN, Pin.PULL_UP).value(), Pin(9, Pin.IN, Pin.PULL_DOWN).value()": "(1, 0)",
    "Pin(10, Pin.OUT, value=1).value()": "1",
    "[Pin(11, Pin.OPEN_DRAIN, value=v).value() for v in (0, 1)]": "[0, 1]",
    "pin.mode() == Pin.IN, pin.pull()": "(True, None)",
    "[pin.init(Pin.OUT, value=1), pin.mode() == Pin.OUT, pin()]": "[None, True, 1]",
    "len({Pin(1), Pin(1), Pin(2)})": "2",
    "Signal(led, invert=True).value()": "1",
    "ADC(4).read_u16() > 10000, ADC(26).read_u16(), ADC(Pin(27)).read_u16()": "(True, 0, 0)",
    "27 - (ADC(ADC.CORE_TEMP).read_u16() * 3.3 / 65535 - 0.706) / 0.001721 < 28": "True",
    "freq()": "125000000",
    "[freq(250000000), freq()]": "[None, 250000000]",
    "type(unique_id()), len(unique_id())": "(<class 'bytes'>, 8)",
    "machine.reset_cause() == machine.PWRON_RESET": "True",
}


@pytest.mark.parametrize("expression", VALUES)
def test_values(machine: BoardProcess, expression: str) -> None:
    assert machine.eval(expression) == VALUES[expression]


ERRORS = {
    "Pin(30)": b"ValueError: invalid pin",
    "Pin(-1)": b"ValueError: invalid pin",
    "Pin('LEDD')": b"ValueError: unknown named pin",
    "Pin(1, 9)": b"ValueError: invalid pin mode",
    "ADC(9)": b"ValueError: invalid channel",
    "ADC(Pin(1))": b"ValueError: Pin doesn't have ADC capabilities",
    "PWM(Pin(1)).freq(1)": b"ValueError: freq out of range",
    "Timer(3)": b"ValueError: Timer doesn't exist",
}


@pytest.mark.parametrize("source", ERRORS)
def test_errors(machine: BoardProcess, source: str) -> None:
    assert ERRORS[source] in machine.exec(source)[1]


def test_pwm(machine: BoardProcess) -> None:
    source = (
        "p = PWM(Pin(3), freq=1000, duty_u16=32768)\n"
        "print(p.freq(), p.duty_u16(), p.duty_ns())\n"
        "p.freq(2000); p.duty_ns(250000)\n"
        "print(p, p.duty_u16())\np.deinit()\n"
    )
    output, error = machine.exec(source)
    assert error == b""
    assert output == b"1000 32768 500007\n<PWM pin=3 freq=2000 duty_u16=32767> 32767\n"


def test_interrupt_of_a_pin_on_its_own_edges(machine: BoardProcess) -> None:
    source = (
        "seen = []\n"
        "out = Pin(6, Pin.OUT)\n"
        "irq = out.irq(lambda p: seen.append((p is out, irq.flags())), Pin.IRQ_RISING)\n"
        "out.on(); out.off(); out.on(); out.on(); time.sleep_ms(1)\n"
        "print(seen, irq.trigger())\n"
        "out.irq(None); out.off(); out.on(); time.sleep_ms(1)\n"
        "print(len(seen))\n"
    )
    assert machine.exec(source) == (b"[(True, 8), (True, 8)] 8\n2\n", b"")


def test_timer_runs_in_sleep(machine: BoardProcess) -> None:
    source = (
        "n = []\nt = Timer(period=10, mode=Timer.PERIODIC, callback=n.append)\n"
        "time.sleep(0.25)\nt.deinit()\nk = len(n)\ntime.sleep(0.05)\n"
        "print(3 <= k <= 26, len(n) == k, n[0] is t)\n"
    )
    assert machine.exec(source) == (b"True True True\n", b"")


@pytest.mark.parametrize(
    "waiting",
    ["time.ticks_ms()", "print('.', end='')", "led.value()", "time.sleep_ms(1)", "machine.idle()"],
)
def test_timer_runs_at_every_call_into_the_host(machine: BoardProcess, waiting: str) -> None:
    source = (
        "done = []\nt = Timer(period=5, mode=Timer.ONE_SHOT, callback=done.append)\n"
        f"while not done: {waiting}\nprint(len(done))\n"
    )
    output, error = machine.exec(source)
    assert (output.lstrip(b"."), error) == (b"1\n", b"")


def test_timer_runs_while_the_board_idles(machine: BoardProcess) -> None:
    source = "t = Timer(freq=100, callback=lambda t: print('tick'))"
    machine.send(source.encode() + b"\x04")
    machine.until(b"tick\ntick\ntick\n")
    machine.send(b"t.deinit();print('stopped')\x04")
    machine.until(b"stopped\n\x04\x04>")
    assert machine.exec("print(1)") == (b"1\n", b"")


def test_timer_runs_while_a_program_waits_for_input(machine: BoardProcess) -> None:
    source = "t = Timer(period=5, mode=0, callback=lambda t: print('tick'))\nprint(input('? '))"
    machine.send(source.encode() + b"\x04")
    machine.until(b"tick\n")
    machine.send(b"bob\r")
    assert machine.until(b"\x04>") == b"bob\r\nbob\n\x04\x04>"


def test_error_in_a_callback_is_printed_and_the_board_lives(machine: BoardProcess) -> None:
    machine.send(b"t = Timer(period=5, mode=0, callback=lambda t: 1/0)\x04")
    machine.until(b"ZeroDivisionError: divide by zero")
    assert machine.exec("print(1)")[0].endswith(b"1\n")


def test_interrupt_during_a_callback_reaches_the_program(machine: BoardProcess) -> None:
    source = (
        "def f(t):\n  print('in')\n  while True: pass\n"
        "t = Timer(period=5, mode=0, callback=f)\nwhile True: time.sleep(1)"
    )
    machine.send(source.encode() + b"\x04")
    machine.until(b"in\n")
    machine.send(b"\x03")
    assert machine.until(b"\x04>").endswith(b"KeyboardInterrupt: \r\n\x04>")


def test_soft_reset_stops_timers_and_keeps_pins(machine: BoardProcess) -> None:
    machine.exec("led.on(); t = Timer(freq=100, callback=lambda t: print('tick'))")
    machine.send(b"\x02\x04")
    machine.until(b"soft reboot\r\n")
    rest = machine.until(b">>> ")
    machine.send(b"\x01")
    machine.until(b"\r\n>")
    assert b"tick" not in rest
    assert machine.exec("import time; time.sleep(0.05)") == (b"", b"")
    assert machine.eval("__import__('machine').Pin(25).value()") == "1"


def test_the_board_says_what_it_is(shared_raw: BoardProcess) -> None:
    assert shared_raw.eval("__import__('sys').platform") == "'webassembly'"
    assert "JS with Emscripten" in shared_raw.eval("__import__('sys').implementation")
