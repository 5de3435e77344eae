# SPDX-License-Identifier: Apache-2.0
"""One question to a board for everything in the notebook that wants to be up to date.

Views and plots say what they want to know and how often. All that is due is asked in one message,
and only while the board is idle: a cell that runs is never delayed by more than the question that
is under way, and its turn is never taken.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from belay.errors import BelayException, PyboardException, StaleProxyError

if TYPE_CHECKING:
    from belay.device import Device
    from belay.proxies import ProxyObject
    from belay.session.requests import Operation
    from belay.session.session import Session

__all__ = ["Answer", "Poller", "Question", "Watch", "ask", "is_busy", "is_closed", "poller_of"]

VALUE, READING, CALLS, MEMBERS, ALIVE, RUN, METHOD, KIN = range(8)
"""The kinds of questions; see belay/onboard/looking.py. Whether an object is still there is known
without asking the board."""

_NAMED = 16
"""Added to a kind: the object is named by an expression."""

log = logging.getLogger("belay")

_PATIENCE = 5.0
"""Seconds after which what was asked is interrupted: a property that never returns, say."""

_AGAIN = 0.05
"""Seconds after which a busy board is asked whether it is idle by now."""

_SETTLES = 1.0
"""Seconds that showing an answer may take; then whoever waits for its end waits no longer."""


class Question(NamedTuple):
    """What is wanted.

    Attributes:
        kind: one of the constants above.
        what: an expression, a name, or a proxy.
        names: of methods, where they are to be called; or the name of a method or of a program
            on the board, and the arguments for it.
        brings: the programs of :mod:`belay.onboard` that have what is to be run.
    """

    kind: int
    what: str | ProxyObject
    names: tuple[Any, ...] = ()
    brings: tuple[str, ...] = ()


class Answer(NamedTuple):
    """What the board said.

    Attributes:
        value: as asked for; None where there is an error.
        error: what the board raised, as text; or empty.
        time: of the host (``time.monotonic()``), when it was asked.
        ended: there will be no other: the board was closed or lost, or the object with a reset.
    """

    value: Any
    error: str = ""
    time: float = 0.0
    ended: bool = False


class Watch:
    """A question that is asked again and again.

    Args:
        question: what.
        callback: takes each answer, in the poller's thread.
        every: seconds between two of them.
        title: what a recording of the session calls it: the first, second, ... to ask this.

    Attributes:
        on_busy: called in place of the callback while the board is busy, again and again.
        taken: how many answers it has handed on.
    """

    def __init__(
        self,
        question: Question,
        callback: Callable[[Answer], object],
        every: float,
        title: str = "watch 1",
    ) -> None:
        self.question = question
        self.callback = callback
        self.every = every
        self.title = title
        self.on_busy: Callable[[], object] = lambda: None
        self.due = 0.0
        self.stopped = False
        self.taken = 0
        self._turn = threading.RLock()

    def take(self, answer: Answer, record: Callable[[], object] = lambda: None) -> None:
        """Hand on an answer, unless it was stopped meanwhile. What raises then is stopped.

        Args:
            answer: what.
            record: called first; a recording has just what was handed on.
        """
        with self._turn:
            if self.stopped:
                return
            record()
            self.taken += 1
            self.stopped = answer.ended
            try:
                self.callback(answer)
            except Exception:
                log.exception("what shows a board's answer has raised")
                self.stopped = True

    def stop(self) -> None:
        """Ask no more. An answer that is being handed on still is, in full."""
        with self.settled():
            self.stopped = True

    @contextmanager
    def settled(self) -> Iterator[None]:
        """While no answer is handed on; unless the one of now waits for whoever calls this."""
        has_turn = self._turn.acquire(timeout=_SETTLES)
        try:
            yield
        finally:
            if has_turn:
                self._turn.release()

    def shown(self, device: Device) -> None:
        """What it has handed on so far is in the notebook now; a recording says so."""
        recorder = device._session.recorder
        if recorder is not None and not self.stopped and self.question.kind != ALIVE:
            now, words = time.monotonic(), question_words(self.question)
            recorder.look(f"{self.title} shown", words, True, self.taken, now, now)


class Poller:
    """Asks one board what all its watches want.

    Attributes:
        polls: how often it has asked.
    """

    def __init__(self, device: Device) -> None:
        self._device = weakref.ref(device)
        self._watches: list[Watch] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._askers: Counter[str] = Counter()
        self.polls = 0

    def watch(
        self,
        question: Question,
        callback: Callable[[Answer], object],
        every: float,
        on_busy: Callable[[], object] = lambda: None,
    ) -> Watch:
        """Ask from now on; the arguments are as for :class:`Watch`.

        Raises:
            ValueError: ``every`` is no time.
        """
        if not every > 0:
            raise ValueError(f"every={every!r}: it must be a number of seconds, such as 0.1")
        asked = repr(question_words(question))
        with self._changed:
            self._askers[asked] += 1
            watch = self._watch_for(question, callback, every, f"watch {self._askers[asked]}")
            watch.on_busy = on_busy
            self._watches.append(watch)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="belay polls", daemon=True)
                self._thread.start()
        return watch

    def _watch_for(
        self, question: Question, callback: Callable[[Answer], object], every: float, title: str
    ) -> Watch:
        return Watch(question, callback, every, title)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._watches = [one for one in self._watches if not one.stopped]
                if not self._watches:
                    self._thread = None
                    return
                now = time.monotonic()
                due = [one for one in self._watches if one.due <= now + 1e-3]
                if not due:
                    self._changed.wait(min(one.due for one in self._watches) - now)
                    continue
            self._poll(due)

    def _poll(self, due: list[Watch]) -> None:
        device = self._device()
        if device is None:
            gone = Answer(None, "the board is gone", ended=True), _nothing
            answers: list[_Heard] | None = [gone] * len(due)
        else:
            titles = [one.title for one in due]
            answers = _ask(device, [one.question for one in due], titles)
        if answers is None:
            for one in due:
                one.on_busy()
            with self._changed:
                self._changed.wait(_AGAIN)
            return
        self.polls += 1
        now = time.monotonic()
        for one, heard in zip(due, answers, strict=True):
            # At whole multiples of the interval: what is asked as often is asked together.
            one.due = (now // one.every + 1) * one.every
            one.take(*heard)


def _nothing() -> None:
    """What there is to record of an answer that no board has given."""


_Heard = tuple[Answer, Callable[[], None]]
"""An answer, and what puts it into the recording of the session."""


def ask(device: Device, questions: list[Question], *, wait: bool = False) -> list[Answer] | None:
    """Ask once, in one message.

    Args:
        device: the board.
        questions: what.
        wait: for its turn. Without, a board that is busy is not asked.

    Returns:
        The answers, in order; None where the board was busy.
    """
    if device._session.transport.is_recording:
        return _recorded(device, questions)
    heard = _ask(device, questions, ["look"] * len(questions), wait=wait)
    if heard is None:
        return None
    for _, record in heard:
        record()
    return [answer for answer, _ in heard]


def _ask(
    device: Device, questions: list[Question], titles: Sequence[str], *, wait: bool = False
) -> list[_Heard] | None:
    """The same; the titles say in a recording who asks."""
    session = device._session
    known = [known_answer(device, question) for question in questions]
    heard: list[_Heard | None] = [one and (one, _nothing) for one in known]
    asked = [
        (question, title)
        for question, title, gone in zip(questions, titles, known, strict=True)
        if gone is None
    ]
    if not asked:
        return [one for one in heard if one is not None]
    operation, new = _operation(session, [question for question, _ in asked])
    perform = session.perform if wait else session.perform_if_idle
    before = time.monotonic()
    try:
        got = perform(operation, timeout=_PATIENCE, output=session.overhear)
        if got is NotImplemented:
            return None if not session._lost_agent else _after_reset(questions)
        session._extensions |= new
        after = time.monotonic()
        now = (before + after) / 2
        fresh: list[_Heard] = []
        for (one, title), (ok, value) in zip(asked, got, strict=True):
            record: Callable[[], None] = _nothing
            if session.recorder is not None:
                words = question_words(one)
                record = partial(session.recorder.look, title, words, ok, value, before, after)
            fresh.append((Answer(value, time=now) if ok else Answer(None, value, now), record))
    except (PyboardException, KeyboardInterrupt) as error:
        failed = Answer(None, str(error) or type(error).__name__, before)
        fresh = [(failed, _nothing)] * len(asked)
    except BelayException as error:
        over = device.closed or session.closed or not session.alive()
        fresh = [(Answer(None, str(error), before, over), _nothing)] * len(asked)
    rest = iter(fresh)
    return [next(rest) if one is None else one for one in heard]


def is_busy(device: Device) -> bool:
    """Whether a call is under way. The thread that listens between calls does not count."""
    session = device._session
    listener = session._listener
    idle = (None,) if listener is None else (None, listener._thread.ident)
    return session._owner not in idle


def is_closed(device: Device) -> bool:
    """Whether somebody has closed it, or is just closing it."""
    session = device._session
    return device.closed or (session.closed and not session._dropped)


def _after_reset(questions: list[Question]) -> list[_Heard]:
    """The board was reset, and no call has set it up again yet: names may come back with one."""
    text = "the board was reset"
    return [
        (Answer(None, text, ended=not isinstance(one.what, str)), _nothing) for one in questions
    ]


def _operation(session: Session, asked: list[Question]) -> tuple[Operation, set[str]]:
    """What asks a board, with the programs that it needs there; and which of these are new."""
    from belay.session.onboard import load
    from belay.session.requests import LOOK, USE, Operation

    known = set() if session._lost_agent else session._extensions
    new = {name for one in asked for name in one.brings} - known
    code = b"L"
    values: tuple[Any, ...] = (list(map(question_words, asked)),)
    for name in sorted(new):
        values = name, load(name), code[0], values
        code = USE
    return Operation(code, values, "looking", LOOK, session.generation), new


def question_words(question: Question) -> tuple[int, Any, list[Any]]:
    """A question as the board understands it."""
    kind, what = question.kind, question.what
    operand = what if isinstance(what, str) else what._belay_operand
    if kind != VALUE and isinstance(operand, str):
        kind += _NAMED
    return kind, operand, list(question.names)


def _recorded(device: Device, questions: list[Question]) -> list[Answer] | None:
    """The same, of a recording; what was not asked then is answered as by a busy board."""
    answers = []
    for question in questions:
        answer = known_answer(device, question) or next_recorded(
            device, question, "look", due=False
        )
        if answer is None:
            return None
        answers.append(answer)
    return answers


def next_recorded(device: Device, question: Question, title: str, *, due: bool) -> Answer | None:
    """The next answer of a recording.

    Args:
        device: the board.
        question: what.
        title: who asks.
        due: only one that the program has reached.

    Returns:
        None where there is none.
    """
    from belay.session.replaying import next_look

    look = next_look(device._session, title, question_words(question), due=due)
    if look is None:
        return None
    value, error = (look.value, "") if look.ok else (None, str(look.value))
    return Answer(value, error, look.moment)


def known_answer(device: Device, question: Question) -> Answer | None:
    """The answer to a question that there is no sense in asking, and to :data:`ALIVE`."""
    if device.closed:
        return Answer(None, "the board is closed", ended=True)
    if not isinstance(question.what, str):
        try:
            question.what._belay_check()
        except StaleProxyError:
            return Answer(None, "the board was reset, and the object is gone", ended=True)
    if question.kind != ALIVE:
        return None
    return Answer(True) if device._session.alive() else Answer(None, "the link ended", ended=True)


_pollers: weakref.WeakKeyDictionary[Device, Poller] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def poller_of(device: Device) -> Poller:
    """The one that asks this board, for everybody."""
    with _lock:
        poller = _pollers.get(device)
        if poller is None:
            kind = Poller
            if device._session.transport.is_recording:
                from belay_jupyter.playedpolls import PlayedPoller

                kind = PlayedPoller
            poller = _pollers[device] = kind(device)
    return poller
