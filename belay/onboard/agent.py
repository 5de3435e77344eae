# SPDX-License-Identifier: Apache-2.0
# The half of the wire that runs on the board. MicroPython source: sent as text once a session and
# run in a dictionary of its own, never imported by the host. The host puts a line in front of it:
#   N  the nonce             Y  the style: 0 raw, 1 cooked, 2 text
#   L  most bytes of one segment of an answer
# and its dictionary holds G, the globals of __main__, where user code runs.
# Behind it the host puts codec.py: values on their way in and out. Both are one program.
# Formats: belay/wire/frames.py (frames) and belay/wire/values.py (values). Names are short where
# they are many, because what is read here is what travels; comments do not travel.
import builtins
import sys

try:  # an agent that a host has left behind
    sys.modules["belay"].leave()
    import sys  # it may have put another one in its place
except (KeyError, AttributeError):
    pass
from binascii import crc32
from struct import pack, unpack_from

try:
    from array import array
except ImportError:
    array = 0
try:
    from time import ticks_ms
except ImportError:  # CircuitPython
    from supervisor import ticks_ms
try:
    compile_ = compile
except NameError:  # the frames of a traceback are then called "<string>"
    compile_ = None
try:
    complex_ = type(1j)
except SyntaxError:  # a port without complex numbers
    complex_ = 0

PIECE = min(2048, L)
VALUE = "_belay_value"  # the host assigns a cell's last expression to this global
last = 255  # number of the last request that was started
reply = None  # its answer: kind, seq, payload; None while it runs
final = 82  # kind of the frame that ends the answer being sent
out = []  # iterators of the answer being sent in segments, innermost last
into = []  # containers of the request arriving in segments, innermost last
names = []  # of functions that are called by number
done = []  # results of the batch that is running
sending = 0
waiting = []  # frames from callbacks that came in the middle of another frame
events = 0  # number of the next event
lines = 0  # number of the next line of a stream
H = {}  # objects that the host holds by a number, for example through a proxy
OPS = {}  # operations that extensions brought, by their code; and the extensions' names
count = 0  # the last number given out for H
leaving = []  # what extensions want done before the agent goes

if Y == 2:
    from binascii import a2b_base64, b2a_base64

    stdin = sys.stdin
    newline = "\n"
    write = sys.stdout.write

    def safe(b):
        return str(b2a_base64(b), "ascii").rstrip()

else:
    stdin = sys.stdin.buffer
    newline = b"\n"
    write = sys.stdout.buffer.write

    def safe(b):
        if Y:
            b = b.replace(b"\x10", b"\x10P").replace(b"\n", b"\x10J").replace(b"\r", b"\x10M")
        return b


def send(kind, seq, p):
    global sending
    if sending:
        waiting.append((kind, seq, p))
        return
    h = pack("<BBH", kind, seq, len(p))
    h += pack("<BI", crc32(h) & 255, ticks_ms() & 0xFFFFFFFF)
    c = pack("<I", crc32(p, crc32(h)))
    sending = 1
    try:
        if len(p) < 512 or Y == 1:
            write(N + safe(h) + safe(p + c) if Y == 2 else N + safe(h + p + c))
        elif Y:
            write(N + safe(h))
            write(safe(p + c))
        else:  # no second copy of a large segment
            write(N + h)
            write(p)
            write(c)
    finally:
        sending = 0
    while waiting and not sending:
        send(*waiting.pop(0))


# ---- requests


def keep(v):
    global count
    count += 1
    H[count] = v
    return count


def run(c, a):
    if c > 127:  # a number: call the function that a "d" announced
        return name(names[c - 128])(*a)
    if c == 99:  # c: call a global
        return name(a[0])(*a[1:])
    if c == 101:  # e: evaluate
        return eval(a[0], G)
    if c == 107:  # k: call a global with keywords
        return name(a[0])(*a[2:], **a[1])
    if c == 84:  # T: and when the value was there
        a = run(a[0], a[1])
        return ticks_ms() & 0xFFFFFFFF, a
    if c == 114:  # r: drop what the host holds no more; a name, or a number: negative closes first
        for h in a[0]:
            try:
                if type(h) is str:
                    del G[h]
                else:
                    v = H.pop(abs(h), 0)
                    if h < 0:
                        v.close()
            except Exception:
                pass
        return run(a[1], a[2])
    if c == 117:  # u: with an extension
        if a[0] not in OPS:
            exec(compile_(a[1], "<belay>", "exec") if compile_ else a[1], globals())
            OPS[a[0]] = 1
        return run(a[2], a[3])
    if c == 109:  # m: many
        for c, a in a[0]:
            done.append(run(c, a))
        return list(done)
    if c == 120 or c == 118:  # x: execute; v: and return what VALUE was set to
        if len(a) > 2:
            G.update(a[2])
        exec(compile_(a[1], a[0], "exec") if compile_ else a[1], G)
        if c == 118:
            return G.pop(VALUE, None)
    elif c == 100:  # d: execute a definition and give its name a number
        run(120, a[:2])
        names.append(a[2])
        return len(names) - 1, [n for n in a[3] if n not in G and not hasattr(builtins, n)]
    else:
        return OPS[c](a)


def name(n):
    try:
        return G[n]
    except KeyError:
        if hasattr(builtins, n):
            return getattr(builtins, n)
        raise NameError("name '%s' isn't defined" % n)


