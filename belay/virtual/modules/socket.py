# SPDX-License-Identifier: Apache-2.0
"""Sockets that reach the computer underneath, 127.0.0.1, on boards that were started so."""

import io
from binascii import hexlify

import _board

AF_INET, AF_INET6 = 2, 10
SOCK_STREAM, SOCK_DGRAM, SOCK_RAW = 1, 2, 3
IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP = 0, 6, 17
SOL_SOCKET, SO_REUSEADDR, SO_BROADCAST, TCP_NODELAY = 4095, 4, 32, 1

_call = _board.socket
_OFF = "sockets are off: the address of a board that has them is virtual:?net=loopback"
_FAR = "no route to %s: sockets of the virtual board reach this computer only, 127.0.0.1"


def _checked(answer, host=None):
    if isinstance(answer, int) and answer < 0:
        if answer == -113 and host is not None:
            raise OSError(113, _FAR % host)
        raise OSError(-answer)
    return answer


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    if not _call("allowed"):
        raise OSError(_OFF)
    address = _call("resolve", host)
    if address is None:
        raise OSError(-2, _FAR % host)
    return [(AF_INET, type or SOCK_STREAM, proto, "", (address, port))]


class socket(io.IOBase):
    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=0, fileno=None):
        self._timeout = -1.0
        self._number = _call("open", type == SOCK_DGRAM) if fileno is None else fileno
        if self._number < 0:
            raise OSError(_OFF)

    def fileno(self):
        return self._number

    def close(self):
        if self._number >= 0:
            _call("close", self._number)
            self._number = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def bind(self, address):
        _checked(_call("bind", self._number, address[0], address[1]), address[0])

    def listen(self, backlog=2):
        _call("listen", self._number, backlog)

    def accept(self):
        number, host, port = _checked(_call("accept", self._number, self._timeout)).split(" ")
        return socket(fileno=int(number)), (host, int(port))

    def connect(self, address):
        answer = _call("connect", self._number, address[0], address[1], self._timeout)
        _checked(answer, address[0])

    def setblocking(self, flag):
        self._timeout = -1.0 if flag else 0.0

    def settimeout(self, value):
        self._timeout = -1.0 if value is None else value * 1.0

    def setsockopt(self, level, option, value):
        pass

    def _receive(self, count):
        return _checked(_call("recv", self._number, count, self._timeout)).split(" ")

    def recv(self, count):
        return bytes.fromhex(self._receive(count)[0])

    def recvfrom(self, count):
        data, *sender = self._receive(count)
        return bytes.fromhex(data), (sender[0], int(sender[1])) if sender else None

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        return _checked(_call("send", self._number, hexlify(data).decode(), self._timeout))

    def sendall(self, data):
        if isinstance(data, str):
            data = data.encode()
        while data:
            data = data[self.send(data) :]

    def sendto(self, data, address):
        digits = hexlify(data).decode()
        answer = _call("send", self._number, digits, self._timeout, address[0], address[1])
        return _checked(answer, address[0])

    # ---- as a stream

    def read(self, size=-1):
        data = b""
        while size < 0 or len(data) < size:
            piece = self.recv(4096 if size < 0 else size - len(data))
            if not piece:
                break
            data += piece
        return data

    def readinto(self, buf, nbytes=None):
        data = self.read(len(buf) if nbytes is None else nbytes)
        buf[: len(data)] = data
        return len(data)

    def readline(self):
        line = b""
        while line[-1:] != b"\n":
            byte = self.recv(1)
            if not byte:
                break
            line += byte
        return line

    def write(self, data):
        self.sendall(data)
        return len(data)

    def makefile(self, mode="rb", buffering=0):
        return self

    def ioctl(self, request, flags):
        if request == 3:  # poll
            return _call("poll", self._number, flags)
        if request == 4:
            self.close()
        return 0


error = OSError
