# SPDX-License-Identifier: Apache-2.0
"""What a board has said about its names: asked where it is idle, remembered where it is not."""

from __future__ import annotations

import contextlib
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from belay.device import Device
    from belay.proxies import ProxyObject
    from belay.session.conversation import OutputHandler
    from belay.session.session import Session

__all__ = ["BUILTINS", "HARMLESS", "MISSING", "Listing", "Question", "about", "modules", "prepare"]

PATIENCE = 0.25
"""Seconds that somebody who has pressed Tab waits for a board."""

_MOST_SECONDS = 3.0
"""After this the board is interrupted; it looks names up, which takes milliseconds."""

_MOST_LISTINGS = 300
_MOST_PREPARED = 24

_HARMLESS = """\
array binascii bluetooth btree builtins cmath collections cryptolib deflate errno esp esp32
framebuf gc hashlib heapq io json machine math micropython mimxrt neopixel network nrf
onewire os platform pyb random re rp2 select socket ssl stm struct sys time uctypes ubinascii
uos ustruct utime vfs zephyr zlib _thread board digitalio analogio busio microcontroller
supervisor storage usb_hid
"""
HARMLESS = frozenset(_HARMLESS.split())
"""Modules that are made of C, or of definitions only: to import one runs nothing of the user's."""

_IDENTIFIER = re.compile(r"[^\W\d]\w*\Z")
_KINDS = {"m": "module", "c": "class", "f": "function", "p": "property", "?": ""}


