# SPDX-License-Identifier: Apache-2.0
"""A session with a board that cannot hold the agent: fewer promises, the same words."""

from __future__ import annotations

import ast
import os
import re
import time
from typing import Any

from belay import errors
from belay.session import requests
from belay.session.conversation import Conversation, OutputHandler
from belay.session.requests import Operation
from belay.session.session import Session, discard
from belay.source.cells import RESULT
from belay.wire.exchange import Answer
from belay.wire.plain import PlainExchange
from belay.wire.values import CannotTravel

__all__ = ["PlainSession"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PLAIN = (type(None), bool, int, float, str, bytes)
_TYPED = (requests.EXECUTE, requests.VALUE, requests.EVALUATE)
_READS = re.compile(r"\b(?:input\s*\(|stdin\b)")
"""What would wait for input that the host takes for its own line to the REPL."""

_CONTROL = re.compile(r"[\x00-\x05]")


class PlainSession(Session):
    """Expressions, statements, calls and prints over bare raw-REPL commands.

    What it lacks, it names: batches, events, streams, buffers and exact floats need the agent.
    """

    agent = False

    def _new_exchange(self) -> None:
        mark = "".join(_LETTERS[byte % len(_LETTERS)] for byte in os.urandom(8))
        self._mark = mark
        self._numbers = {}
        self._extensions = set()
        self._released.clear()
        self.generation += 1
        exchange = PlainExchange(
            mark.encode(), cooked_text=self.facts.cooked_text, timing=self._timing
        )
        self._conversation = Conversation(exchange, self.transport, self._event, self._line)

    def _install(self, startup: str, timeout: float, output: OutputHandler) -> None:
        if startup:
            self.request(requests.EXECUTE, ("<startup>", startup), timeout=timeout, output=output)

    def _reload(self) -> None:
        """There is nothing of ours on the board."""

    def _leave(self) -> None:
        self.transport.write(b"\x03\x03\x02" if self._unsettled else b"\x02")

    def perform(
        self,
        operation: Operation,
        *,
        timeout: float | None = None,
        output: OutputHandler = discard,
    ) -> Any:
        """Run one operation; see :meth:`Session.request`.

        Raises:
            FeatureUnavailableError: the operation needs the agent.
        """
        code, args = operation.code, operation.args
        if code == requests.EXECUTE and len(args) > 2:
            # By itself, in front: the lines of a traceback are those of the statements.
            given = [f"{name}={_literal(value, name)}\n" for name, value in args[2].items()]
            assign = Operation(code, (args[0], "".join(given)))
            self.perform(assign, timeout=timeout, output=output)
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._turn():
            if not self._is_ready():
                self._get_ready(deadline)
            # After that: it may have changed the mark of values.
            typed = self._typed(code, args).encode()
            with self._recorded(operation):
                answer, _ = self._carry(operation, [typed], deadline, output)
        tag = args[0] if code in (requests.EXECUTE, requests.VALUE) else ""
        return self._plain_value(answer, tag)

    def _typed(self, code: bytes, args: tuple[Any, ...]) -> str:
        """What is typed for an operation.

        Raises:
            FeatureUnavailableError: it would read what is typed.
            UnsupportedValueError: it cannot be typed.
        """
        source = self._source(code, args)
        if code in _TYPED and _READS.search(source):
            raise errors.FeatureUnavailableError(
                "this board has no room for belay's agent, so nobody could answer what reads "
                "input() or sys.stdin here; pass the text as an argument"
            )
        if _CONTROL.search(source):
            raise errors.UnsupportedValueError(
                "source with control characters cannot be typed into this board's REPL"
            )
        return source

    def _source(self, operation: bytes, args: tuple[Any, ...]) -> str:
        if operation == requests.EXECUTE:
            return f"{args[1]}\n"
        if operation == requests.VALUE:
            return f"{args[1]}\nprint({self._mark!r}+repr({RESULT}))\ndel {RESULT}\n"
        if operation == requests.EVALUATE:
            expression = args[0]
        elif operation in (requests.CALL, requests.CALL_KEYWORDS):
            keywords = args[1] if operation == requests.CALL_KEYWORDS else {}
            values = args[2:] if operation == requests.CALL_KEYWORDS else args[1:]
            listed = [_literal(value, f"args[{i}]") for i, value in enumerate(values)]
            listed += [f"{key}={_literal(value, key)}" for key, value in keywords.items()]
            expression = f"{args[0]}({','.join(listed)})"
        else:
            raise errors.FeatureUnavailableError(
                f"this board ({self.facts.platform}, {self.facts.free} bytes of heap free) has no "
                "room for belay's agent: expressions, statements, tasks and prints work; batches, "
                "events and streams do not"
            )
        # The line break keeps a comment at the end of the expression from hiding the bracket.
        return f"print({self._mark!r}+repr({expression}\n))\n"

    def _plain_value(self, answer: Answer, tag: str) -> Any:
        if answer.kind == "E":
            raise self._exception([answer.payload], tag)
        text = answer.payload.decode("utf-8", "replace")
        try:
            # Reads literals only; nothing is evaluated.
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise errors.UnsupportedValueError(
                f"result: {text[:80]!r} is no plain value; without the agent only None, bool, int, "
                "float, str, bytes and lists, tuples, dicts and sets of them travel",
                path="result",
            ) from None

    def _exception(self, segments: list[bytes], tag: str = "") -> errors.PyboardException:
        text = b"".join(segments).decode("utf-8", "replace").replace("\r\n", "\n")
        if tag:
            text = re.sub(r'"<stdin>"(?=, line \d+, in <module>)', f'"{tag}"', text)
        last = text.rstrip().rpartition("\n")[2]
        name, _, message = last.partition(":")
        return errors.board_exception(text, (name,), (message.strip(),), [])


def _literal(value: Any, path: str) -> str:
    """A value as source text that means the same on the board."""
    try:
        return _spell(value, path)
    except CannotTravel as error:
        raise requests.unsupported(error, "argument") from None


def _spell(value: Any, path: str) -> str:
    kind = type(value)
    if kind is float and (value != value or value in (float("inf"), float("-inf"))):
        return f"float('{value}')"
    if kind in _PLAIN:
        return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", repr(value))
    if kind is list or kind is tuple:
        items = [_spell(item, f"{path}[{index}]") for index, item in enumerate(value)]
        if kind is list:
            return f"[{','.join(items)}]"
        return f"({','.join(items)}{',' if len(items) == 1 else ''})"
    if kind is dict:
        pairs = [
            f"{_spell(key, path)}:{_spell(item, f'{path}[{key!r}]')}" for key, item in value.items()
        ]
        return f"{{{','.join(pairs)}}}"
    raise CannotTravel(kind.__name__, path, "it needs the agent, which this board cannot hold")
