# SPDX-License-Identifier: Apache-2.0
# Folders of the host as file systems of the board. An extension of the agent: runs in its
# dictionary. What the host's half knows stands in belay/hostfolder.py: a question is
# ["mount", number of the folder, what, path, ...], its answer one byte, 0 or an errno, and then
# what was asked for, or a text that says what is wrong; or 255, and then the former deflated.
import io
import os

try:
    import vfs
except ImportError:
    try:  # CircuitPython
        import storage as vfs
    except ImportError:
        vfs = os
do_mount = vfs.mount
do_umount = vfs.umount

mounted = {}  # file systems by where they are; what walks the board's tree leaves them out
asking = 0
ROOM = min(1024, L // 2)  # most bytes of one answer, and of one piece that is written
EPOCH = 0
if sys.implementation.name != "circuitpython" and __import__("time").localtime(0)[0] == 2000:
    EPOCH = 946684800


def put_question(*q):
    global asking
    if reply is not None:  # in a callback between two calls: the host does not listen
        raise OSError(19, "the host's folder can be used only while the host runs something here")
    if asking:  # a callback or a thread in the middle of another question
        raise OSError(16)
    asking = 1
    try:
        a = Belay.receive(ROOM, pull([iter((["mount"] + list(q),))])[0])
    finally:
        asking = 0
    if a and a[0] == 255:
        return memoryview(inflate(a[1:]))
    if not a or a[0]:
        e = a[0] if a else 5
        if len(a) > 1:
            raise OSError(e, str(a[1:], "utf-8"))
        raise OSError(e)
    return memoryview(a)[1:]


class Folder:
    def __init__(self, number):
        self.number = number
        self.here = "/"

    def ask(self, what, path, *a):
        return put_question(self.number, what, self.normal(path), *a)

    def normal(self, path):
        r = []
        for n in (path if path[:1] == "/" else self.here + "/" + path).split("/"):
            if n == "..":
                if r:
                    r.pop()
            elif n and n != ".":
                r.append(n)
        return "/" + "/".join(r)

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        k, s, t = unpack_from("<BQI", self.ask("stat", path))
        t -= EPOCH
        return k << 8, 0, 0, 0, 0, 0, s, t, t, t

    def statvfs(self, path):
        n, f = unpack_from("<II", self.ask("statvfs", path))
        return 4096, 4096, n, f, f, 0, 0, 0, 0, 255

    def ilistdir(self, path):
        path = self.normal(path)
        n = ""
        more = 1
        while more:
            a = self.ask("list", path, n)  # the names behind this one
            more = a[0]
            i = 1
            while i < len(a):
                k, s, j = unpack_from("<BQB", a, i)
                i += 10 + j
                n = str(a[i - j : i], "utf-8")
                yield n, k << 8, 0, s

    def chdir(self, path):
        if not self.stat(path)[0] & 0x4000:
            raise OSError(20)
        self.here = self.normal(path)

    def getcwd(self):
        return self.here

    def open(self, path, mode):
        return File(self, self.normal(path), mode)

    def mkdir(self, path):
        self.ask("mkdir", path)

    def rmdir(self, path):
        self.ask("rmdir", path)

    def remove(self, path):
        self.ask("remove", path)

    def rename(self, old, new):
        self.ask("rename", old, self.normal(new))


class File(io.IOBase):
    def __init__(self, folder, path, mode):
        a = folder.ask("open", path, mode)
        self.folder = folder
        self.path = path
        self.binary = "b" in mode
        self.reads = "r" in mode or "+" in mode
        self.writes = "r" not in mode or "+" in mode
        self.size = unpack_from("<Q", a)[0]
        self.stamp = bytes(a[8:16])  # tells when the host has changed it
        self.data = bytes(a[16:])  # what is known of it, and from where on
        self.start = 0
        self.new = bytearray()  # what is not written yet, in front of the position
        self.add = "a" in mode
        self.at = self.size if self.add else 0

    def known(self):
        # Where the position is in what is known, at least a byte of it, or its end if that is all
        self.check(self.reads)
        if self.new:
            self.flush()
        i = self.at - self.start
        if 0 <= i < len(self.data):
            return i
        self.start = self.at
        self.data = b""
        if self.at < self.size:
            self.data = bytes(self.folder.ask("read", self.path, self.stamp, self.at))
        return 0

    def take(self, n):
        r = []
        while n:
            i = self.known()
            d = self.data[i:] if n < 0 else self.data[i : i + n]
            if not d:
                break
            r.append(d)
            self.at += len(d)
            n -= len(d)
        return b"".join(r)

    def result(self, d):
        return d if self.binary else str(d, "utf-8")

    def read(self, n=-1):
        n = -1 if n is None else n
        d = self.take(n)
        if self.binary or n < 0:
            return self.result(d)
        while len(d):  # so many characters: the bytes that begin one, and those that go with them
            k = n - sum([1 for c in d if c & 0xC0 != 0x80])
            if not k:
                i = self.known()
                k = self.data[i : i + 1]
                if not k or k[0] & 0xC0 != 0x80:
                    break
                k = 1
            more = self.take(k)
            if not more:
                break
            d += more
        return self.result(d)

    def readinto(self, b):
        d = self.take(len(b))
        b[: len(d)] = d
        return len(d)

    def readline(self, n=-1):
        r = b""
        while n < 0 or len(r) < n:
            i = self.known()
            j = self.data.find(b"\n", i) + 1 or len(self.data)
            r += self.take(j - i if n < 0 else min(j - i, n - len(r)))
            if i == j or r[-1:] == b"\n":
                break
        return self.result(r)

    def readlines(self):
        return list(self)

    def write(self, d):
        self.check(self.writes)
        d = d.encode() if type(d) is str else bytes(d)
        self.new += d
        self.at += len(d)
        if len(self.new) >= ROOM:
            self.flush()
        return len(d)

    def flush(self):
        self.check(1)
        d = bytes(self.new)
        self.new = bytearray()
        i = self.at - len(d)
        while d:
            a = self.folder.ask("write", self.path, -1 if self.add else i, d[:ROOM])
            self.size = unpack_from("<Q", a)[0]
            self.stamp = bytes(a[8:])
            i += len(d[:ROOM])
            d = d[ROOM:]
            self.data = b""
            if self.add:
                self.at = self.size

    def seek(self, n, whence=0):
        self.flush()
        n += (0, self.at, self.size)[whence]
        if n < 0:
            raise OSError(22)
        self.at = n
        return n

    def tell(self):
        return self.at

    def check(self, may):
        if not self.folder:
            raise ValueError("I/O operation on closed file")
        if not may:
            raise OSError(9)

    def close(self):
        if self.folder:
            try:
                self.flush()
            finally:
                self.folder = 0

    def ioctl(self, what, a):
        if what == 4:
            self.close()
        elif what == 11:
            return 256  # bytes that an import reads at a time
        elif what != 1:
            return a if what == 3 else -22
        else:
            self.flush()
        return 0

    def __iter__(self):
        return self

    def __next__(self):
        s = self.readline()
        if not s:
            raise StopIteration
        return s

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.close()


def unmount(at):
    if at in mounted:
        del mounted[at]
        while at in sys.path:
            sys.path.remove(at)
        try:
            do_umount(at)
        except OSError:  # the program has done it
            pass


def mount(a):
    # where, number (0: unmount), whether import looks there
    at, n, first = a
    unmount(at)
    if n:
        do_mount(Folder(n), at)
        mounted[at] = n
        if first:
            sys.path.insert(0, at)


def leave_folders():
    for at in list(mounted):
        unmount(at)


leaving.append(leave_folders)
OPS[77] = mount  # M
