# SPDX-License-Identifier: Apache-2.0
"""A board, as a Python object."""

from __future__ import annotations

import codecs
import os
import sys
import textwrap
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from belay import errors
from belay.executers import TaskDecorator
from belay.session import requests
from belay.session.conversation import OutputHandler
from belay.session.facts import Implementation, implementation_of
from belay.session.session import Session
from belay.source.capture import Captured
from belay.source.cells import is_expression, leaves_code, with_result
from belay.source.linemap import HERE, Origin, SourceMap
from belay.transports import Transport, open_transport

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

__all__ = ["STDOUT", "Device", "TextSink"]


class TextSink(Protocol):
    """What printed text can be written to: any text file, or less."""

    def write(self, text: str, /) -> object:
        """Take some text."""


class _Stdout:
    """Stands for ``sys.stdout`` as it is when text arrives, not when a function was defined."""

    def write(self, text: str, /) -> object:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()

    def isatty(self) -> bool:
        return sys.stdout.isatty()


STDOUT: TextSink = _Stdout()

_IMPORTS = (
    "import os",
    "import sys",
    "import time",
    "from time import sleep",
    "from micropython import const",
    "import machine",
    "from machine import Pin",
    "from machine import Timer",
    "from machine import PWM",
    "from machine import I2C",
    "from machine import SPI",
    "from machine import ADC",
    "import board",
    "import digitalio",
    "import analogio",
    "from busio import I2C",
    "from busio import SPI",
)
"""What Belay 0.30 imports on MicroPython, then on CircuitPython: asking which of them runs would
cost a round trip."""

_CONVENIENCE = f"""\
def __b(g):
 for s in {_IMPORTS!r}:
  if s.split()[-1] not in g:
   try:exec(s,g)
   except(ImportError,AttributeError):pass
__b(globals())
del __b
"""
"""A name that is taken stays as it is, and what the board lacks is left out."""


