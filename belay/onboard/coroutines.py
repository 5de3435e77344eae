# SPDX-License-Identifier: Apache-2.0
# async functions on the board, run to their end. An extension: it runs in the agent's own
# dictionary, and comments do not travel. Operation "y": (name, keywords, *args).


def coroutine(a):
    c = name(a[0])(*a[2:], **a[1])
    try:
        import asyncio

        asyncio.run
    except (ImportError, AttributeError):
        try:
            import uasyncio as asyncio  # MicroPython before 1.21

            asyncio.run
        except (ImportError, AttributeError):
            # What never waits needs no loop.
            try:
                c.send(None)
            except StopIteration as e:
                return e.value
            c.close()
            raise RuntimeError("belay: no asyncio")
    try:
        return asyncio.run(c)
    finally:
        # What it started and did not wait for would go on in the next call, or after an interrupt.
        asyncio.new_event_loop()


OPS[ord("y")] = coroutine
