# SPDX-License-Identifier: Apache-2.0
# What views and plots want to know of objects, many of them in one request. An extension of the
# agent: runs in its dictionary, and comments do not travel.
#
# Operation "L": ([(kind, what, names), ...],)
#   kind 0: the value of the expression what; 1: of the object what, read as below; 2: what its
#   methods names answer, called without arguments; 3: what there is to see of it: its type, its
#   text, how many members it has, and for each of the first ones its name, its kind (f callable,
#   v value), the name of its type, and its text; 5: what a program of LOOKS does with it, which
#   names[0] names, the rest being its arguments; 6: the same for its own method; 7: the names of
#   its type and of the types that this one is derived from; 16 more: what is an expression
# Each answers (1, value), or (0, text of the exception). What cannot travel is given as its text.
MOST_SEEN = 200  # members of one object


LOOKS = {}  # what other programs bring, by name
CALLED = ("function", "bound_method", "closure", "generator")


def text_of(v):
    try:
        s = repr(v)
    except Exception as e:
        s = "<" + type(e).__name__ + ">"
    return s if len(s) < 200 else s[:200] + "..."


def reading(o):
    if type(o).__name__ in CALLED:
        return o()
    for n in ("read_u16", "value", "duty_u16", "duty", "datetime"):
        f = getattr(o, n, None)
        if callable(f):
            return f()
    return o


def seen(o):
    t = type(o)
    r = []
    if isinstance(o, dict):
        n = [(text_of(k), o[k]) for k in list(o)[:MOST_SEEN]]
        c = len(o)
    elif isinstance(o, (list, tuple)):
        n = [(str(i), o[i]) for i in range(min(len(o), MOST_SEEN))]
        c = len(o)
    elif t in plain_:
        return t.__name__, text_of(o), 0, r
    else:
        # Not dir(o): on an instance, MicroPython's runs the properties.
        d = getattr(o, "__dict__", None) if t is not type else None
        a = list(d) + [x for x in dir(t) if x not in d] if d is not None else dir(o)
        a = [x for x in a if x[0] != "_"]
        c = len(a)
        n = []
        for x in a[:MOST_SEEN]:
            try:
                n.append((x, getattr(o, x)))
            except Exception as e:
                r.append((x, "v", "", text_of(e)))
    for x, v in n:
        f = type(v).__name__ in CALLED
        r.append((x, "f" if f else "v", type(v).__name__, "" if f else text_of(v)))
    return t.__name__, text_of(o), c, r


def kin(t):
    # Breadth first, as close to Python's order as a name needs.
    s = [t]
    for t in s:
        s.extend(b for b in getattr(t, "__bases__", ()) if b is not object and b not in s)
    return [getattr(t, "__name__", "") for t in s]


def one_look(kind, o, names):
    if kind == 1:
        return reading(o)
    if kind == 2:
        return [getattr(o, n)() for n in names]
    if kind == 3:
        return seen(o)
    if kind == 5:
        return LOOKS[names[0]](o, *names[1:])
    if kind == 6:
        return getattr(o, names[0])(*names[1:])
    if kind == 7:
        return kin(type(o))


def one_answer(kind, o, names):
    try:
        if kind == 0:
            v = eval(compile_(o, "<belay>", "eval") if compile_ else o, G)
        elif kind > 15:
            v = one_look(kind - 16, eval(o, G), names)
        else:
            v = one_look(kind, o, names)
        return 1, v if travels(v) else text_of(v)
    except Exception as e:
        x = type(e).__name__
        return 0, x + ": " + str(e) if str(e) else x


def opened(o, text, b, kind, names):
    # What an expression of a, the object, and b is: as proxies.py describes it; what its type is
    # derived from; and a look at it.
    v = function("return " + text, 2)(o, b)
    return give(v), kin(type(v))[1:], one_answer(kind, v, names)


def looked(a):
    return [one_answer(*x) for x in a[0]]


LOOKS["opened"] = opened
plain_ = (int, float, str, bool, bytes, type(None))
OPS[76] = looked
