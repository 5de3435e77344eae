# SPDX-License-Identifier: Apache-2.0
# How long the board works on each request. An extension of the agent: runs in its dictionary.
#   ("l", 1)  from now on take the time of every request
#   ("l", 0)  the times so far, in microseconds, and forget them
#   ("l", 2)  stop
# From when the prompt has read and compiled the request until the answer has been written.
try:
    from time import ticks_diff, ticks_us
except ImportError:  # CircuitPython
    from time import monotonic_ns

    def ticks_us():
        return monotonic_ns() // 1000

    def ticks_diff(a, b):
        return a - b


times = []


def timed(f):
    t = ticks_us()
    handle(f)
    times.append(ticks_diff(ticks_us(), t))


def clocked(a):
    if a[0]:
        f = timed if a[0] == 1 else handle
        if "__b" in G:
            G["__b"] = f
        else:
            builtins.__b = f
    t = list(times)
    times[:] = ()
    return t


OPS[108] = clocked  # l
