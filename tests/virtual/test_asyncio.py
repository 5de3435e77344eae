# SPDX-License-Identifier: Apache-2.0
"""``asyncio`` on the board, as programs for boards use it: the same texts on the Unix port."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.virtual.boardprocess import BoardProcess

if os.name == "posix":
    from tests.links.unixport import RUN_PORT
    from tests.links.unixport import unix_python as unix_python

posix = pytest.mark.skipif(os.name != "posix", reason="there is no Unix port for this system")

HEAD = """\
import asyncio, time
async def job(name, ms, result=None):
    try:
        await asyncio.sleep_ms(ms)
    except asyncio.CancelledError:
        print(name, "cancelled")
        raise
    if isinstance(result, Exception):
        raise result
    print(name)
    return result
"""

# name: (program, what it prints). Times that decide an order are 100 ms apart: a busy machine
# holds up a program for 10 ms easily.
PROGRAMS = {
    "run returns the value": (
        "print(asyncio.run(job('a', 1, 42)))",
        "a\n42\n",
    ),
    "run raises what the coroutine raises": (
        "try: asyncio.run(job('a', 1, ValueError('no')))\nexcept ValueError as e: print(repr(e))",
        "ValueError('no',)\n",
    ),
    "tasks run side by side": (
        "async def main():\n"
        "    jobs = ('c', 240), ('a', 2), ('b', 120)\n"
        "    t = [asyncio.create_task(job(n, ms)) for n, ms in jobs]\n"
        "    print('started')\n"
        "    for one in t: await one\n"
        "    print([one.done() for one in t])\n"
        "asyncio.run(main())",
        "started\na\nb\nc\n[True, True, True]\n",
    ),
    "sleep takes its time": (
        "async def main():\n"
        "    t0 = time.ticks_ms(); await asyncio.sleep(0.02); await asyncio.sleep_ms(-5)\n"
        "    await asyncio.sleep(0)\n"
        "    print(19 <= time.ticks_diff(time.ticks_ms(), t0))\n"
        "asyncio.run(main())",
        "True\n",
    ),
    "gather": (
        "async def main():\n"
        "    both = job('b', 120, 1), job('a', 2, 2)\n"
        "    print(await asyncio.gather(*both, return_exceptions=False))\n"
        "    print(await asyncio.gather(job('x', 1, KeyError(7)), job('y', 3, 8),\n"
        "                               return_exceptions=True))\n"
        "    done = asyncio.create_task(job('z', 0, 3)); await done\n"
        "    print(await asyncio.gather(done), await asyncio.gather())\n"
        "asyncio.run(main())",
        "a\nb\n[1, 2]\ny\n[KeyError(7,), 8]\nz\n[3] []\n",
    ),
    "gather raises the first exception and leaves the others running": (
        "async def main():\n"
        "    slow = asyncio.create_task(job('slow', 150, 5))\n"
        "    try: await asyncio.gather(slow, job('bad', 2, ValueError(1)))\n"
        "    except ValueError as e: print(repr(e), slow.done())\n"
        "    print(await slow)\n"
        "asyncio.run(main())",
        "ValueError(1,) False\nslow\n5\n",
    ),
    "cancelling a gather cancels what it gathers": (
        "async def main():\n"
        "    async def both(): await asyncio.gather(job('a', 900), job('b', 900))\n"
        "    t = asyncio.create_task(both()); await asyncio.sleep_ms(2)\n"
        "    t.cancel()\n"
        "    try: await t\n"
        "    except asyncio.CancelledError: print('gone')\n"
        "    await asyncio.sleep_ms(2)\n"
        "asyncio.run(main())",
        "a cancelled\nb cancelled\ngone\n",
    ),
    "wait_for": (
        "async def main():\n"
        "    print(await asyncio.wait_for(job('a', 1, 5), 1))\n"
        "    print(await asyncio.wait_for_ms(job('b', 1, 6), 1000))\n"
        "    print(await asyncio.wait_for(job('c', 1, 7), None))\n"
        "    try: await asyncio.wait_for_ms(job('d', 1000), 5)\n"
        "    except asyncio.TimeoutError: print('late')\n"
        "    try: await asyncio.wait_for(job('e', 1, OSError(5)), 1)\n"
        "    except OSError as e: print(e.errno)\n"
        "asyncio.run(main())",
        "a\n5\nb\n6\nc\n7\nd cancelled\nlate\n5\n",
    ),
    "cancelling a wait_for": (
        "async def main():\n"
        "    async def waits(): await asyncio.wait_for(job('inner', 900), 5)\n"
        "    t = asyncio.create_task(waits()); await asyncio.sleep_ms(2)\n"
        "    t.cancel(); await asyncio.sleep_ms(5)\n"
        "    print(t.done())\n"
        "asyncio.run(main())",
        "inner cancelled\nTrue\n",
    ),
    "cancel": (
        "async def main():\n"
        "    t = asyncio.create_task(job('t', 1000)); await asyncio.sleep_ms(1)\n"
        "    print(t.cancel(), t.done())\n"
        "    try: await t\n"
        "    except asyncio.CancelledError: print('cancelled')\n"
        "    print(t.cancel(), t.done())\n"
        "    async def stubborn():\n"
        "        try: await asyncio.sleep(9)\n"
        "        except asyncio.CancelledError: return 'stays'\n"
        "    s = asyncio.create_task(stubborn()); await asyncio.sleep_ms(1)\n"
        "    s.cancel(); print(await s)\n"
        "    try: asyncio.current_task().cancel()\n"
        "    except RuntimeError as e: print(e)\n"
        "asyncio.run(main())",
        "True False\nt cancelled\ncancelled\nFalse True\nstays\ncan't cancel self\n",
    ),
    "Event": (
        "async def waits(e, n): print(n, await e.wait(), e.is_set())\n"
        "async def main():\n"
        "    e = asyncio.Event()\n"
        "    t = [asyncio.create_task(waits(e, n)) for n in 'ab']\n"
        "    await asyncio.sleep_ms(1); print('set'); e.set()\n"
        "    for one in t: await one\n"
        "    e.clear(); print(e.is_set())\n"
        "asyncio.run(main())",
        "set\na True True\nb True True\nFalse\n",
    ),
    "Lock": (
        "async def user(lock, n):\n"
        "    async with lock:\n"
        "        print(n, 'in'); await asyncio.sleep_ms(2); print(n, 'out')\n"
        "async def main():\n"
        "    lock = asyncio.Lock()\n"
        "    t = [asyncio.create_task(user(lock, n)) for n in 'abc']\n"
        "    await asyncio.sleep_ms(1); print(lock.locked())\n"
        "    t[1].cancel()\n"
        "    await t[2]; await asyncio.sleep_ms(1); print(lock.locked(), await lock.acquire())\n"
        "    lock.release()\n"
        "    try: lock.release()\n"
        "    except RuntimeError as e: print(e)\n"
        "asyncio.run(main())",
        "a in\nTrue\na out\nc in\nc out\nFalse True\nLock not acquired\n",
    ),
    "an exception that nobody retrieved is printed": (
        "async def main():\n"
        "    t = asyncio.create_task(job('t', 0, ValueError('lost')))\n"
        "    await asyncio.sleep_ms(3); print('on')\n"
        "def handler(loop, context):\n"
        "    print(context['message'], repr(context['exception']), context['future'].done())\n"
        "asyncio.get_event_loop().set_exception_handler(handler)\n"
        "asyncio.run(main())\nasyncio.get_event_loop().set_exception_handler(None)",
        "Task exception wasn't retrieved ValueError('lost',) True\non\n",
    ),
    "one that was retrieved later is not": (
        "async def main():\n"
        "    t = asyncio.create_task(job('t', 1, ValueError('kept')))\n"
        "    async def asks():\n"
        "        try: await t\n"
        "        except ValueError as e: print(e)\n"
        "    await asks()\n"
        "asyncio.run(main())",
        "kept\n",
    ),
    "the loop's own functions": (
        "loop = asyncio.get_event_loop()\n"
        "print(loop.run_until_complete(job('a', 1, 1)))\n"
        "async def stops():\n"
        "    await asyncio.sleep_ms(1); loop.stop()\n"
        "loop.create_task(stops()); loop.run_forever(); print('stopped')\n"
        "loop = asyncio.new_event_loop(); print(loop.run_until_complete(job('b', 1, 2)))\n"
        "try: asyncio.create_task(5)\n"
        "except TypeError as e: print(e)\n"
        "try: asyncio.current_task()\n"
        "except RuntimeError as e: print(e)",
        "a\n1\nstopped\nb\n2\ncoroutine expected\nno running event loop\n",
    ),
    "run ends with its coroutine": (
        "async def main(): asyncio.create_task(job('never', 5000)); await asyncio.sleep_ms(1)\n"
        "asyncio.run(main()); print('over'); asyncio.new_event_loop()",
        "over\n",
    ),
    "asynchronous iteration": (
        "class Count:\n"
        "    def __init__(self): self.n = 0\n"
        "    def __aiter__(self): return self\n"
        "    async def __anext__(self):\n"
        "        self.n += 1\n"
        "        if self.n > 3: raise StopAsyncIteration\n"
        "        await asyncio.sleep_ms(1)\n"
        "        return self.n\n"
        "async def main():\n"
        "    async for n in Count(): print(n)\n"
        "asyncio.run(main())",
        "1\n2\n3\n",
    ),
    "the old name": (
        "import uasyncio\nprint(uasyncio.run(job('a', 0, 1)), uasyncio.Lock is asyncio.Lock)",
        "a\n1 True\n",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(shared_raw: BoardProcess, name: str) -> None:
    program, expected = PROGRAMS[name]
    assert shared_raw.exec(HEAD + program) == (expected.encode(), b"")


@posix
def test_the_asyncio_of_boards_agrees(unix_python: Path) -> None:
    mark = "=" * 40
    everything = HEAD + f"print({mark!r})\n".join(
        f"{program}\nasyncio.new_event_loop()\n" for program, _ in PROGRAMS.values()
    )
    command = [str(unix_python), "-c", RUN_PORT, "-c", everything]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    outputs = dict(zip(PROGRAMS, done.stdout.split(mark + "\n"), strict=True))
    assert outputs == {name: expected for name, (_, expected) in PROGRAMS.items()}


FROM_HANDLERS = {
    "a timer": "machine.Timer(period=5, mode=0, callback=lambda t: flag.set())",
    "a pin": "pin.irq(lambda p: flag.set(), machine.Pin.IRQ_RISING); pin.on()",
}


@pytest.mark.parametrize("source", FROM_HANDLERS)
def test_a_handler_sets_a_flag(shared_raw: BoardProcess, source: str) -> None:
    program = (
        "import asyncio, machine, time\npin = machine.Pin(3, machine.Pin.OUT, value=0)\n"
        "flag = asyncio.ThreadSafeFlag()\n"
        "async def main():\n"
        f"    {FROM_HANDLERS[source]}\n"
        "    t0 = time.ticks_ms(); await flag.wait(); print('woken')\n"
        "    flag.set(); flag.clear()\n"
        "    try: await asyncio.wait_for_ms(flag.wait(), 5)\n"
        "    except asyncio.TimeoutError: print('cleared')\n"
        "asyncio.run(main())"
    )
    assert shared_raw.exec(program) == (b"woken\ncleared\n", b"")


def test_timers_run_while_all_tasks_sleep(shared_raw: BoardProcess) -> None:
    program = (
        "import asyncio, machine, time\nn = []\nbegun = time.ticks_ms()\n"
        "t = machine.Timer(period=5, callback=n.append)\n"
        "asyncio.run(asyncio.sleep_ms(60)); t.deinit()\n"  # however long that is on a busy machine
        "print(2 <= len(n) <= time.ticks_diff(time.ticks_ms(), begun) // 5)"
    )
    assert shared_raw.exec(program) == (b"True\n", b"")


WAITS = {
    "asleep": "await asyncio.sleep(60)",
    "waiting for what never comes": "await asyncio.Event().wait()",
    "busy": "while True: await asyncio.sleep(0)",
}


@pytest.mark.parametrize("wait", WAITS)
def test_interrupt(shared_raw: BoardProcess, wait: str) -> None:
    program = f"import asyncio\nasync def main():\n    print('on')\n    {WAITS[wait]}\n"
    shared_raw.send(program.encode() + b"asyncio.run(main())\x04")
    shared_raw.until(b"on\n")
    shared_raw.send(b"\x03")
    assert shared_raw.until(b"\x04>").endswith(b"KeyboardInterrupt: \r\n\x04>")
    again = "asyncio.new_event_loop()\nasync def two(): return 2\nprint(asyncio.run(two()))"
    assert shared_raw.exec(again) == (b"2\n", b"")
