# SPDX-License-Identifier: Apache-2.0
"""Starting a board on a line, and ending it: never an orphan, nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from typing import NoReturn

from .board import Board
from .circuitboard import CircuitBoard
from .control import Control, SceneError
from .filesystem import DEFAULT_FLASH, Filesystem, MemoryFilesystem
from .folder import FolderFilesystem
from .lines import Line, LineEnded, PtyLine, StdioLine, TcpLine
from .vm import VmOptions
from .webrepl import WebreplLine, settle_password

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
    """
    filesystem: Filesystem = FolderFilesystem(files, flash) if files else MemoryFilesystem(flash)
    pipes = Control({})
    line = _webrepl(webrepl, filesystem, password, pipes) if webrepl is not None else None
    line = line or _line(stdio, tcp, pty, pipes)
    ending = threading.Lock()

    def end(_reason: LineEnded) -> NoReturn:
        # From whichever thread saw it; the interpreter may be computing, so nothing unwinds.
        with ending:
            line.close()
            os._exit(0)

    options = VmOptions(cooked=cooked or circuitpython, seed=seed, net=net == "loopback")
    kind = CircuitBoard if circuitpython else Board
    try:
        board = kind(line, filesystem, options, end)
        if bench is not None:
            board.furnish(bench)
        board.answer(pipes)
        if control is not None:
            pipes.serve(socket.socket(fileno=control))
        board.run()
    except LineEnded as reason:
        end(reason)
    except BaseException as error:
        line.close()
        if isinstance(error, SceneError):
            print(f"belay virtual board: {error}", file=sys.stderr)
        else:
            sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)
    raise AssertionError("a board runs until its line ends")


def _line(stdio: bool, tcp: int | None, pty: str | None, pipes: Control) -> Line:
    """Open the line that was asked for, and say on stderr where it is."""
    line: Line
    if stdio:
        # Ctrl-C in the terminal of whoever drives the board is theirs to translate, not our end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return StdioLine()
    if tcp is not None:
        line = TcpLine(tcp)
        return _announced(line, [f"socket://127.0.0.1:{line.port}"], pipes)
    line = PtyLine(pty or None)
    return _announced(line, [pty or line.path, line.path], pipes)


def _webrepl(port: int, files: Filesystem, password: str | None, pipes: Control) -> Line:
    """Open a WebREPL line, and say where it is, with the password if it was drawn just now."""
    drawn = settle_password(files, password, os.environ.get("BELAY_PASSWORD"))
    line = WebreplLine(port, files)
    told = f"password: {drawn}; " if drawn else ""
    return _announced(line, [f"ws://127.0.0.1:{line.port}"], pipes, told)


def _announced(line: Line, names: list[str], pipes: Control, told: str = "") -> Line:
    line.end_on_signals(signal.SIGINT, signal.SIGTERM)
    line.end_with_parent()
    _publish(line, names, pipes)
    ready = f"virtual board ready at {names[0]}  ({told}Ctrl-C ends it)"
    print(ready, file=sys.stderr, flush=True)
    return line


def _publish(line: Line, names: list[str], pipes: Control) -> None:
    """Let ``belay.virtual.Board(address)`` of this user's programs find the control pipe."""
    from . import published

    key = published.new_key()
    record = published.Record(names[0], names, pipes.listen(key), key, os.getpid())
    path = published.publish(record)
    if path is not None:
        line.leftovers.append(path)
