# SPDX-License-Identifier: Apache-2.0
"""The board's friendly prompt for a person, while a session has stepped aside for it.

Unlike :meth:`belay.session.channel.Channel.lend`, the agent stays on the board, with everything
that it keeps for the host: proxies, tasks and mounted folders are as before when the session comes
back. Only the prompt's own ``input`` is put in place of the agent's meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from belay import errors

if TYPE_CHECKING:
    from belay.session.channel import Channel

__all__ = ["Visit", "visit"]

_END = b"\x04>"
_REPLY_END = b"\x04\x04>"
_PATIENCE = 3.0
"""Seconds that a board has to answer a command of ours at its raw prompt."""

_MODULES = b"(__import__('builtins'),__import__('belay'))\nexcept AttributeError:0\n\x04"
_THEIRS = (
    b"try:(lambda b,m:(setattr(m,'ask',eval('input',{})),setattr(b,'input',m.console)))" + _MODULES
)
"""Programs at the prompt read its input. ``builtins.input`` is the port's own one even where it was
replaced, so it is looked up as a name. Some ports let nobody replace it."""

_OURS = b"try:(lambda b,m:hasattr(m,'ask')and setattr(b,'input',m.ask))" + _MODULES
"""Ends in an ImportError where the agent is gone: after a soft reset."""


class Visit:
    """The link, from the moment when the board shows its friendly prompt.

    Args:
        session: whose link it is.
    """

    def __init__(self, session: Channel) -> None:
        self._session = session

    @property
    def wanted(self) -> bool:
        """Whether a call waits for its turn."""
        return bool(self._session.waiting)

    @property
    def over(self) -> bool:
        """Whether the session is being closed, and waits for the end of this."""
        return self._session._closed

    def interrupted(self) -> bool:
        """Whether somebody has asked to stop what runs on the board; asking takes it back."""
        conversation = self._session._conversation
        asked, conversation.interrupt_asked = conversation.interrupt_asked, False
        return asked

    def write(self, data: bytes) -> None:
        """Send bytes to the board; any thread may."""
        self._session.transport.write(data)

    def read(self, timeout: float | None) -> bytes:
        """What the board has sent, events taken out and given to whom they are for.

        Args:
            timeout: seconds to wait for something.

        Raises:
            ConnectionLost: the link ended.
        """
        heard: list[bytes] = []
        conversation = self._session._conversation
        if self._session.transport.wait(timeout):
            conversation.take_waiting(heard.append)
        else:
            conversation.take_rest(heard.append)
        return b"".join(heard)


def visit(session: Channel, use: Callable[[Visit], object]) -> bool:
    """Leave the board at its friendly prompt, let ``use`` have the link, and come back.

    Args:
        session: which has its turn for it, when it comes.
        use: is to return when the board shows an empty prompt. It runs in this thread.

    Returns:
        Whether all that was in the board's memory is still there. False: the board was reset.

    Raises:
        ConnectionLost: the link ended.
    """
    if session.transport.is_recording:
        raise errors.FeatureUnavailableError("a recording has no prompt to type at")
    if not session.agent:
        raise errors.FeatureUnavailableError(
            "this board has no room for belay's agent, so its prompt cannot be shared: use "
            "`belay terminal`, or device.terminal()"
        )
    with session._turn():
        if not session._is_ready():
            session._get_ready(None)
        session._conversation.interrupt_asked = False
        recorder = session.recorder
        with nullcontext() if recorder is None else recorder.hidden():
            return _visited(session, use)


def _visited(session: Channel, use: Callable[[Visit], object]) -> bool:
    _type(session, _THEIRS)
    try:
        session._conversation.exchange.begin_text()
        session.transport.write(b"\x02")
        use(Visit(session))
        # No line end: it would run what is half typed.
        session.transport.write(b"\x03\x03\x01")
        kept = _type(session, _OURS)
    except BaseException:
        session._unsettled = True
        raise
    if not kept:
        session._lost_agent = session._was_reset = True
    session._conversation.exchange.begin_text()
    return kept


def _type(session: Channel, command: bytes) -> bool:
    """Run a command at the raw prompt that prints nothing; False where it raised.

    Raises:
        BoardBusyError: no answer came.
    """
    heard: list[bytes] = []
    end = time.monotonic() + _PATIENCE
    session._conversation.exchange.begin_text()
    session.transport.write(command)
    while not _is_reply(b"".join(heard)):
        left = end - time.monotonic()
        if left <= 0:
            session._unsettled = True
            raise errors.BoardBusyError("the board does not come back to its prompt")
        if session.transport.wait(left):
            session._conversation.take_waiting(heard.append)
    session._conversation.exchange.begin_text()
    return b"".join(heard).endswith(_REPLY_END)


def _is_reply(seen: bytes) -> bool:
    """Whether it ends as the raw REPL ends what it says to a command."""
    return seen.endswith(_END) and seen.count(b"\x04") >= 2
