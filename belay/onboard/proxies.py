# SPDX-License-Identifier: Apache-2.0
# Operations on objects that stay on the board. An extension of the agent: runs in its dictionary.
#
# A result that is no plain value stays here and is described:
#   (handle, kind)               an object of a kind that has been described before
#   (handle, kind, name, names)  the first one of its kind: the name, and what is callable on it,
#                                so that the host knows a method without asking
# A kind is a type, or a module or a class itself. Names come from the type, never from the object:
# asking that would run its properties.
MOST = 128  # names of one kind; one that has more is asked name by name
SLICE = 128  # items of a container that travel at once
plain = (int, float, str, bool, bytes, type(None)) + ((complex_,) if complex_ else ())
module = type(sys)
# What can be iterated ahead of the host without anybody noticing.
containers = (list, tuple, dict, set, range, bytearray, memoryview, VIEW)
if array:
    containers += (array,)
if FROZEN:
    containers += (FROZEN,)
kinds = {}  # id of a kind -> its number, and itself, so that the id stays its own
counted = 0
texts = {}  # body of a function -> the function


def callables(k):
    r = []
    s = [k]
    for k in s:
        try:
            d = k.__dict__
            if type(k) is type:
                s.extend(k.__bases__)
        except AttributeError:
            d = dir(k)
        for n in d:
            if n[0] != "_" and n not in r and callable(getattr(k, n, None)):
                r.append(n)
        if len(r) > MOST:
            return []
    return r


def describe(o, h):
    global counted
    t = type(o)
    itself = t is type or t is module
    k = o if itself else t
    i = -id(k) if itself else id(k)
    if h is not None and i in kinds:
        return h, kinds[i][0]
    if len(kinds) > 60:
        kinds.clear()
    counted += 1
    kinds[i] = counted, k
    n = getattr(k, "__name__", "")
    if t is not module:
        m = getattr(k, "__module__", 0)
        if m and m != "__main__":
            n = m + "." + n
    if itself:
        n = ("class " if t is type else "module ") + n
    return h, counted, n, callables(k)


def give(v):
    return v if type(v) in plain else describe(v, keep(v))


def method(o, n):
    # Whether the name is callable on the kind, as every object of it then has it.
    t = type(o)
    return callable(getattr(o if t is module or t is type else t, n, None))


def attribute(o, n):
    v = getattr(o, n)
    return () if callable(v) and method(o, n) else give(v)


def function(t, n):
    f = texts.get(t)
    if not f:
        if len(texts) > 30:
            texts.clear()
        s = "def f(%s):\n %s" % (",".join("abcdefgh"[:n]), t)
        d = {"G": G}
        exec(compile_(s, "<belay>", "exec") if compile_ else s, d)
        f = texts[t] = d["f"]
    return f


def items(i, n, h):
    # The next n -> handle of the iterator, None at its end; what travels; descriptions of the rest.
    v = []
    d = []
    try:
        while len(v) < n:
            x = next(i)
            if not travels(x):
                d.append((len(v), describe(x, keep(x))))
                x = None
            v.append(x)
    except StopIteration:
        H.pop(h, None)
        return None, v, d
    return keep(i) if h is None else h, v, d


def many(a):
    # A batch -> results; which of them are handles, because they cannot travel; what ended it.
    r = []
    h = []
    try:
        for c, a in a:
            v = run(c, a)
            if not travels(v):
                v = keep(v)
                h.append(len(r))
            r.append(v)
    except Exception as e:
        return r, h, fault(e)
    return r, h, None


def proxied(a):
    c = a[0]
    if c == 10:  # evaluate
        return give(run(101, a[1:]))
    if c == 11:  # import: describe what was imported
        run(120, a[1:3])
        return [describe(G[n], 0) for n in a[3]]
    if c == 12:
        return many(a[1])
    o = a[1]
    if type(o) is str:  # a name: what it stands for by now
        o = G[o] if o in G else eval(compile_(o, "<belay>", "eval") if compile_ else o, G)
    if c == 0:
        return attribute(o, a[2])
    if c == 1:  # the same on an object that the host knows nothing about
        return [describe(o, None), attribute(o, a[2])]
    if c == 2:
        setattr(o, a[2], a[3])
        return
    if c == 3:
        v = getattr(o, a[2])(*a[4:], **a[3])
    elif c == 4:
        v = o(*a[3:], **a[2])
    elif c == 5:
        v = o[a[2]]
    elif c == 6:
        o[a[2]] = a[3]
        return
    elif c == 7:
        return items(iter(reversed(o) if a[2] else o), SLICE if type(o) in containers else 0, None)
    elif c == 8:
        return items(o, a[2], a[3])
    elif c == 9:
        return o
    else:  # the body of a function, or an expression
        c = a[2] if c == 13 else "return " + a[2]
        v = function(c, len(a) - 2)(o, *a[3:])
    if v is o and type(v) not in plain:
        return ()
    return give(v)


Belay.H = H  # the host's name for an object: __import__('belay').H[7]
OPS[112] = proxied
