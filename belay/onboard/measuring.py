# SPDX-License-Identifier: Apache-2.0
# What a notebook asks about a board. An extension of the agent: runs in its dictionary.
# Needs the extension "cells" for 2.
#   0 ()      the globals: name, type, size, value
#   1 ()      facts: a dict
#   2 (cell)  a cell, and what it cost: microseconds, bytes of heap free before and after
import gc

try:
    from time import ticks_us
except ImportError:  # CircuitPython
    ticks_us = None


def globals_():
    r = []
    for n in sorted(G):
        if n[0] == "_":
            continue
        v = G[n]
        t = type(v)
        k = t.__name__
        z = x = ""
        try:
            if t in (int, float, bool, type(None)) or complex_ and t is complex_:
                x = repr(v)
            elif t in (str, bytes, bytearray):
                z = "%d %s" % (len(v), "chars" if t is str else "bytes")
                x = repr(v[:20])
            elif t is type or t is type(sys):
                k = "class" if t is type else "module"
                x = getattr(v, "__name__", "")
            elif isinstance(v, (list, tuple, dict, set)) or array and t is array:
                z = "%d items" % len(v)
        except Exception:
            pass
        r.append((n, k, z, x[:40]))
    return r


def facts():
    gc.collect()
    d = {"uptime": ticks_ms()}

    def put(k, f):
        try:
            d[k] = f()
        except Exception:
            pass

    def machine(n):
        return getattr(__import__("machine"), n)()

    def names():
        m = getattr(sys.implementation, "_machine", 0)
        return m or __import__("os").uname().machine

    put("free", gc.mem_free)
    put("used", gc.mem_alloc)
    put("machine", names)

    def chip():  # CircuitPython
        return __import__("microcontroller").cpu

    put("frequency", lambda: chip().frequency)
    put("frequency", lambda: machine("freq"))
    put("id", lambda: bytes(chip().uid))
    put("id", lambda: bytes(machine("unique_id")))
    put("files", lambda: __import__("os").statvfs("/")[:4])
    return d


def cost(a):
    gc.collect()
    m = gc.mem_free()
    s = ticks_ms()
    u = ticks_us() if ticks_us else 0
    r = run(67, a)
    if ticks_us:
        u = (ticks_us() - u) & 0x3FFFFFFF
    s = (ticks_ms() - s) & 0x1FFFFFFF
    if not ticks_us or s > 60000:
        u = s * 1000
    r[0].append((u, m, gc.mem_free()))
    gc.collect()
    r[0][-1] += (gc.mem_free(),)
    return r


OPS[119] = lambda a: cost(a[1]) if a[0] == 2 else facts() if a[0] else globals_()  # w