def text(v):
    try:
        return repr(v)
    except Exception:  # of a __repr__ of the program's own
        return "<%s>" % type(v).__name__


def fault(e):
    try:
        from io import StringIO

        s = StringIO()
        p = getattr(sys, "print_exception", None)
        if not p:  # CircuitPython
            from traceback import print_exception

            def p(e, s):
                print_exception(type(e), e, getattr(e, "__traceback__", None), file=s)

        try:
            p(e, s)
        except Exception:  # it calls __repr__, too
            s.write("\n")
        s = s.getvalue()
    except ImportError:
        s = text(e)
    a = [x if travels(x) else text(x) for x in getattr(e, "args", ())]
    # The classes below its own, so that the host knows which except clauses would catch it.
    t = type(e)
    m = []
    while t not in (Exception, BaseException, object):
        m.append(t.__name__)
        t = (getattr(t, "__bases__", None) or (object,))[0]
    return type(e).__name__, a, s, list(done), m


def inflate(b):
    from deflate import RAW, DeflateIO
    from io import BytesIO

    return DeflateIO(BytesIO(b), RAW, 10).read()


def answer(f, n):
    # Run the request in f -> kind of the final frame, segment, whether more is to come.
    global final
    i = 2
    c = f[1]
    if c == 110:  # n: next segment
        p, more = pull(out)
        return final, p, more
    try:
        if c == 122:  # z: deflated
            f = inflate(f[2:n])
            n = len(f)
            c = f[0]
            i = 1
        if c != 43 and c != 62:  # all but + and > begin anew
            into[:] = ((0, -1, []),)
        if c == 62:  # >: the last segment of a request
            c = f[i]
            i += 1
        done[:] = ()
        feed(f, i, n)
        if c == 113:  # q: the empty program answers with nothing at all, not even None
            out[:] = ()
        else:
            out[:] = (iter((None if c == 43 or c == 60 else run(c, into[0][2]),)),)
        for _ in (0,):  # an interrupt that is still pending is raised at a jump: here, not later
            pass
        final = 82
        p, more = pull(out)
    except SystemExit:  # sys.exit and machine.soft_reset: the REPL soft-resets the board
        raise
    except BaseException as e:
        final = 69
        out[:] = (iter((fault(e),)),)
        p, more = pull(out)
    return final, p, more


def handle(f):
    global last, reply
    while stdin.read(1) != newline:  # takes a doubled Ctrl-D with it, which would soft-reset
        pass
    n = len(f) - 4
    # A str comes of a lost b in front of the quote.
    if n < 2 or type(f) is not bytes or crc32(memoryview(f)[:n]) != unpack_from("<I", f, n)[0]:
        return send(110, last, b"")  # n: damaged
    q = f[0]
    if q == last:
        # The same number again: the same answer. L: it ran, but its answer is lost.
        return send(*reply) if reply else send(76, q, b"")
    if q != (last + 1) & 255:
        return send(111, last, b"")  # o: out of order
    last = q
    reply = None
    if Y == 2:
        h = bytes((115, q))
        write(N + safe(h + bytes((crc32(h) & 255,))))
    else:
        write(N + bytes((32 | q & 31,)))
    k, p, more = answer(f, n)
    reply = (77 if more else k, q, p)
    while 1:
        try:
            return send(*reply)
        except KeyboardInterrupt:  # too late to matter: the answer is known, send it again
            pass


# ---- what user code can import


def read_line():
    b = b""
    while not b.endswith(b"\n"):
        p = Belay.receive()
        if not p:
            break
        b += p
    return str(b, "utf-8")


def ask(prompt=""):
    print(prompt, end="")
    s = read_line()
    if not s:
        raise EOFError
    return s[:-1] if s[-1] == "\n" else s


class Belay:
    console = input

    def leave():
        for f in leaving:
            f()
        sys.modules.pop("belay")
        if G.get("__b") is handle:
            del G["__b"]
        else:
            builtins.input = Belay.console
            del builtins.__b

    def emit(topic, value=None):
        global events
        if not travels((topic, value)):
            raise TypeError("belay.emit: %s cannot travel" % type(value).__name__)
        p, more = pull([iter((topic, value))])
        if more:
            raise ValueError("belay.emit: more than one segment (%d bytes)" % L)
        events = (events + 1) & 255
        send(101, events, p)

    def receive(room=256, question=b""):
        # One line from the host, asked for by credit: it never sends more than was granted. With
        # a question, the segment of [name, ...], it is the answer of that part of the host.
        global lines
        while 1:
            send(107, lines, pack("<H", room) + question)
            f = stdin.readline()
            try:
                if Y == 2:
                    f = a2b_base64(f.encode())
                else:
                    f = f[:-1].split(b"\x10")
                    f = f[0] + b"".join([bytes((x[0] ^ 64,)) + x[1:] for x in f[1:]])
                n = len(f) - 4
                if n > 0 and crc32(f[:n]) == unpack_from("<I", f, n)[0] and f[0] == lines:
                    lines = (lines + 1) & 255
                    send(97, f[0], b"")
                    return f[1:n]
            except (ValueError, IndexError):  # no line of ours: ask again
                pass


sys.modules["belay"] = Belay
try:
    builtins.__b = handle
    builtins.input = ask
except AttributeError:  # a port whose builtins cannot be extended
    G["__b"] = handle
