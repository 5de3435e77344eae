# SPDX-License-Identifier: Apache-2.0
"""``python -m belay.virtual``: one virtual board, a program of its own."""

from __future__ import annotations

import argparse
import sys


def _size(text: str) -> int:
    """Bytes, with an optional k or M."""
    units = {"k": 1 << 10, "m": 1 << 20}
    unit = units.get(text[-1:].lower(), 1)
    return int(text[:-1] if unit > 1 else text, 0) * unit


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and run the board."""
    parser = argparse.ArgumentParser(
        prog="python -m belay.virtual", description="A real MicroPython without hardware."
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--stdio", action="store_true", help="talk on stdin and stdout (default)")
    where.add_argument("--tcp", type=int, metavar="PORT", help="listen on 127.0.0.1; 0 picks one")
    where.add_argument("--pty", nargs="?", const="", metavar="LINK", help="make a serial port")
    where.add_argument(
        "--webrepl", type=int, metavar="PORT", help="be a WebREPL on 127.0.0.1; 0 picks a port"
    )
    parser.add_argument("--password", metavar="TEXT", help="WebREPL's, at most 9 characters")
    parser.add_argument("--files", metavar="FOLDER", help="keep the board's files here")
    parser.add_argument("--flash", type=_size, metavar="BYTES", help="size limit, such as 2M")
    parser.add_argument("--cooked", action="store_true", help="write CR LF for LF")
    parser.add_argument("--seed", type=int, metavar="N", help="make random numbers repeatable")
    parser.add_argument("--circuitpython", action="store_true", help="behave as CircuitPython")
    parser.add_argument("--control", type=int, help=argparse.SUPPRESS)  # a socket's descriptor
    parser.add_argument("--bench", metavar="FILE", help="scene: which parts hang on the board")
    parser.add_argument("--net", choices=["loopback"], help="let sockets reach this computer")
    options = parser.parse_args(arguments)

    from .filesystem import DEFAULT_FLASH
    from .serve import serve

    try:
        serve(
            stdio=options.stdio or (options.tcp, options.pty, options.webrepl) == (None,) * 3,
            tcp=options.tcp,
            pty=options.pty,
            webrepl=options.webrepl,
            password=options.password,
            files=options.files,
            flash=options.flash or DEFAULT_FLASH,
            cooked=options.cooked,
            seed=options.seed,
            circuitpython=options.circuitpython,
            control=options.control,
            bench=options.bench,
            net=options.net,
        )
    except OSError as error:
        sys.exit(f"belay virtual board: {error}")


if __name__ == "__main__":
    main()
