# SPDX-License-Identifier: Apache-2.0
# The part of the agent that reads and writes values: the host types it behind agent.py, whose names
# it uses. The format stands in belay/wire/values.py.

# ---- values on their way out


def number(v):
    if -17 < v < 112:
        return bytes((v + 144,))
    if -32769 < v < 32768:
        return pack("<bh", 104, v)
    return pack("<bi", 105, v)


def push(o, stack, it):
    stack.append(it)
    if len(stack) > 66:
        refuse(o, stack, "value: nested too deep")


def refuse(o, stack, why):
    why = why.encode()
    o.append(33)
    o += number(len(why))
    o += why
    stack[:] = ()


def pieces(v, n):
    for i in range(0, len(v), n):
        yield bytes(v[i : i + n])


def item_format(v, n):
    # A memoryview does not tell its format: take one in which every item is what it is here.
    if not len(v):
        return 66
    if type(v[0]) is float:
        return 102 if n == 4 else 100
    if n == 1:
        return 98 if min(v) < 0 else 66
    return {2: 104, 4: 105, 8: 113}[n] - (32 if max(v) >> (8 * n - 1) else 0)


def buffer(o, stack, v, t):
    # Write a str, a buffer or a large int, or push its pieces -> whether it was pushed.
    n = 1
    if t is int:
        h = b"I"
        v = ("%x" % v).encode()
    elif t is str:
        h = b"s"
        v = memoryview(v) if len(v) > 500 else v.encode()
    elif t is bytes or t is bytearray:
        h = b"b" if t is bytes else b"B"
        v = memoryview(v)
    else:
        if len(v):
            n = len(bytes(v[:1]))
        # repr of an empty array is the one place that tells its typecode: array('h')
        h = b"a" + repr(v[:0])[7].encode() if t is array else b"m" + bytes((item_format(v, n),))
    if len(v) * n > PIECE:
        k = PIECE // n
        o.append(74)
        o += h
        o += number((len(v) + k - 1) // k)
        push(o, stack, pieces(v, k))
        return 1
    o += h
    o += number(len(v) * n)
    o += bytes(v)


def sequence(o, stack, v, t):
    if t is VIEW:
        v = list(v)
    for k, c in zip(LISTS, b"ltSZ"):
        if isinstance(v, k):  # t may be a subclass
            o.append(c)
    o += number(len(v))
    push(o, stack, iter(v))


def pull(stack):
    # Encode until the segment is full -> the segment, whether more is to come.
    o = bytearray()
    while stack:
        if len(o) >= L:
            return o, 1
        for v in stack[-1]:
            t = type(v)
            if t is int:
                if -17 < v < 112:
                    o.append(v + 144)
                elif -0x80000001 < v < 0x80000000:
                    o += number(v)
                elif buffer(o, stack, v, t):
                    break
            elif v is None:
                o.append(78)
            elif t is bool:
                o.append(84 if v else 70)
            elif t is float:
                o += pack("<bd", 100, v)
            elif t in BUFFERS:
                if buffer(o, stack, v, t):
                    break
            elif isinstance(v, dict):
                o.append(68)
                o += number(len(v))
                push(o, stack, (x for i in v.items() for x in i))
                break
            elif t is VIEW or isinstance(v, LISTS):
                sequence(o, stack, v, t)
                break
            elif t is range:
                o.append(114)
                push(o, stack, iter((v.start, v.stop, v.step)))
                break
            elif t is complex_:
                o += pack("<bdd", 106, v.real, v.imag)
            else:
                refuse(o, stack, t.__name__)
                break
            if len(o) >= L:
                return o, 1
        else:
            stack.pop()
    return o, 0


try:
    FROZEN = frozenset
except NameError:
    FROZEN = 0
LISTS = (list, tuple, set, FROZEN) if FROZEN else (list, tuple, set)
BUFFERS = (str, bytes, bytearray, memoryview) + ((array,) if array else ())
VIEW = type(H.keys())


def travels(v):
    # Whether v is by value what pull makes of it.
    if isinstance(v, dict):
        v = [x for i in v.items() for x in i]
    elif type(v) is not VIEW and not isinstance(v, LISTS):
        t = type(v)
        return v is None or t in BUFFERS or t in (int, bool, float, range, complex_)
    for x in v:
        if not travels(x):
            return False
    return True


# ---- values on their way in


def size(b, i):
    t = b[i]
    return (t - 144, i + 1) if t > 127 else token(b, i + 1, t)


def make(t, c, b):
    if t == 73:
        return int(str(b, "ascii"), 16)
    if t == 115:
        return str(b, "utf-8")
    if t == 98:
        return b
    if t == 66:
        return bytearray(b)
    b = array(chr(c), b)
    return b if t == 97 else memoryview(b)


def finish(k):
    t, n, v = k[0], k[1], k[2]
    if t == 108:
        return v
    if t == 116:
        return tuple(v)
    if t == 68:
        d = {}
        for i in range(0, n, 2):
            d[v[i]] = v[i + 1]
        return d
    if t == 74:
        return make(k[3], k[4], b"".join(v))
    return set(v) if t == 83 else FROZEN(v)


def token(b, i, t):
    if t == 104:
        return unpack_from("<h", b, i)[0], i + 2
    if t == 105:
        return unpack_from("<i", b, i)[0], i + 4
    if t == 78:
        return None, i
    if t == 84 or t == 70:
        return t == 84, i
    if t == 100:
        return unpack_from("<d", b, i)[0], i + 8
    if t == 106:
        return complex(*unpack_from("<dd", b, i)), i + 16
    c = j = 0
    if t == 74:
        j = t
        t = b[i]
        i += 1
    if t == 97 or t == 109:
        c = b[i]
        i += 1
    n, i = size(b, i)
    if j:
        into.append((74, n, [], t, c))
        return into, i
    if t == 114:
        j, i = size(b, i)
        c, i = size(b, i)
        return range(n, j, c), i
    if t == 64:  # @: an object that the host holds
        return H[n], i
    if t == 36:  # $: what an expression means here
        return eval(b[i : i + n], G), i + n
    if t in b"sbBamI":
        return make(t, c, b[i : i + n]), i + n
    if t == 68:
        n *= 2
    k = (t, n, [])
    if not n:
        return finish(k), i
    into.append(k)
    return into, i


def feed(b, i, n):
    while i < n:
        v = b[i]
        i += 1
        if v > 127:
            v -= 144
        else:
            v, i = token(b, i, v)
            if v is into:
                continue
        k = into[-1]
        k[2].append(v)
        while len(k[2]) == k[1]:
            v = finish(into.pop())
            k = into[-1]
            k[2].append(v)