class Question(NamedTuple):
    """What to ask a board about.

    Attributes:
        names: looked up one in another, in the root.
        module: the root: a module; otherwise ``__main__`` and the builtins.
        proxy: the root: what this stands for.
        deep: the object's ``repr`` is wanted too, where it runs nothing.
    """

    names: tuple[str, ...] = ()
    module: str = ""
    proxy: ProxyObject | None = None
    deep: bool = False

    @property
    def key(self) -> tuple[Any, ...]:
        """What the answer is remembered by."""
        target = None if self.proxy is None else self.proxy._belay_target
        return (self.names, self.module, target)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the board is sent."""
        if self.proxy is not None:
            return (1, self.proxy, self.names, self.deep)
        if self.module:
            return (3 if self.module in HARMLESS else 2, self.module, self.names, self.deep)
        return (0, None, self.names, self.deep)


BUILTINS = Question(module="builtins")


class Listing(NamedTuple):
    """What a board said about one object.

    Attributes:
        kind: ``module``, ``class``, ``function``, ``property``; empty for a value.
        type: the name of its type.
        members: the names in it, and of what kind each is; of a value the name of its type.
        text: its ``repr``, where that was asked for and ran nothing.
    """

    kind: str
    type: str
    members: dict[str, str]
    text: str = ""


MISSING = Listing("", "", {})
"""There is no global of that name."""

_MODULES = ("*modules*",)

_FOLDER = (
    "(lambda o:[(n,o.stat({1!r}+n)[0]&0x4000)for n in o.listdir(*[{0!r}]*bool({0!r}))])"
    "(__import__('os'))"
)


class _Knowledge:
    """What one board has said since it last lost its memory."""

    def __init__(self) -> None:
        self.listings: dict[tuple[Any, ...], Any] = {}
        self.generation: tuple[int, int] = (0, 0)
        self.asking = threading.Lock()

    def check(self, session: Session) -> None:
        """Forget what a board that has lost its memory said before."""
        generation = (id(session), session.generation)
        if generation != self.generation:
            self.generation = generation
            self.listings.clear()

    def take(self, session: Session, key: tuple[Any, ...], answer: Any) -> None:
        """Remember an answer."""
        self.check(session)
        if answer is None:
            self.listings.pop(key, None)
        else:
            self.listings[key] = answer
            if len(self.listings) > _MOST_LISTINGS:
                with contextlib.suppress(KeyError, StopIteration, RuntimeError):
                    del self.listings[next(iter(self.listings))]


_known: weakref.WeakKeyDictionary[Device, _Knowledge] = weakref.WeakKeyDictionary()


def about(device: Device, questions: Sequence[Question]) -> tuple[list[Listing | None], bool]:
    """What a board says about some objects, in one round trip; or what it said the last time.

    Never waits longer than :data:`PATIENCE`: not for a board that runs something, and not for one
    that does not answer.

    Args:
        device: the board.
        questions: about what.

    Returns:
        For each question the answer, None where there is none; and whether the board was asked.
    """
    knowledge = _known.setdefault(device, _Knowledge())

    knowledge.check(device._session)
    # A hundred names that stay as they are: they need not travel with every key.
    asked = [one for one in questions if one != BUILTINS or one.key not in knowledge.listings]

    def ask() -> bool:
        answers = _perform(device, [question.arguments for question in asked])
        if answers is None:
            return False
        for question, answer in zip(asked, answers, strict=True):
            listing = MISSING if answer == 0 else None if answer is None else _listing(answer)
            knowledge.take(device._session, question.key, listing)
        return True

    fresh = _in_time(knowledge, ask)
    knowledge.check(device._session)
    return [knowledge.listings.get(question.key) for question in questions], fresh


def prepare(device: Device) -> None:
    """Ask an idle board now what may be wanted while it runs something: its globals, and into them.

    Takes twice :data:`PATIENCE` at the most, and raises nothing.
    """
    (found, _), fresh = about(device, [Question(), BUILTINS])
    if not fresh or found is None:
        return
    one_of_each = {kind: name for name, kind in found.members.items() if name[:2] != "__"}
    wanted = [name for kind, name in one_of_each.items() if kind not in ("module", "class", "")]
    wanted += [name for name, kind in found.members.items() if kind in ("module", "class")]
    others = [name for name in found.members if name not in wanted]
    questions = [Question((name,)) for name in (wanted + others)[:_MOST_PREPARED]]
    about(device, questions)


def modules(device: Device) -> list[str]:
    """The modules that a board has: built in, frozen, imported, or files in its ``sys.path``."""
    knowledge = _known.setdefault(device, _Knowledge())

    def ask() -> bool:
        printed = bytearray()
        answers = _perform(device, [(4, None, (), False)], printed.extend)
        if answers is None:
            return False
        knowledge.take(device._session, _MODULES, _module_names(answers[0], printed.decode()))
        return True

    _in_time(knowledge, ask)
    return list(knowledge.listings.get(_MODULES, ()))


def folder(device: Device, path: str) -> list[tuple[str, bool]]:
    """The names in a folder of a board, and whether each is a folder.

    Args:
        device: the board.
        path: of the folder; empty for the one that is current there.
    """
    knowledge = _known.setdefault(device, _Knowledge())
    key, prefix = ("*folder*", path), path.rstrip("/") + "/" * bool(path)

    def ask() -> bool:
        from belay.session.requests import EVALUATE, Operation

        operation = Operation(EVALUATE, (_FOLDER.format(path, prefix),))
        session = device._session
        answer = session.perform_if_idle(operation, timeout=_MOST_SECONDS)
        if answer is NotImplemented:
            return False
        knowledge.take(session, key, [(name, bool(is_folder)) for name, is_folder in answer])
        return True

    knowledge.check(device._session)
    _in_time(knowledge, ask)
    return list(knowledge.listings.get(key, ()))


def _in_time(knowledge: _Knowledge, ask: Callable[[], bool]) -> bool:
    """Ask in a thread; False when the answer has not come in time. It will be there next time."""
    if not knowledge.asking.acquire(blocking=False):
        return False  # an earlier one still waits
    done = threading.Event()
    fresh: list[bool] = []

    def work() -> None:
        try:
            fresh.append(ask())
        except BaseException:  # the next cell will find the same, and tell it
            fresh.append(False)
        finally:
            knowledge.asking.release()
            done.set()

    try:
        threading.Thread(target=work, name="belay completion", daemon=True).start()
    except BaseException:
        knowledge.asking.release()
        raise
    return done.wait(PATIENCE) and fresh[0]


def _perform(
    device: Device,
    arguments: list[tuple[Any, ...]],
    output: OutputHandler | None = None,
) -> list[Any] | None:
    from belay.output import STDOUT, handler
    from belay.session import requests
    from belay.session.requests import Operation

    session = device._session
    if not session.agent:
        # What is there can be asked; more would take a program of ours.
        operation = Operation(requests.EVALUATE, ("dir()",))
    else:
        operation = Operation(b"i", (arguments,), "inspection")
    answer = session.perform_if_idle(
        operation, timeout=_MOST_SECONDS, output=output or handler(STDOUT)
    )
    if answer is NotImplemented:
        return None
    if session.agent:
        return list(answer)
    names = ("?", "", answer, b"?" * len(answer), (), "")
    return [names if argument[:3] == (0, None, ()) else None for argument in arguments]


def _listing(answer: Iterable[Any]) -> Listing:
    kind, type_name, names, kinds, types, text = answer
    types = iter(types)
    members = {}
    for name, letter in zip(names, bytes(kinds).decode(), strict=True):
        members[name] = next(types) if letter == "v" else _KINDS[letter]
    return Listing(_KINDS.get(kind, ""), type_name, members, text)


def _module_names(found: Iterable[Any], printed: str) -> list[str]:
    """Names of modules from those that are imported, the files on the path, and the help text."""
    names = []
    for line in printed.splitlines():
        if not line.startswith("Plus any"):
            names += [word.replace("/", ".").removesuffix(".__init__") for word in line.split()]
    for name in found:
        stem, dot, ending = name.partition(".")
        names.append(stem if dot and ending in ("py", "mpy") else name)
    good = {name for name in names if all(map(_IDENTIFIER.match, name.split(".")))}
    return sorted(good - {"__main__"})
