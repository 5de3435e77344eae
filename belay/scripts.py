# SPDX-License-Identifier: Apache-2.0
"""Whole programs on a board, as ``python FILE`` runs them on a computer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from belay.output import STDOUT, TextSink
from belay.session import requests
from belay.session.requests import Operation
from belay.source.linemap import AGENT, Origin

if TYPE_CHECKING:
    from belay.device import Device

__all__ = ["run_script"]

_RUN = """\
import sys
if hasattr(sys,"argv") and __belay_argv:sys.argv[:]=__belay_argv
try:
 exec(compile(__belay_script,__belay_tag,"exec"),globals())
 _belay_value=0
except SystemExit as e:
 _belay_value=e.args[0] if e.args else 0
finally:
 for _ in ("argv","script","tag"):globals().pop("__belay_"+_,0)
"""
"""Without it, the board's prompt would take ``sys.exit()`` for a wish to be reset."""


def run_script(
    device: Device,
    source: str,
    *,
    filename: str = "<script>",
    arguments: Sequence[str] = (),
    stream_out: TextSink | None = STDOUT,
    timeout: float | None = None,
) -> int:
    """Run a program in the board's ``__main__``.

    Args:
        device: the way to it.
        source: the program.
        filename: where it stands, for tracebacks.
        arguments: what it finds in ``sys.argv``, its own name first; where it is empty, that is
            left as it is.
        stream_out: takes what it prints, as it comes; None discards it.
        timeout: seconds after which it is interrupted.

    Returns:
        What it gave to ``sys.exit``: 0 for None, 1 for a text, which is printed to stderr.

    Raises:
        PyboardException: it raised; its traceback shows ``filename``.
        CallTimeoutError: it was interrupted at ``timeout``.
    """
    source = source.removeprefix("\ufeff")  # a byte order mark, which some editors of Windows write
    origin = Origin(filename, text=source)
    if not (device._session.agent and device._session.facts.compile):
        # A frame of the program could not be told from one of what runs it.
        device.run_cell(
            source, filename=filename, result=False, stream_out=stream_out, timeout=timeout
        )
        return 0
    given = {
        "__belay_script": source,
        "__belay_tag": device._sources.add(origin),
        "__belay_argv": list(arguments),
    }
    operation = Operation(requests.VALUE, (AGENT, _RUN, given), requests.extension_of(source))
    status = device._perform(operation, stream_out=stream_out, timeout=timeout, here=origin)
    if status is None or isinstance(status, int):
        return int(status or 0) & 0xFF
    print(status, file=sys.stderr)
    return 1
