# SPDX-License-Identifier: Apache-2.0
"""Child processes that speak as a board does: ``exec:command line``, and virtual boards below."""

from __future__ import annotations

import atexit
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from typing import IO

from belay.errors import ConnectionFailedError, PortNotFoundError
from belay.transports.address import ExecAddress
from belay.transports.base import Transport

__all__ = ["BoardProcess", "open_process", "start_child"]

_KEPT_STDERR = 4096
# How long a child may take for each step of its end; a board that listens to stdin needs ms.
_GRACE = 1.0
# More output than a child could have had in its buffers when its input ended.
_LAST_WORDS = 1 << 20

_running: weakref.WeakSet[BoardProcess] = weakref.WeakSet()
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_running.clear)  # what runs is its parent's to end


class BoardProcess:
    """A child process whose stdin and stdout are a board's link.

    It gets a session (on Windows a process group) of its own, so that Ctrl-C in the terminal
    reaches the host program and not the board.

    Args:
        argv: program and arguments.
        command: how messages name it.
        environment: variables of the child; None for those of this process.
        pass_fds: descriptors that the child gets under the same numbers; not on Windows.

    Raises:
        PortNotFoundError: there is no such program.
        ConnectionFailedError: it cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str] | str,
        *,
        command: str,
        environment: dict[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.command = command
        self.output_ended = False
        self._stderr = bytearray()
        self._lock = threading.Lock()
        self._child = start_child(argv, command, environment, pass_fds)
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        self._stdin: IO[bytes] = self._child.stdin
        self._stdout: IO[bytes] = self._child.stdout
        self._drain = threading.Thread(
            target=_drain_stderr,
            args=(self._child.stderr, self._stderr),
            name=f"stderr of {command}",
            daemon=True,
        )
        self._drain.start()
        _running.add(self)

    @property
    def stdin_fd(self) -> int:
        """Descriptor that leads to the child's stdin."""
        return self._stdin.fileno()

    @property
    def stdout_fd(self) -> int:
        """Descriptor that gives the child's stdout."""
        return self._stdout.fileno()

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether the child still runs."""
        return self._child.poll() is None

    def wait_for_output(self, timeout: float | None) -> bool:
        """Block until the child has written to stdout or closed it; nothing is read.

        Returns:
            True when there is output; see `output_ended` for why not.
        """
        if sys.platform == "win32":
            return self.alive  # a pipe cannot be waited for: the first call will tell
        import select

        poller = select.poll()
        poller.register(self.stdout_fd, select.POLLIN)
        events = poller.poll(None if timeout is None else timeout * 1000)
        self.output_ended = bool(events) and not events[0][1] & select.POLLIN
        return bool(events) and not self.output_ended

    def account(self) -> str:
        """What there is to say of a child that has closed its stdout: how it ended, its stderr."""
        try:
            code = self._child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            ending = f"the program {self.command!r} closed its output."
        else:
            self._drain.join(_GRACE)  # its last words may still be on the way
            ending = f"the program {self.command!r} ended with {_exit_text(code)}."
        said = bytes(self._stderr).decode("utf-8", "replace").strip()
        return f"{ending} Its stderr:\n{said}" if said else ending

    def hang_up(self) -> None:
        """Close the child's stdin, which ends a board, and do not wait for it."""
        with self._lock:
            self._stdin.close()

    def close(self) -> None:
        """End the child: close its stdin, then ask, then force. Nothing is left running."""
        self.hang_up()
        with self._lock:
            _running.discard(self)
            if self._stdout.closed:
                return
            if not self._gone_by_itself():
                for force in (False, True):
                    self._signal(force)
                    try:
                        self._child.wait(_GRACE)
                        break
                    except subprocess.TimeoutExpired:
                        continue
            self._stdout.close()
            # A grandchild may hold stderr open for ever; its reader is a daemon and may stay.
            self._drain.join(0.1)

    def _gone_by_itself(self) -> bool:
        _read_until_end(self._stdout, time.monotonic() + _GRACE)
        try:
            self._child.wait(_GRACE / 10)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _signal(self, force: bool) -> None:
        if sys.platform == "win32":
            self._child.kill() if force else self._child.terminate()
            return
        if self._child.poll() is not None:
            return
        try:
            # The child leads its group, and is not reaped yet: the number cannot be another's.
            os.killpg(self._child.pid, signal.SIGKILL if force else signal.SIGTERM)
        except (ProcessLookupError, PermissionError):
            self._child.kill()


