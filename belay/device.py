# SPDX-License-Identifier: Apache-2.0
"""A board, as a Python object."""

from __future__ import annotations

import atexit
import functools
import os
import textwrap
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from belay import errors
from belay.calling import Calling
from belay.events import Events, EventStream
from belay.files import Filing
from belay.history import History
from belay.links import Opened, opener, recorder, tags
from belay.markers import (
    EXECUTERS,
    ExecuterAttribute,
    SetupMarker,
    TaskMarker,
    TeardownMarker,
    ThreadMarker,
    bind_class_executers,
    has_class_executers,
)
from belay.mounting import Mounting
from belay.output import STDOUT, InputLines, TextSink
from belay.recovery import Recovery
from belay.registry import DeviceMeta
from belay.session.facts import Implementation, implementation_of
from belay.session.session import Session
from belay.setups import Farewell, SetupExecuter, TeardownExecuter
from belay.simulation import Simulated, show_files
from belay.source.linemap import SourceMap
from belay.startup import statements_of
from belay.syncing import Syncing
from belay.tasks import TaskExecuter, ThreadExecuter
from belay.timekeeping import Timekeeping
from belay.transports import Transport

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

    from belay.aio import AsyncDevice, Worker
    from belay.batch import Batch
    from belay.recording import Recording
    from belay.session.taping import Recorder
    from belay.transports.usb import UsbSpecifier

__all__ = ["STDOUT", "Device", "TextSink"]

_USUAL_PASSWORD = str(b"python", "ascii")
"""Belay 0.30's default, as an object of its own: whether a password was given can be seen."""

_BOOT_ATTEMPTS = 30
"""How often to connect again, 1 s apart, while a board that was reset joins its Wi-Fi."""


