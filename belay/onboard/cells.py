# SPDX-License-Identifier: Apache-2.0
# Cells of a notebook. An extension of the agent: runs in its dictionary.
#
# Arguments: tag, source, values for globals, what is wanted of the last expression (0 nothing, 1
# its value if that can travel, 2 if it is a plain one), names of globals that are wanted too.
# Answer: the values; and for each that stays here, in place of which there is a handle, its index
# and the name of its type.
SMALL = (int, float, str, bool, bytes, type(None)) + ((complex_,) if complex_ else ())


def light(v):
    # Whether v can travel. As travels() of the agent, but without a call for every number.
    if isinstance(v, dict):
        return light(list(v)) and light(list(v.values()))
    if type(v) is not VIEW and not isinstance(v, LISTS):
        return travels(v)
    for x in v:
        if type(x) not in SMALL and not light(x):
            return False
    return True


def leaves(v):
    try:
        return light(v)
    except RuntimeError:  # it holds itself, or is nested too deep
        return False


def cell(a):
    r = [run(118 if a[3] else 120, a[:3])]
    for n in a[4]:
        if n not in G:
            raise NameError("-o %s: the board has no such variable" % n)
        r.append(G[n])
    h = []
    for i in range(len(r)):
        v = r[i]
        if type(v) not in SMALL and (a[3] == 2 and not i or not leaves(v)):
            t = type(v)
            n = t.__name__
            m = getattr(t, "__module__", 0)
            if m and m != "__main__":
                n = m + "." + n
            if t is type or t is type(sys):
                n = ("class " if t is type else "module ") + getattr(v, "__name__", "")
            h.append((i, n))
            r[i] = keep(v)
    return r, h


OPS[67] = cell  # C
