# SPDX-License-Identifier: Apache-2.0
# Generators on the board, pulled by the host in slices. An extension: it runs in the agent's own
# dictionary, and comments do not travel. Operation "g":
#   (name, n, keywords, *args)  call a generator function -> handle. n is the most items of a slice,
#                               negative where each item is to come with its ticks
#   (handle,)                   the next slice
#   (handle, value)             the same, and value is what the first yield returns
#   (handle, types, args)       throw: the first of these types that the board has
#   (handle, count, extra, 0)   the last slice again, if it was number count, else None; 0: without
#                               what did not travel
#   (-handle,)                  close
# A slice is (item,), (item, ticks), or (packed, state, extra) and, with ticks, those that the
# times in packed count from. packed: items as values one after another, each encoded when it was
# yielded, for the program may go on to change it.


class Pulled:
    def __init__(self, g, n):
        self.g = g
        self.n = n
        self.count = 0  # of slices

    def close(self):
        self.g.close()

    def go(self, step, v, mine=None):
        # Until it ends, n items are there, 20 ms have passed, or one piece is full. What an
        # interrupt leaves in items and end, the host asks for afterwards.
        n = self.n
        timed = n < 0
        self.items = items = bytearray()
        self.end = 0, None  # 0: there may be more
        self.since = since = ticks_ms()
        self.count += 1
        while 1:
            try:
                v = step(v)
                self.end = 3, (v, since) if timed else (v,)  # 3: one more, by itself
            except StopIteration as e:
                self.end = 1, e.value  # 1: exhausted
                break
            except BaseException as e:
                if e is not mine and isinstance(e, (KeyboardInterrupt, SystemExit)):
                    raise
                self.end = 4 if e is mine else 2, e  # 2: raised; 4: what was thrown in came back
                break
            t = ticks_ms()
            if timed:
                self.end = 3, (v, t)
            if n in (1, -1):
                break
            p, more = pull([iter((t - since, v) if timed else (v,))])
            if more or len(items) + len(p) > PIECE - 32:  # the whole answer is then one segment
                break
            items += p
            self.end = 0, None
            # An item that cannot travel ends a slice: the host cannot read what follows it.
            if b"!" in p and refused(v):
                break
            n += 1 if timed else -1
            if not 0 <= t - since < 20:
                break
            step = self.g.send
            v = None
        return self.answer(1)

    def answer(self, extra):
        s, v = self.end
        if not self.items and extra:
            if s == 2:
                raise v
            if s == 3:
                return v
        v = (fault(v) if s in (2, 4) else v) if extra else None
        return (self.items, s, v, self.since) if self.n < 0 else (self.items, s, v)


def refused(v):
    it = iter((v, 0))
    pull([it])
    return 0 in it


def generator(a):
    h = a[0]
    if type(h) is str:
        return keep(Pulled(name(h)(*a[3:], **a[2]), a[1]))
    if h < 0:
        return H[-h].close()
    o = H[h]
    if len(a) == 4:
        return o.answer(a[2]) if o.count == a[1] else None
    if len(a) == 3:
        for t in a[1]:
            try:
                t = eval(t, G)
                break
            except NameError:
                pass
        t = t(*a[2])
        return o.go(o.g.throw, t, t)
    return o.go(o.g.send, a[1] if len(a) > 1 else None)


OPS[ord("g")] = generator
