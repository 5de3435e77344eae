# SPDX-License-Identifier: Apache-2.0
# Files of the board. An extension of the agent: runs in its dictionary. What is long is told in
# events on the topic b"belay", numbered or by offset, so that the host knows what is missing.
#   0 (name, *args)             os.<name>(*args)
#   1 (root, hashing, n)        the tree below root, in events ["files", number, [entries]]: a text
#                               is a folder, a tuple a file of it: name, size, digest or mtime;
#                               one for every n bytes, about.
#                               Answers: number of events, statvfs, mounted folders, read only
#   2 (path, offset, data, window, keys[, size, digests])  a piece of a new file, in a form of
#                               belay/sync/encoding.py; with size and digests (the board's is one of
#                               them) the last one: the file then takes the place of path. Answers
#                               how much is there; -1: an earlier piece is missing; -2: no such form
#   3 (path, offset, count, n)  a part of a file, in events ["files", offset, data] of n bytes;
#                               answers where it ends
#   4 (*paths)                  digests
import os

try:
    from hashlib import sha256
except ImportError:
    sha256 = 0
B = b"belay"
try:
    M = int.from_bytes(b"\1" * 64, "little")
    M *= M >> 504 == 1
except OverflowError:  # a port without large ints; others drop their upper bits
    M = 0
F = [0, 0, 0]  # the file that is being written: its path, open, how much of it is there


def digest(p):
    h = sha256() if sha256 else 0
    b = memoryview(bytearray(1024))
    with open(p, "rb") as f:
        while 1:
            n = f.readinto(b)
            if not n:
                return h.digest() if sha256 else pack("<I", h)
            if sha256:
                h.update(b[:n])
            else:
                h = crc32(b[:n], h)


def space(p):
    try:
        return os.statvfs(p)
    except (AttributeError, OSError):
        return ()


def tree(d, hashing, mounts):
    yield d
    top = d == "/" and space(d)[:3]
    d = d if d == "/" else d + "/"
    r = []
    for n in sorted(os.listdir(d)):
        n = d + n
        s = os.stat(n)
        if not s[0] & 16384:
            yield n[len(d) :], s[6], digest(n) if hashing else s[8]
        elif n in globals().get("mounted", ()) or top and space(n)[:3] != top:
            # A folder of the host, or another file system, such as a card's: not ours to list.
            mounts.append(n)
        else:
            r.append(n)
    for n in r:
        yield from tree(n, hashing, mounts)


def manifest(root, hashing, z):
    i = size = 0
    o = []
    m = []
    try:
        t = tree(root, hashing, m) if os.listdir(root) else (root,)
    except OSError as e:
        if e.args[0] != 2:
            raise
        t = ()
    for e in t:
        o.append(e)
        size += 2 * len(e) if type(e) is str else 60 + 2 * len(e[0])
        if size > min(z, L // 2):
            Belay.emit(B, ["files", i, o])
            i += 1
            size = 0
            o = []
    Belay.emit(B, ["files", i, o])
    try:  # CircuitPython: does the drive belong to the computer?
        r = __import__("storage").getmount("/").readonly
    except (ImportError, AttributeError, OSError):
        r = False
    return i + 1, (space(root) or space("/"))[:5], m, r


def bare_bytes(d, w, k):
    if k == 1:
        d = a2b_base64(d)
    elif k:
        n = range(0, len(d), 64)
        m = [
            (int.from_bytes(d[i : i + 64], "little") ^ k[i >> 6] * M).to_bytes(64, "little")
            for i in n
        ]
        d = b"".join(m)[: len(d)]
    if w:
        from deflate import RAW, DeflateIO
        from io import BytesIO

        d = DeflateIO(BytesIO(d), RAW, w).read()
    return d


def put(p, i, d, w, k, n=-1, h=0):
    if k and k != 1 and not M:
        return -2
    q = p[: p.rfind("/") + 1] + ".belay.part"
    try:
        if not i:
            if F[0]:
                F[1].close()
            F[:] = q, open(q, "wb"), 0
        if q != F[0] or i > F[2]:
            return -1
        d = bare_bytes(d, w, k)[F[2] - i :]
        F[1].write(d)
        F[2] += len(d)
        if n < 0:
            return F[2]
        F[1].close()
        if F[2] != n or digest(q) not in h:
            raise ValueError(q)
        try:
            os.rename(q, p)
        except OSError as e:
            if e.args[0] != 17:  # FAT replaces nothing
                raise
            os.remove(p)
            os.rename(q, p)
        F[0] = 0
        return n
    except:
        if F[1]:
            F[1].close()
        F[0] = 0
        try:
            os.remove(q)
        except OSError:
            pass
        raise


def get(p, i, n, z):
    k = min(z, L - 256)
    with open(p, "rb") as f:
        f.seek(i)
        while n:
            d = f.read(k if n < 0 else min(n, k))
            if not d:
                break
            Belay.emit(B, ["files", i, d])
            i += len(d)
            n -= len(d)
    return i


OPS[70] = (
    lambda a: (  # F
        lambda n, *a: getattr(os, n)(*a),
        manifest,
        put,
        get,
        lambda *a: [digest(p) for p in a],
    )[a[0]](*a[1:])
)