def open_process(address: ExecAddress) -> Transport:
    """Start the program of an ``exec:`` address and return the link to it.

    Raises:
        PortNotFoundError: there is no such program.
        ConnectionFailedError: it cannot be started.
    """
    argv: Sequence[str] | str
    argv = address.command if sys.platform == "win32" else shlex.split(address.command)
    process = BoardProcess(argv, command=address.command)
    return connect(process, address=str(address))


def connect(process: BoardProcess, *, address: str) -> Transport:
    """A link to a running child, which ends with it.

    Args:
        process: the child.
        address: normal form of the address.
    """
    if sys.platform == "win32":
        return connect_threaded(process, address=address)
    from belay.transports.descriptor import DescriptorTransport

    class ProcessTransport(DescriptorTransport):
        """A child's pipes, with an end that tells how the child ended."""

        def _reason(self, error: OSError | None) -> str:
            return process.account()

        def _release(self) -> None:
            process.close()

    return ProcessTransport(process.stdout_fd, process.stdin_fd, address=address)


def connect_threaded(process: BoardProcess, *, address: str) -> Transport:
    """As :func:`connect`, by a reader thread: for systems where a pipe cannot be polled."""
    from belay.transports.threaded import ThreadedTransport

    return ThreadedTransport(_ProcessLink(process), address=address)


class _ProcessLink:
    """A child's pipes with blocking calls."""

    def __init__(self, process: BoardProcess) -> None:
        self._process = process

    def read(self) -> bytes:
        data = os.read(self._process.stdout_fd, 65536)
        if not data:
            raise EOFError
        return data

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._process.stdin_fd, rest) :]

    def drop_output(self) -> None:
        """A pipe keeps what it was given."""

    def reason(self, error: Exception) -> str:
        return self._process.account()

    def cancel(self) -> None:
        self._process.hang_up()

    def close(self) -> None:
        self._process.close()


def start_child(
    argv: Sequence[str] | str,
    command: str,
    environment: dict[str, str] | None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program with pipes to and from it, in a session of its own.

    Raises:
        PortNotFoundError: there is no such program.
        ConnectionFailedError: it cannot be started.
    """
    try:
        if sys.platform == "win32":
            return subprocess.Popen(
                argv,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
            )
        return subprocess.Popen(
            argv,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except FileNotFoundError:
        program = argv.split()[0] if isinstance(argv, str) else argv[0]
        raise PortNotFoundError(
            f"There is no program {program!r} (from {command!r}). Is it installed, and in a folder "
            "of PATH? A program in this folder needs './' in front."
        ) from None
    except PermissionError as error:
        raise ConnectionFailedError(
            f"The program {error.filename or argv!r} may not be run. Is it executable (chmod +x)?"
        ) from error
    except (OSError, ValueError) as error:
        raise ConnectionFailedError(f"{command!r} could not be started: {error}.") from error


def _drain_stderr(stream: IO[bytes], kept: bytearray) -> None:
    """Read a child's stderr for as long as it lives: a full pipe would block it."""
    with stream:
        while data := stream.read(4096):
            kept += data
            del kept[:-_KEPT_STDERR]


def _read_until_end(stream: IO[bytes], deadline: float) -> None:
    """Wait for the end of a child's stdout, reading what is still in it, until the deadline.

    A child that goes on printing is not listened to for long: it does not mean to end.
    """
    if sys.platform == "win32":
        return
    import select

    poller = select.poll()
    poller.register(stream.fileno(), select.POLLIN)
    patience = _LAST_WORDS
    while (left := deadline - time.monotonic()) > 0 and poller.poll(left * 1000):
        try:
            data = os.read(stream.fileno(), 65536)
            patience -= len(data)
            if not data or patience < 0:
                return
        except BlockingIOError:
            continue
        except OSError:
            return


def _exit_text(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


@atexit.register
def _end_all() -> None:
    # All get their end of input first, so that they end at the same time.
    running = list(_running)
    for process in running:
        process.hang_up()
    for process in running:
        process.close()