class Device(
    Calling, Syncing, Filing, Timekeeping, Mounting, Simulated, metaclass=DeviceMeta, root=True
):
    """A MicroPython or CircuitPython board.

    Args:
        device: address of the board: a serial port (``/dev/ttyACM0``, ``COM5``), a USB device
            (``usb:2e8a:0005``, ``usb:serial=…``), a board with WebREPL (``ws://host``) or telnet
            (``192.168.4.1``), ``exec:command line``, or ``virtual:``, a real MicroPython that
            runs on this computer; a name that is configured; or a :class:`belay.UsbSpecifier`,
            or its JSON. None takes the environment variable ``BELAY_DEVICE``, or else the
            configured default or only name, or else the only USB device that there is. An open
            :class:`belay.transports.Transport` is taken as it is; a function that opens one is
            called, and called again to reconnect.
        baudrate: line rate, where the address does not give one.
        user: name for boards that ask for one (telnet).
        password: for boards that ask for one (telnet, WebREPL). Where none is given, it is that of
            the environment variable ``BELAY_PASSWORD``.
        exclusive: refuse a port that another program holds, and keep others out.
        startup: statements to run first. None imports what Belay 0.30 imports (``os``, ``sys``,
            ``time``, ``machine``, ``Pin``, …) where it exists and the name is free. With
            statements of your own, or ``""`` for none, it is ``os``, ``sys`` and ``time``; with
            ``reset=False`` nothing.
        attempts: how often to connect again when the link ends or the board was reset, 1 s apart;
            0 never, negative for ever. Setups, definitions and statements are then repeated,
            calls are not.
        auto_sync_time: where the time of a value is asked for and the board's answers so far do
            not tell its clock well enough, ask it.
        reset: soft-reset the board first, as Belay does. False attaches: what runs is
            interrupted, and everything in memory stays. So it is over WebREPL in any case, as in
            Belay, for a reset would end the link.
        timeout: default limit in seconds of every call; None lets calls take their time.
        connect_timeout: seconds that connecting may take.
        stdin: what answers ``input()`` and ``sys.stdin.readline()`` on the board: a function
            without arguments that returns a line (``EOFError`` ends the input), or an object with
            ``readline``. None is ``input``.
        record: file in which all that is said is recorded, for ``replay:FILE``; or a
            :class:`belay.Recording`.
        builtin_errors: let exceptions of the board also be Python's own, so that
            ``except ValueError:`` catches one.

    Attributes:
        implementation: the Python that runs on the board.

    Raises:
        AddressError: the address cannot be understood.
        ConnectionFailedError: one of its subclasses says what is wrong and what to try.
    """

    setup = ExecuterAttribute(SetupMarker, SetupExecuter)
    task = ExecuterAttribute(TaskMarker, TaskExecuter)
    thread = ExecuterAttribute(ThreadMarker, ThreadExecuter)
    teardown = ExecuterAttribute(TeardownMarker, TeardownExecuter)

    MAX_CMD_HISTORY_LEN = 1000
    """Belay 0.30's limit of what it repeats. There is none here."""

    def __init__(
        self,
        device: str | os.PathLike[str] | UsbSpecifier | Opened | None = None,
        baudrate: int = 115200,
        user: str = "micro",
        password: str = _USUAL_PASSWORD,
        *,
        exclusive: bool = True,
        startup: str | None = None,
        attempts: int = 0,
        auto_sync_time: bool = True,
        reset: bool = True,
        timeout: float | None = None,
        connect_timeout: float = 30.0,
        stdin: Any = None,
        builtin_errors: bool = False,
        record: str | os.PathLike[str] | Recording | None = None,
    ) -> None:
        known = password if password is not _USUAL_PASSWORD else None
        self._open = opener(device, baudrate, exclusive, connect_timeout, user, known)
        taped = recorder(record, device, self._open, known)
        late = ""
        if startup and has_class_executers(type(self)):
            startup, late = "", textwrap.dedent(startup)  # behind the tasks: it can call them
        self._startup = statements_of(startup, reset=reset)
        self._reset = reset
        self._connect_timeout = connect_timeout
        self._timeout = timeout
        self._builtin_errors = builtin_errors
        self._sources = SourceMap(tags(self._open, taped))
        self._begin_empty(stdin)
        self._recovery = Recovery(self, attempts)
        self._holder = _Holder(self._open, taped)
        self._farewell = self._holder.farewell
        self._auto_sync_time = auto_sync_time
        try:
            self._adopt(self._connect(0))
        except BaseException:
            self._holder.end()
            raise
        show_files(self._sources, self._session.transport.board_address)
        # Closes when the Device is forgotten, and at exit; holds no reference to it.
        self._finalizer = weakref.finalize(self, self._holder.close)
        self._at_exit = functools.partial(_close_at_exit, weakref.ref(self))
        try:
            self._begin(late)
        except BaseException:
            self._farewell.clear()  # what they would undo has not been done
            Device.close(self)
            raise

    def _begin_empty(self, stdin: Any) -> None:
        """What fills up while the Device is used."""
        self._lines = InputLines(stdin)
        self._batches: dict[int, Batch] = {}
        self._aio: Worker | None = None
        self._history = History()
        self._events = Events()
        self._executers: dict[str, dict[str, Callable[..., Any]]] = {kind: {} for kind in EXECUTERS}
        self._listening = False

    def _begin(self, startup: str) -> None:
        """What a subclass brings, in the order that Belay 0.30 has."""
        autoinit = bind_class_executers(self, startup)
        self.__pre_autoinit__()
        for setup in autoinit:
            setup()
        atexit.register(self._at_exit)  # the newest Device is closed first
        self.__post_init__()

    def __pre_autoinit__(self) -> None:
        """For subclasses: called before the setups with ``autoinit=True`` run."""

    def __post_init__(self) -> None:
        """For subclasses: called when all else is done."""

    # ---------------------------------------------------------------------------- calls

    # Properties, since a subclass may have a task of the same name, which then wins.

    @property
    def timeout(self) -> float | None:
        """The default limit of calls, in seconds; None for none."""
        return self._timeout

    @timeout.setter
    def timeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    @property
    def builtin_errors(self) -> bool:
        """Whether exceptions of the board are also Python's own, such as ``ValueError``."""
        return self._builtin_errors

    @builtin_errors.setter
    def builtin_errors(self, value: bool) -> None:
        self._builtin_errors = value

    @property
    def aio(self) -> AsyncDevice:
        """The same board for :mod:`asyncio`: ``await device.aio("2 ** 100")``."""
        from belay.aio import AsyncDevice

        return AsyncDevice(self)

    def interrupt(self) -> None:
        """Stop what the board runs, from any thread: the call there raises KeyboardInterrupt."""
        self._session.interrupt()

    # ---------------------------------------------------------------------------- events

    def on(self, topic: Any, callback: Callable[[Any], object] | None = None) -> Any:
        """Call a function with every value that the board emits on a topic.

        On the board: ``import belay; belay.emit("button", 1)``, also from a timer or a pin's
        interrupt. Callbacks are called one after another in a thread of their own; they may call
        this Device. What one raises is logged, and stops nothing.

        Args:
            topic: what the board gives as topic.
            callback: called with the value. None: this is a decorator.

        Returns:
            The callback.
        """
        if callback is None:
            return lambda function: Device.on(self, topic, function)
        self._refuse_closed()
        self._need_agent()
        self._events.on(topic, callback)
        self._listen()
        return callback

    def off(self, topic: Any, callback: Callable[[Any], object] | None = None) -> None:
        """Undo :meth:`on`, for one callback or for all of a topic."""
        self._events.off(topic, callback)

    def events(self, topic: Any, *, maxlen: int = 10_000, return_time: bool = False) -> EventStream:
        """The values that the board emits on a topic from now on, as an iterator.

        Args:
            topic: what the board gives as topic.
            maxlen: most values that wait for the iterator; then the oldest are dropped, and
                counted in its ``dropped``.
            return_time: yield tuples of a value and its time on the host's clock.
        """
        self._refuse_closed()
        self._need_agent()
        time_of = self._board_time if return_time else None
        stream = self._events.stream(topic, maxlen, time_of, self._clock)
        self._listen()
        return stream

    # ---------------------------------------------------------------------------- connection

    @property
    def connected(self) -> bool:
        """Whether the link stands, as far as can be seen without sending anything."""
        return not self._session.closed and self._session.alive()

    @property
    def attempts(self) -> int:
        """How often to connect again."""
        return self._recovery.attempts

    @attempts.setter
    def attempts(self, attempts: int) -> None:
        self._recovery.attempts = attempts
        self._session.careful = attempts != 0

    def on_disconnect(self, callback: Callable[[Exception], object]) -> Any:
        """Call a function with the error when the link ends, also between calls. A decorator."""
        self._recovery.on_disconnect.append(callback)
        self._listen()
        return callback

    def on_reconnect(self, callback: Callable[[], object]) -> Any:
        """Call a function when the board is there again, set up as before. A decorator."""
        self._recovery.on_reconnect.append(callback)
        return callback

    def reconnect(self, attempts: int | None = None) -> None:
        """Connect anew, and repeat setups, definitions and statements.

        Args:
            attempts: how often to try, 1 s apart; negative for ever. None: as often as the
                Device does by itself, or once.

        Raises:
            ConnectionLost: it could not be done.
            DeviceClosedError: the Device was closed.
        """
        self._refuse_closed()
        self._recovery.again(attempts)

    def soft_reset(self) -> None:
        """Clear the board's memory and run ``boot.py``; tasks and mounted folders are there again.

        Setups and statements are not repeated, and proxies stand for nothing any more. Over
        WebREPL the link ends with it and is made anew, as by :meth:`reconnect`, for which
        ``boot.py`` must start WebREPL.
        """
        try:
            self._restart(reset=True)
        except errors.ConnectionFailedError:
            if self._session.transport.survives_reset:
                raise
            self._recovery.again(_BOOT_ATTEMPTS)
        else:
            self._history.replay(self, "define", "startup", "mount")

    def terminal(self, *, exit_char: str = "\x1d") -> None:
        """Talk to the board's prompt from this terminal, until ``exit_char`` (Ctrl-]) is typed.

        What was defined by hand stays. Afterwards the Device goes on as before.

        Args:
            exit_char: ends it.
        """
        from belay.terminal import run_terminal

        self._session.lend(lambda link: run_terminal(link, exit_char, lent=True))
        self._history.replay(self, "mount")

    # ---------------------------------------------------------------------------- the end

    def close(self) -> None:
        """Leave the board at its prompt and release the link. Calling it again does nothing.

        A call that another thread has under way is interrupted; it raises DeviceClosedError. Then
        the teardowns run, in the order of their definition. One that fails stops no other, and
        its exception is raised when the link has been released.
        """
        self._recovery.stop()
        try:
            self._holder.close()
        finally:
            if self._session.closed or self._holder.forked:  # and not refused
                if self._aio is not None:
                    self._aio.end()
                self._events.end()
                self._finalizer.detach()
                atexit.unregister(self._at_exit)

    @property
    def address(self) -> str:
        """Address of the board, in its normal form and without a password."""
        return self._session.transport.address

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` has been called."""
        return not self._finalizer.alive

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if not hasattr(self, "_session"):  # a debugger shows one that could not connect
            return f"<{type(self).__name__} (not connected)>"
        state = "closed" if self._session.closed else self.implementation.name
        return f"<{type(self).__name__} {self._session.transport.address} ({state})>"

    # ---------------------------------------------------------------------------- sessions

    def _connect(self, generation: int) -> Session:
        """Open the link and a session on it."""
        try:
            return Session.open(
                self._open(),
                reset=self._reset,
                startup=self._startup,
                timeout=self._connect_timeout,
                output=self._output(STDOUT),
                generation=generation,
                recorder=self._holder.recorder,
            )
        except errors.PyboardException as error:
            self._explain(error)
            raise

    def _adopt(self, session: Session) -> None:
        """Go on with this session."""
        self._session = self._holder.session = session
        self.implementation: Implementation = implementation_of(session.facts)
        session.on_event = self._events.arrived
        session.on_line = self._lines
        session.careful = self.attempts != 0
        self._start_clock(auto_sync_time=self._auto_sync_time)
        if self._listening:
            self._listen()

    def _restart(self, *, reset: bool = False) -> None:
        """The agent and ``startup`` once more, on the link that stands."""
        session = self._session
        session.restart(self._startup, reset=reset, timeout=self._connect_timeout)

    def _refuse_closed(self) -> None:
        if not self._finalizer.alive:
            raise errors.DeviceClosedError("this Device is closed; make a new one")

    def _need_agent(self) -> None:
        if not self._session.agent:
            raise errors.FeatureUnavailableError(
                "this board has no room for belay's agent, which sends events"
            )

    def _listen(self) -> None:
        """From now on take what the board sends between calls."""
        self._listening = True
        session, noticed = self._session, self._recovery.noticed
        session.listen(self._output(STDOUT), lambda error: noticed(session, error))


class _Holder:
    """The current session, for a finalizer that must not refer to the Device."""

    session: Session

    def __init__(self, opens: Callable[[], Transport], taped: Recorder | None) -> None:
        self.farewell = Farewell()
        self.recorder = taped
        self._forget = getattr(opens, "forget_board", None)
        self._process = os.getpid()

    @property
    def forked(self) -> bool:
        """Whether this is a copy in a child process: the board is its parent's."""
        return os.getpid() != self._process

    def close(self) -> None:
        if not self.forked:
            try:
                self.session.close(self.farewell if self.farewell else None)
            finally:
                if self.session.closed:  # and not refused
                    self.end()

    def end(self) -> None:
        """The last that is done, whatever has happened."""
        if self.recorder is not None:
            self.recorder.finish()
        if self._forget is not None:
            self._forget()


def _close_at_exit(device: weakref.ref[Device]) -> None:
    """Close a Device as its class does; its finalizer closes it too, but not more than that."""
    found = device()
    if found is not None:
        found.close()
