# SPDX-License-Identifier: Apache-2.0
"""A model of a board, for the sans-I/O tests alone: raw REPL, agent and numbering.

It is here so that every moment of a conversation can be damaged or interrupted, in milliseconds
and without a clock. What real boards do is tested with real ones, in ``tests/session``.
"""

from __future__ import annotations

import ast
import random
import warnings
from base64 import b64decode, b64encode
from binascii import crc32
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable

from belay.wire.exchange import Answer, Exchange, ExchangeEvent, LineWanted, State, Text
from belay.wire.frames import Style

INSTALL = b"agent()\n"
"""Stands for the upload of the agent, typed in front of a request."""

NONCES = {
    Style.RAW: b"\x91\xc8\xe5\x80",
    Style.COOKED: b"\x91\xc8\xe5\x80",
    Style.TEXT: b"k3Jd9Q",
}
RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
FRIENDLY_BANNER = b'\r\nMicroPython v1.27.0; model\r\nType "help()" for more information.\r\n>>> '
TICKS = 4711

Steps = Generator[str, int, None]


class BoardError(Exception):
    """What a command of the board raised."""


class ModelBoard:
    """A board at its raw REPL.

    Attributes:
        ran: how often each payload was run.
        state: what it does: ``read`` waits for a byte, ``busy`` runs a program that waits for
            :meth:`tick`, ``pause`` stands at the moment that was asked for.
        pause_at: the number of the moment of a command at which to stand still.
    """

    def __init__(self, style: Style = Style.RAW, *, agent: bool = True) -> None:
        self.style = style
        self.nonce = NONCES[style]
        self.ran: Counter[bytes] = Counter()
        self.swallowed = bytearray()
        self.pause_at = -1
        self.points = 0
        self.agent = agent
        self._out = bytearray()
        self._input: deque[int] = deque()
        self._armed = False
        self._friendly = False
        self._reset()
        self._steps = self._repl()
        self.state = next(self._steps)

    # ------------------------------------------------------------------------------- from outside

    def take(self) -> bytes:
        """What it has sent."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def feed(self, data: bytes) -> None:
        for byte in data:
            if byte == 3 and self._armed:
                self._input.clear()
                self.state = self._steps.throw(KeyboardInterrupt)
            else:
                self._input.append(byte)
            self._pump()

    def tick(self) -> None:
        """A program that computes gets on, and a pause is over."""
        if self.state != "read":
            self.state = self._steps.send(-1)
            self._pump()

    def print(self, data: bytes) -> None:
        """A program prints, or a timer does."""
        self._out += data.replace(b"\n", b"\r\n") if self.style is Style.COOKED else data

    def emit(self, payload: bytes) -> None:
        """A callback of the board sends an event."""
        self._out += self.frame(b"e", 9, payload)

    def reset(self) -> None:
        """Somebody pressed the button."""
        self.print(b"MPY: soft reboot\n" + FRIENDLY_BANNER.replace(b"\r", b""))
        self._friendly = True
        self._armed = False
        self._input.clear()
        self._reset()
        self.agent = False
        self._steps = self._repl()
        self.state = next(self._steps)

    def _pump(self) -> None:
        while self._input and self.state == "read":
            self.state = self._steps.send(self._input.popleft())

    # ---------------------------------------------------------------------------------- the REPL

    def _reset(self) -> None:
        self._last, self._reply, self._line = 255, (b"", 0, b""), 0
        self._segments: list[bytes] = []

    def _repl(self) -> Steps:
        line = bytearray()
        while True:
            byte = yield "read"
            if self._friendly:
                yield from self._friendly_byte(byte, line)
            elif byte == 1:
                line.clear()
                self._out += RAW_BANNER
            elif byte == 2:
                line.clear()
                self._friendly = True
                self._out += FRIENDLY_BANNER
            elif byte == 3:
                line.clear()
            elif byte == 4 and not line:
                self._out += b"OK\r\n"
                self._soft_reset()
            elif byte == 4:
                text = bytes(line)
                line.clear()
                yield from self._command(text)
            else:
                line.append(byte)

    def _friendly_byte(self, byte: int, line: bytearray) -> Steps:
        if byte == 3:
            line.clear()
            self._out += b"\r\n>>> "
        elif byte == 1 and not line:
            self._out += b"\r\n" + RAW_BANNER
            self._friendly = False
        elif byte == 4 and not line:
            self._soft_reset()
        elif byte in b"\r\n" and (line.count(b"(") > line.count(b")") or line.endswith(b":")):
            line.append(10)
            self._out += b"\r\n... "
        elif byte in b"\r\n":
            self._out += b"\r\n"
            text = bytes(line)
            line.clear()
            yield from self._command(text, raw=False)
        elif byte > 5:
            line.append(byte)
            self._out.append(byte)

    def _soft_reset(self) -> None:
        self._out += b"MPY: soft reboot\r\n"
        self._out += FRIENDLY_BANNER if self._friendly else RAW_BANNER
        self._reset()
        self.agent = False

    def _command(self, text: bytes, *, raw: bool = True) -> Steps:
        self._out += b"OK" if raw else b""
        self._armed = True
        self.points = 0
        error = ""
        try:
            yield from self._run(text)
        except KeyboardInterrupt:
            error = "KeyboardInterrupt: "
        except BoardError as raised:
            error = str(raised)
        except SystemExit:
            self._armed = False
            self._out += b"\x04\x04" if raw else b""
            self._soft_reset()
            return
        self._armed = False
        if error:
            error = f'Traceback (most recent call last):\r\n  File "<stdin>"\r\n{error}\r\n'
        self._out += b"\x04%s\x04>" % error.encode() if raw else error.encode() + b">>> "

    def _run(self, text: bytes) -> Steps:
        # 8-bit bytes as escapes: CPython does not read them in a bytes literal.
        source = "".join(chr(b) if b < 128 else f"\\x{b:02x}" for b in text)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(source).body
        except (SyntaxError, ValueError):
            raise BoardError("SyntaxError: invalid syntax") from None
        for statement in body:
            value = getattr(statement, "value", None)
            if isinstance(value, ast.Starred):
                raise BoardError("SyntaxError: *x must be assignment target")
            signed = isinstance(value, ast.UnaryOp)  # a byte of noise stood in the line
            if isinstance(value, ast.UnaryOp):
                value = value.operand
            if not isinstance(value, ast.Call):
                # All that damage makes of a call begins with a name that nobody has defined.
                name = value.id if isinstance(value, ast.Name) else "?"
                raise BoardError(f"NameError: name '{name}' isn't defined")
            yield from self._call(value)
            if signed:
                raise BoardError("TypeError: unsupported type for operator")

    def _call(self, call: ast.Call) -> Steps:
        name = ast.unparse(call.func)
        if name == "agent" and not call.args:
            self.agent = True
            self._reset()
            return
        if name != "__b" or not self.agent:
            raise BoardError(f"NameError: name '{name}' isn't defined")
        if len(call.args) != 1:
            raise BoardError("TypeError: function takes 1 positional argument")
        (argument,) = call.args
        if isinstance(argument, ast.Name):
            raise BoardError(f"NameError: name '{argument.id}' isn't defined")
        data = argument.value if isinstance(argument, ast.Constant) else b""
        yield from self._handle(data if isinstance(data, bytes) else b"")

    # --------------------------------------------------------------------------------- the agent

    def _safe(self, body: bytes) -> bytes:
        if self.style is Style.TEXT:
            return b64encode(body)
        if self.style is Style.COOKED:
            for byte in b"\x10\n\r":
                body = body.replace(bytes((byte,)), bytes((0x10, byte ^ 0x40)))
        return body

    def frame(self, kind: bytes, seq: int, payload: bytes) -> bytes:
        head = kind + bytes((seq,)) + len(payload).to_bytes(2, "little")
        head += bytes((crc32(head) & 255,)) + TICKS.to_bytes(4, "little")
        body = payload + crc32(payload, crc32(head)).to_bytes(4, "little")
        if self.style is Style.TEXT:
            return self.nonce + self._safe(head) + self._safe(body)
        return self.nonce + self._safe(head + body)

    def start_frame(self, seq: int) -> bytes:
        if self.style is not Style.TEXT:
            return self.nonce + bytes((0x20 | seq & 0x1F,))
        head = bytes((ord("s"), seq))
        return self.nonce + self._safe(head + bytes((crc32(head) & 255,)))

    def _point(self) -> Steps:
        """A moment at which an interrupt may come."""
        self.points += 1
        if self.points - 1 == self.pause_at:
            self.pause_at = -1
            yield "pause"

    def _send(self, kind: bytes, seq: int, payload: bytes) -> Steps:
        frame = self.frame(kind, seq, payload)
        yield from self._point()
        self._out += frame[: len(frame) // 2]
        yield from self._point()
        self._out += frame[len(frame) // 2 :]

    def _handle(self, f: bytes) -> Steps:
        while (yield "read") != 10:
            pass
        yield from self._point()
        n = len(f) - 4
        if n < 2 or crc32(f[:n]).to_bytes(4, "little") != f[n:]:
            yield from self._send(b"n", self._last, b"")
            return
        seq = f[0]
        if seq == self._last:
            yield from self._send(*(self._reply or (b"L", seq, b"")))
            return
        if seq != (self._last + 1) & 255:
            yield from self._send(b"o", self._last, b"")
            return
        self._last = seq
        self._reply: tuple[bytes, int, bytes] | None = None
        yield from self._point()
        self._out += self.start_frame(seq)
        yield from self._point()
        payload = f[1:n]
        if payload[:1] != b"n":
            self._segments = []
        try:
            kind = b"R"
            yield from self._program(payload)
        except KeyboardInterrupt:
            kind, self._segments = b"E", [b"KeyboardInterrupt"]
        except BoardError as raised:
            kind, self._segments = b"E", [str(raised).encode()]
        value = self._segments.pop(0)
        self._reply = (b"M" if self._segments else kind, seq, value)
        while True:
            try:
                yield from self._send(*self._reply)
                return
            except KeyboardInterrupt:
                pass

    # ------------------------------------------------------------------------------ its programs

    def _program(self, payload: bytes) -> Steps:
        """Run one request; its answer is what ``_segments`` holds then."""
        operation, text = payload[:1], payload[1:]
        if operation == b"n":
            return
        self._segments = [b"=" + text]
        if operation == b"q":
            self._segments = [b""]
            return
        self.ran[payload] += 1
        if operation in b"wil":
            yield from self._slow_program(operation, text)
        elif operation == b"p":  # print
            for at in range(0, len(text), 3):
                self.print(text[at : at + 3])
                yield from self._point()
        elif operation == b"m":  # an answer in three segments
            self._segments = [text + b"1", text + b"2", text + b"3"]
        elif operation == b"x":
            raise BoardError("ValueError: " + text.decode())
        elif operation == b"z":
            raise SystemExit

    def _slow_program(self, operation: bytes, text: bytes) -> Steps:
        if operation == b"w":  # run for a while; the first byte says how long
            for _ in range(text[0]):
                yield "busy"
            self.print(text[1:])
        elif operation == b"i":  # input(): takes whatever comes
            while (byte := (yield "read")) not in b"\r\n":
                self.swallowed.append(byte)
        else:  # two lines of a stream
            lines: list[bytes] = []
            for _ in range(2):
                yield from self._receive(lines)
            self._segments = [b"|".join(lines)]

    def _receive(self, lines: list[bytes]) -> Steps:
        while True:
            yield from self._send(b"k", self._line, (64).to_bytes(2, "little"))
            line = bytearray()
            while (byte := (yield "read")) != 10:
                line.append(byte)
            try:
                body = self._plain(bytes(line))
            except (ValueError, IndexError):
                continue
            n = len(body) - 4
            good = n > 0 and crc32(body[:n]).to_bytes(4, "little") == body[n:]
            if good and body[0] == self._line:
                self._line = (self._line + 1) & 255
                yield from self._send(b"a", body[0], b"")
                lines.append(body[1:n])
                return

    def _plain(self, line: bytes) -> bytes:
        if self.style is Style.TEXT:
            return b64decode(line)
        first, *rest = line.split(b"\x10")
        return first + b"".join(bytes((part[0] ^ 0x40,)) + part[1:] for part in rest)


class Hang(AssertionError):
    """Neither side would ever do anything again."""


def no_fault(data: bytes) -> bytes:
    return data


class Talk:
    """An exchange and a board, with a link between them that can do harm.

    Args:
        style: how frames travel.
        up: what becomes of bytes on their way to the board.
        down: and on their way back.
        split: hand the board's bytes to the exchange one by one.
    """

    def __init__(
        self,
        style: Style = Style.RAW,
        up: Callable[[bytes], bytes] = no_fault,
        down: Callable[[bytes], bytes] = no_fault,
        *,
        split: bool = False,
        agent: bool = True,
    ) -> None:
        self.board = ModelBoard(style, agent=agent)
        self.exchange = Exchange(NONCES[style], style, cooked_text=style is Style.COOKED)
        self.up, self.down, self.split = up, down, split
        self.silences = 0
        self.events: list[ExchangeEvent] = []
        self.lines: Iterable[bytes] = iter([])

    def call(self, payload: bytes, prefix: bytes = b"") -> list[ExchangeEvent]:
        """One request to its end."""
        self.exchange.request(payload, prefix)
        return self.finish()

    def finish(self, *, deadline: int | None = None) -> list[ExchangeEvent]:
        """Until the request has ended; what happened, prints merged.

        Args:
            deadline: silences and ticks after which the host interrupts; None: it never does.

        Raises:
            Hang: without a deadline, this would have taken for ever.
        """
        self.events = []
        self.silences = ticks = 0
        while True:
            if self.exchange_bytes():
                continue
            if self.exchange.state is State.IDLE:
                return merged(self.events)
            assert self.silences < 400, "no end"
            ticks += 1
            if ticks == deadline:
                self.exchange.interrupt()
            elif self.exchange.patience is not None:
                self.silences += 1
                self._take(self.exchange.silence())
                self.board.tick()
            elif self.board.state == "read" and deadline is None:
                raise Hang(f"{self.exchange.state}, {self.board.state}")
            else:
                self.board.tick()

    def exchange_bytes(self) -> bool:
        """Carry what either side has to say; whether there was anything."""
        up = self.exchange.data_to_send()
        if up:
            self.board.feed(self.up(up))
        down = self.board.take()
        if down:
            down = self.down(down)
            size = 1 if self.split else max(len(down), 1)
            for at in range(0, len(down), size):
                self._take(self.exchange.receive(down[at : at + size]))
        return bool(up or down)

    def _take(self, events: list[ExchangeEvent]) -> None:
        self.events += events
        for event in events:
            if isinstance(event, LineWanted):
                self.exchange.send_line(next(iter(self.lines), b""))


def merged(events: Iterable[ExchangeEvent]) -> list[ExchangeEvent]:
    """Neighbouring prints as one."""
    result: list[ExchangeEvent] = []
    for event in events:
        last = result[-1] if result else None
        if isinstance(event, Text) and isinstance(last, Text) and event.running == last.running:
            result[-1] = Text(last.data + event.data, event.running)
        else:
            result.append(event)
    return result


def printed(events: Iterable[ExchangeEvent]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Text) and event.running)


def answer_of(events: list[ExchangeEvent]) -> Answer | None:
    answers = [event for event in events if isinstance(event, Answer)]
    assert len(answers) <= 1
    return answers[0] if answers else None


class OneFault:
    """Damages one byte of what passes, at a position that is counted from the start."""

    def __init__(self, position: int, kind: str, bit: int = 0) -> None:
        self.position, self.kind, self.bit = position, kind, bit
        self.passed = 0

    def __call__(self, data: bytes) -> bytes:
        at = self.position - self.passed
        self.passed += len(data)
        if not 0 <= at < len(data):
            return data
        byte = {
            "drop": b"",
            "double": data[at : at + 1] * 2,
            "flip": bytes((data[at] ^ 1 << self.bit,)),
        }[self.kind]
        return data[:at] + byte + data[at + 1 :]


class RandomFaults:
    """Damages each byte with a small probability."""

    def __init__(self, draw: random.Random, rate: float) -> None:
        self.draw, self.rate = draw, rate

    def __call__(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            chance = self.draw.random() / self.rate
            if chance >= 1:
                out.append(byte)
            elif chance < 1 / 3:
                out += bytes((byte, byte))
            elif chance < 2 / 3:
                out.append(byte ^ 1 << self.draw.randrange(8))
        return bytes(out)
