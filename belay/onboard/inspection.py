# SPDX-License-Identifier: Apache-2.0
# What names stand for, for completion and help in a notebook. An extension of the agent: it runs in
# the agent's dictionary, and comments do not travel.
#
# Nothing of the user's may run here, for somebody only pressed a key. So no dir() of an object that
# a program's class made (MicroPython's looks every name up, which evaluates properties and calls
# __getattr__), no repr() of it, and no import but of modules that the host names as harmless.
#
# Operation "i": ([(kind, root, names, deep), ...],)
#   kind 0: names are looked up in __main__ and the builtins; 1: in the object root; 2: in the
#   module root, if it is imported; 3: the same, and it may be; 4: all modules that can be seen
# Answers for each: 0 where there is no such global, None where it is not there, or where it cannot
# be known without running anything, else
#   (kind, type's name, names, kinds, types, text)
#   kinds: one letter for each name: m module, c class, f function, p property, v value, ? unknown;
#   types: of the values, in order; text: the object's repr where deep and harmless.
MODULE = type(sys)
unknown = {}
FUNCTIONS = ("function", "bound_method", "closure", "generator")


def letter(v):
    if v is unknown:
        return 63
    t = type(v)
    if t is MODULE:
        return 109
    if t is type:
        return 99
    n = t.__name__
    return 102 if n in FUNCTIONS and callable(v) else 112 if n == "property" else 118


def own(t):  # whether a class statement made it
    return hasattr(t, "__qualname__")


def members(o):
    t = type(o)
    if o is G or t is MODULE:
        d = o if o is G else getattr(o, "__dict__", None)
        if d is None:
            for n in dir(o):
                yield n, getattr(o, n)
        else:
            for n in list(d):
                yield n, d[n]
            for n in d.get("_attrs", ()):  # what the module asyncio loads when it is used
                if n not in d:
                    yield n, unknown
        return
    d = (getattr(o, "__dict__", None) or {}) if t is not type and own(t) else {}
    for n in list(d):
        yield n, d[n]
    k = o if t is type else t
    for n in dir(k if t is type or own(t) else o):
        if n not in d:
            yield n, getattr(k, n, unknown)


def step(o, n):
    t = type(o)
    if o is G:
        return G[n] if n in G else getattr(builtins, n)
    if t is MODULE:
        d = getattr(o, "__dict__", unknown)
        if n in d:
            return d[n]
        if "__getattr__" in d:
            raise AttributeError
    elif t is not type and own(t):
        d = getattr(o, "__dict__", unknown)
        if n in d:
            return d[n]
        v = getattr(t, n)
        if type(v).__name__ == "property" or hasattr(type(v), "__get__"):
            raise AttributeError
    return getattr(o, n)


def shown(o):
    if travels(o):
        try:
            if len(o) > 200:
                return ""
        except TypeError:
            pass
    elif own(type(o)) or isinstance(o, (list, tuple, dict, set)):
        return ""
    return repr(o)[:400]


def describe_all(o, deep):
    a = []
    b = bytearray()
    c = []
    for n, v in members(o):
        if len(a) == 250:
            break
        a.append(n)
        k = letter(v)
        b.append(k)
        if k == 118:
            c.append(type(v).__name__)
    k = letter(o)
    return chr(k), type(o).__name__, a, b, c, shown(o) if deep and k == 118 and o is not G else ""


def modules():
    a = list(sys.modules)
    for p in sys.path:
        try:
            from os import listdir

            a.extend(listdir(p or "."))
        except (OSError, ImportError):
            pass
    try:
        help("modules")  # prints, and the host reads it there
    except Exception:
        pass
    return a


def inspected(a):
    r = []
    for kind, o, names, deep in a[0]:
        try:
            if kind == 4:
                r.append(modules())
                continue
            if kind == 0:
                if names and names[0] not in G and not hasattr(builtins, names[0]):
                    r.append(0)
                    continue
                o = G
            elif kind > 1:
                o = sys.modules.get(o) or (__import__(o) if kind == 3 else None)
            for n in names:
                o = step(o, n)
            r.append(describe_all(o, deep))
        except (AttributeError, ImportError, KeyError, TypeError):
            r.append(None)
    return r


OPS[105] = inspected
