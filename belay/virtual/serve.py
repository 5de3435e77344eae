# SPDX-License-Identifier: Apache-2.0
"""Starting a board on a line, and ending it: never an orphan, nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

from .board import Board
from .cable import Shape
from .filesystem import DEFAULT_FLASH, Filesystem, MemoryFilesystem
from .lines import Line, LineEnded, PtyLine, StdioLine, TcpLine
from .vm import VmOptions

if TYPE_CHECKING:
    from .control import Control
    from .published import Record

__all__ = ["serve"]


def serve(
    *,
    stdio: bool = False,
    tcp: int | None = None,
    pty: str | None = None,
    webrepl: int | None = None,
    password: str | None = None,
    files: str | None = None,
    flash: int = DEFAULT_FLASH,
    cooked: bool = False,
    seed: int | None = None,
    circuitpython: bool = False,
    control: int | None = None,
    bench: str | None = None,
    net: str | None = None,
    shape: Shape | None = None,
) -> NoReturn:
    """Run one virtual board in this process until its line ends. Does not return.

    Args:
        stdio: talk on stdin and stdout, until the end of stdin.
        tcp: listen on this port of 127.0.0.1; 0 picks one.
        pty: make a pseudo terminal, and a link to it with this name ("" for none).
        webrepl: listen on this port of 127.0.0.1 as MicroPython's WebREPL does; 0 picks one.
        password: WebREPL's; None takes ``webrepl_cfg.py``'s, ``BELAY_PASSWORD``, or a new one.
        files: folder for the board's files; in memory when None.
        flash: bytes that the files may take.
        cooked: write CR LF where programs write LF.
        seed: makes ``random`` repeatable.
        circuitpython: behave as a board that runs CircuitPython.
        control: descriptor of a socket that is a control pipe (see :mod:`.control`), with stdio.
            A board on a port that others can find publishes where its pipe is.
        bench: file of a scene: which parts hang on the board.
        net: "loopback" lets sockets reach this computer; else there are none.
        shape: what its line is like.
    """
    filesystem = _flash(files, flash)
    pipes: list[Control] = []
    line = _webrepl(webrepl, filesystem, password, pipes) if webrepl is not None else None
    line = line or _line(stdio, tcp, pty, pipes)
    ending = threading.Lock()

    def end(_reason: LineEnded) -> NoReturn:
        # From whichever thread saw it; the interpreter may be computing, so nothing unwinds.
        with ending:
            line.close()
            os._exit(0)

    options = VmOptions(cooked=cooked or circuitpython, seed=seed, net=net == "loopback")
    kind = _kind(circuitpython)
    try:
        board = kind(line, filesystem, options, end)
        _furnish(board, line, bench, shape)
        if pipes:
            board.answer(pipes[0])
        if control is not None:
            threading.Thread(target=_listen, args=(control, board), daemon=True).start()
        board.run()
    except LineEnded as reason:
        end(reason)
    except BaseException:
        line.close()
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)
    raise AssertionError("a board runs until its line ends")


# What most boards do not need is loaded where it is: sixteen of them may start at once.


def _flash(files: str | None, flash: int) -> Filesystem:
    if not files:
        return MemoryFilesystem(flash)
    from .folder import FolderFilesystem

    return FolderFilesystem(files, flash)


def _kind(circuitpython: bool) -> type[Board]:
    if not circuitpython:
        return Board
    from .circuitboard import CircuitBoard

    return CircuitBoard


def _furnish(board: Board, line: Line, bench: str | None, shape: Shape | None) -> None:
    """Put the board on its bench; a mistake in the scene ends it."""
    if bench is not None:
        from .scene import SceneError

        try:
            board.furnish(bench)
        except SceneError as error:
            line.close()
            print(f"belay virtual board: {error}", file=sys.stderr, flush=True)
            os._exit(1)
    if shape is not None and shape != Shape():  # else it is what the scene says
        board.faults.cable.shape = shape


def _listen(descriptor: int, board: Board) -> None:
    """Wait until somebody uses the control pipe: most never do, and start without what it takes."""
    connection = socket.socket(fileno=descriptor)
    try:
        used = connection.recv(1, socket.MSG_PEEK)
    except OSError:
        used = b""
    if not used:
        connection.close()
        return
    from .control import Control

    pipes = Control({})
    board.answer(pipes)
    pipes.serve(connection)


def _line(stdio: bool, tcp: int | None, pty: str | None, pipes: list[Control]) -> Line:
    """Open the line that was asked for, and say on stderr where it is."""
    line: Line
    if stdio:
        # Ctrl-C in the terminal of whoever drives the board is theirs to translate, not our end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return StdioLine()
    if tcp is not None:
        line = TcpLine(tcp)
        return _announced(line, [f"socket://127.0.0.1:{line.port}"], pipes)
    terminal = PtyLine(pty or None)
    return _announced(terminal, [pty or terminal.path, terminal.path], pipes)


def _webrepl(port: int, files: Filesystem, password: str | None, pipes: list[Control]) -> Line:
    """Open a WebREPL line, and say where it is, with the password if it was drawn just now."""
    from .webrepl import WebreplLine, settle_password

    drawn = settle_password(files, password, os.environ.get("BELAY_PASSWORD"))
    line = WebreplLine(port, files)
    told = f"password: {drawn}; " if drawn else ""
    return _announced(line, [f"ws://127.0.0.1:{line.port}"], pipes, told)


def _announced(line: Line, names: list[str], pipes: list[Control], told: str = "") -> Line:
    line.end_on_signals(signal.SIGINT, signal.SIGTERM)
    line.end_with_parent()
    _publish(line, names, pipes)
    ready = f"virtual board ready at {names[0]}  ({told}Ctrl-C ends it)"
    print(ready, file=sys.stderr, flush=True)
    return line


def _publish(line: Line, names: list[str], pipes: list[Control]) -> None:
    """Let ``belay.virtual.Board(address)`` of this user's programs find the control pipe."""
    from . import published
    from .control import Control

    pipes.append(Control({}))
    key = published.new_key()
    record = published.Record(names[0], names, pipes[0].listen(key), key, os.getpid())
    if isinstance(line, PtyLine):
        _follow(line, record)
        return
    path = published.publish(record)
    if path is not None:
        line.leftovers.append(path)


def _follow(line: PtyLine, record: Record) -> None:
    """Publish where a board at a pseudo terminal is, each time that it is plugged in."""
    from . import published

    terminals: list[int] = []

    def publish() -> None:
        terminals.extend(filter(None, [published.terminal_at(line.path)]))
        names = [line.path if record.address == record.aliases[-1] else record.address, line.path]
        path = published.publish(
            record._replace(address=names[0], aliases=names, terminals=terminals)
        )
        if path is not None and path not in line.leftovers:
            line.leftovers.append(path)

    line.plugged = publish
    publish()