class Device:
    """A MicroPython or CircuitPython board.

    Args:
        device: address of the board: a serial port (``/dev/ttyACM0``, ``COM5``), a pyserial URL
            (``socket://host:port``, ``rfc2217://…``), ``exec:command line``, or ``virtual:``, a
            real MicroPython that runs on this computer. None takes the environment variable
            ``BELAY_DEVICE``. An open :class:`belay.transports.Transport` is taken as it is.
        baudrate: line rate, where the address does not give one.
        exclusive: refuse a port that another program holds, and keep others out.
        startup: statements to run first. None imports what Belay 0.30 imports (``os``, ``sys``,
            ``time``, ``machine``, ``Pin``, …) where it exists and the name is free; ``""`` runs
            nothing.
        reset: soft-reset the board first, as Belay does. False attaches: what runs is
            interrupted, and everything in memory stays.
        timeout: default limit in seconds of every call; None lets calls take their time.
        connect_timeout: seconds that connecting may take.

    Attributes:
        implementation: the Python that runs on the board.
        timeout: the default limit of calls.

    Raises:
        AddressError: the address cannot be understood.
        ConnectionFailedError: one of its subclasses says what is wrong and what to try.
    """

    def __init__(
        self,
        device: str | os.PathLike[str] | Transport | None = None,
        baudrate: int = 115200,
        *,
        exclusive: bool = True,
        startup: str | None = None,
        reset: bool = True,
        timeout: float | None = None,
        connect_timeout: float = 30.0,
    ) -> None:
        if device is None:
            device = os.environ.get("BELAY_DEVICE", "")
            if not device:
                raise errors.AddressError(
                    "no board was named: give an address such as '/dev/ttyACM0', 'COM5' or "
                    "'virtual:', or set the environment variable BELAY_DEVICE"
                )
        if not isinstance(device, Transport):
            address = os.fspath(device) if isinstance(device, os.PathLike) else device
            device = open_transport(
                address, baudrate=baudrate, exclusive=exclusive, timeout=connect_timeout
            )
        self.timeout = timeout
        self._sources = SourceMap(os.urandom(2).hex())
        sink = _handler(STDOUT)
        try:
            self._session = Session.open(
                device,
                reset=reset,
                startup=_CONVENIENCE if startup is None else startup,
                timeout=connect_timeout,
                output=sink,
            )
        except errors.PyboardException as error:
            self._explain(error)
            raise
        self.implementation: Implementation = implementation_of(self._session.facts)
        # Closes when the Device is forgotten, and at exit; holds no reference to it.
        self._finalizer = weakref.finalize(self, self._session.close)

    # ---------------------------------------------------------------------------- calls

    def __call__(
        self,
        cmd: str,
        *,
        stream_out: TextSink | None = STDOUT,
        timeout: float | None = None,
    ) -> Any:
        """Run code on the board, in its ``__main__``.

        Args:
            cmd: an expression, or statements.
            stream_out: takes what is printed, as it arrives; None discards it.
            timeout: seconds after which the code is interrupted; None: the Device's default.

        Returns:
            The value of an expression; None for statements.

        Raises:
            PyboardException: the code raised.
            CallTimeoutError: it was interrupted at ``timeout``.
            UnsupportedValueError: the value cannot travel; says where in it.
        """
        source = textwrap.dedent(cmd)
        if is_expression(source):
            source = source.strip()
            here = Origin(HERE, text=source)
            return self._request(requests.EVALUATE, (source,), stream_out, timeout, here)
        here = Origin(HERE, text=source)
        tag = self._sources.add(here) if leaves_code(source) else HERE
        return self._request(requests.EXECUTE, (tag, source), stream_out, timeout, here)

    def run_cell(
        self,
        source: str,
        *,
        filename: str = "<cell>",
        first_line: int = 1,
        label: str = "",
        result: bool = True,
        stream_out: TextSink | None = STDOUT,
        timeout: float | None = None,
    ) -> Any:
        """Run statements on the board; the value of the last one, if it is an expression.

        Args:
            source: the statements. A semicolon behind the last one asks for no value.
            filename: where the source stands, for tracebacks.
            first_line: at which line of it.
            label: what tracebacks show in place of the file name, such as ``Cell In[3]``.
            result: whether the value is wanted; False leaves it on the board.
            stream_out: takes what is printed, as it arrives; None discards it.
            timeout: seconds after which the code is interrupted; None: the Device's default.

        Returns:
            The value, or None.
        """
        tag = self._sources.add(Origin(filename, first_line, label, source))
        text, has_value = with_result(source) if result else (source, False)
        operation = requests.VALUE if has_value else requests.EXECUTE
        return self._request(operation, (tag, text), stream_out, timeout)

    @property
    def task(self) -> TaskDecorator:
        """Decorator: the function moves to the board, and calling it runs it there.

        Bare or with options::

            @device.task
            def area(w, h):
                return w * h

            @device.task(timeout=2)
            def measure():
                ...
        """
        return TaskDecorator(self)

    def interrupt(self) -> None:
        """Stop what the board runs, from any thread: the call there raises KeyboardInterrupt."""
        self._session.interrupt()

    # ---------------------------------------------------------------------------- the end

    def close(self) -> None:
        """Leave the board at its prompt and release the link. Calling it again does nothing.

        A call that another thread has under way is interrupted; it raises DeviceClosedError.
        """
        self._session.close()
        self._finalizer.detach()

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
        state = "closed" if self.closed else self.implementation.name
        return f"<{type(self).__name__} {self.address} ({state})>"

    # ---------------------------------------------------------------------------- for executers

    def _define(self, captured: Captured) -> None:
        """Put a function on the board."""
        tag = self._sources.add(Origin(captured.filename, captured.first_line, "", captured.text))
        self._ask(self._session.define, (tag, captured.text, captured.name), STDOUT, None)

    def _call(
        self,
        name: str,
        args: tuple[Any, ...],
        keywords: dict[str, Any],
        stream_out: TextSink | None,
        timeout: float | None,
    ) -> Any:
        return self._ask(self._session.call, (name, args, keywords), stream_out, timeout)

    def _request(
        self,
        operation: bytes,
        args: tuple[Any, ...],
        stream_out: TextSink | None,
        timeout: float | None,
        here: Origin | None = None,
    ) -> Any:
        return self._ask(self._session.request, (operation, args), stream_out, timeout, here)

    def _ask(
        self,
        method: Callable[..., Any],
        args: tuple[Any, ...],
        stream_out: TextSink | None,
        timeout: float | None,
        here: Origin | None = None,
    ) -> Any:
        """Call a method of the session, with the host's files in what it raises."""
        try:
            return method(
                *args,
                output=_handler(stream_out),
                timeout=self.timeout if timeout is None else timeout,
            )
        except errors.PyboardException as error:
            self._explain(error, here)
            # What happened is on the board or in the caller's code; our own frames hide it.
            raise error.with_traceback(None)  # noqa: B904 - the same exception
        except (KeyboardInterrupt, errors.CallTimeoutError) as error:
            if isinstance(error.__cause__, errors.PyboardException):
                self._explain(error.__cause__, here)
                error.__cause__.__traceback__ = None
            raise error.with_traceback(None)  # noqa: B904 - the same exception

    def _explain(self, error: errors.PyboardException, here: Origin | None = None) -> None:
        """Put the host's files and lines into a board's traceback."""
        text, error.frames = self._sources.translate(str(error.args[0]), here)
        error.args = (text,)


def _handler(sink: TextSink | None) -> OutputHandler:
    """Bytes from the board to text for the sink, also when a character comes in two parts."""
    if sink is None:
        return _discard
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    write = sink.write
    isatty: Callable[[], bool] | None = getattr(sink, "isatty", None)
    flush: Callable[[], object] | None = None

    def handle(data: bytes) -> None:
        nonlocal flush, isatty
        text = decode(data)
        if text:
            write(text)
        if isatty is not None:
            # Asked once something is printed: most calls print nothing.
            flush = getattr(sink, "flush", None) if isatty() else None
            isatty = None
        if flush is not None and not text.endswith("\n"):
            flush()

    return handle


def _discard(data: bytes) -> None:
    """The handler of a call whose output nobody wants."""
