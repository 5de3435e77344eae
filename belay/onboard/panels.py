# SPDX-License-Identifier: Apache-2.0
# What views of lights, pictures, containers and pins want done on the board, each in one message.
# An extension of the agent, on top of looking.py: runs in its dictionary, and comments do not
# travel.


def look_lights(o):
    # How many, and the colours of all, one behind the other, in the order in which programs give
    # them: red, green, blue, and white where there is one.
    n = o.n if hasattr(o, "n") else len(o)
    b = bytearray()
    for i in range(n):
        b.extend(bytes(o[i]))
    return n, bytes(b)


def set_lights(o, first, colours):
    for c in colours:
        o[first] = c
        first += 1
    (o.write if hasattr(o, "write") else o.show)()


def look_picture(o, b):
    # The bytes of a framebuffer, and what the object says of itself.
    for n in ("buffer", "buf"):
        if b is None:
            b = getattr(o, n, None)
    w, h = [getattr(o, n, 0) for n in ("width", "height")]
    b = memoryview(o if b is None else b)
    return b, w if isinstance(w, int) else 0, h if isinstance(h, int) else 0, kin(type(o))


def entries(o):
    # The name of the type, how many, and of each of the first ones its key, as text, the name of
    # its type, its text, and whether the text is all of it.
    r = []
    for k in list(o)[:MOST_SEEN] if isinstance(o, dict) else range(min(len(o), MOST_SEEN)):
        v = o[k]
        s = text_of(v)
        try:
            whole = len(s) < 200 and (type(v) in plain_ or travels(v))
        except RuntimeError:  # it holds itself
            whole = False
        r.append((text_of(k), type(v).__name__, s, whole))
    return type(o).__name__, len(o), r


def key_at(o, i, k):
    # Where an entry is that was shown in place i with the key k.
    n = list(o)[i] if isinstance(o, dict) and i < len(o) else i
    if i >= len(o) or text_of(n) != k:
        raise ValueError("it has changed since it was shown; nothing was done")
    return n


def set_entry(o, i, k, v):
    o[key_at(o, i, k)] = v


def drop_entry(o, i, k):
    del o[key_at(o, i, k)]


def add_entry(o, k, v):
    if isinstance(o, list):
        o.append(v)
    elif k in o:
        raise ValueError("there is such a key already")
    else:
        o[k] = v


edges = {}  # id of a pin -> how many, and the pin, so that the id stays its own


def count_edges(o, on):
    if not on:
        edges.pop(id(o), None)
        o.irq(handler=None)
        return
    c = edges[id(o)] = [0, o]

    def one_more(p):
        c[0] += 1

    o.irq(one_more, o.IRQ_RISING | o.IRQ_FALLING)


def look_pin(o):
    return o.value(), edges[id(o)][0] if id(o) in edges else None


LOOKS.update(look_lights=look_lights, set_lights=set_lights, look_picture=look_picture)
LOOKS.update(entries=entries, set_entry=set_entry, drop_entry=drop_entry, add_entry=add_entry)
LOOKS.update(count_edges=count_edges, look_pin=look_pin)
