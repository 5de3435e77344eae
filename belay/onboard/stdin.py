# SPDX-License-Identifier: Apache-2.0
# An extension of the agent: sys.stdin for programs, answered by the host line by line. The real
# one is what the requests arrive on. The module sys itself cannot be written to; `import sys` looks
# into sys.modules first, so what stands there is a stand-in that has all the rest of sys.
import io


class Lines(io.IOBase):
    rest = ""

    def readline(self, n=-1):
        s = self.rest or read_line()
        if n < 0:
            n = len(s)
        self.rest = s[n:]
        return s[:n]

    def read(self, n=-1):
        s = ""
        while n < 0 or len(s) < n:
            p = self.readline(n - len(s) if n >= 0 else -1)
            if not p:
                break
            s += p
        return s

    def readlines(self):
        return list(self)

    def __iter__(self):
        return self

    def __next__(self):
        s = self.readline()
        if not s:
            raise StopIteration
        return s

    def ioctl(self, request, argument):
        return 0  # a poll: nothing is there before the host is asked

    def close(self):
        pass


class System:
    stdin = Lines()

    def __getattr__(self, name):
        return getattr(sys, name)


before = sys.modules.get("sys")  # a stand-in of somebody else's


def leave_stdin():
    sys.modules.pop("sys", None)
    if before:
        sys.modules["sys"] = before
    if G.get("sys") is system:
        G["sys"] = sys


system = System()
sys.modules["sys"] = system
if G.get("sys") is sys:
    G["sys"] = system
leaving.append(leave_stdin)
