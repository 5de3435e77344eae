# SPDX-License-Identifier: Apache-2.0
"""asyncio on both sides: coroutines that run on the board, and a board that is awaited here."""

import asyncio
import os
import sys

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")


async def main():
    with belay.Device(address) as device:
        # An `async def` task runs to its end on the board, where several jobs can go side by side.
        @device.task
        async def blink_all(pins):
            import asyncio

            order = []

            async def blink(pin, milliseconds):
                await asyncio.sleep_ms(milliseconds)
                order.append(pin)

            await asyncio.gather(*[blink(pin, ms) for pin, ms in pins])
            return order

        @device.task
        def slow(number):
            time.sleep(0.05)
            return number

        @device.task
        def readings(count):
            for number in range(count):
                yield number * 10

        # While the board works, the event loop here goes on.
        ticking = asyncio.create_task(tick())
        print("order of the board's jobs:", await device.aio.call(blink_all, [(2, 40), (3, 10)]))
        print("slow:", await device.aio.call(slow, 5))
        async for reading in device.aio.iterate(readings, 3):
            print("reading", reading)
        ticking.cancel()
        print("the loop kept ticking:", ticks > 3)


ticks = 0


async def tick():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep(0.005)


asyncio.run(main())
