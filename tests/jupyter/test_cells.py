# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from belay.errors import PyboardException
from belay.source.linemap import BoardFrame, Origin, SourceMap
from belay_jupyter.cells import locate
from belay_jupyter.tracebacks import message_of, shorten


@pytest.mark.parametrize(
    ("raw_cell", "body", "line"),
    [
        ("%%device\nx\ny", "x\ny", 2),
        ("%%device\nx\ny", "x\ny\n", 2),
        ("\n\n%%device\nx", "x\n", 4),
        ("%%time\n%%device --timeout 3\nx", "x\n", 3),
        ("    %%device\n    x\n      y", "x\n  y", 2),
        ("%%device\n\n\nx\n\n", "\n\nx\n\n", 2),
        ("%%device\n# \u00e9 \U0001f600\nx", "# \u00e9 \U0001f600\nx", 2),
        ("get_ipython().run_cell_magic('device', '', 'x')", "x", None),
        ("x", "x", 1),  # where every cell runs on the board
        ("%%device\n", "\n", None),
        ("", "", None),
    ],
)
def test_the_body_is_found_in_the_cell(raw_cell: str, body: str, line: int | None) -> None:
    assert locate(body, raw_cell) == line


def test_the_message_is_what_stands_behind_the_frames() -> None:
    sources = SourceMap("ab")
    tag = sources.add(Origin("<cell>", 2, "Cell In[3]", "f()\n"))
    board = (
        "Traceback (most recent call last):\n"
        f'  File "{tag}", line 1, in <module>\n'
        '  File "drivers.py", line 7, in read\n'
        "OSError: two\nlines\n"
    )
    text, frames = sources.translate(board)
    error = PyboardException(text, type="OSError")
    error.frames = frames
    assert message_of(error) == "OSError: two\nlines"
    assert message_of(PyboardException("no frames at all\n")) == "no frames at all"


def test_a_recursion_is_shortened() -> None:
    first, again = BoardFrame("<cell>", 3, "<module>"), BoardFrame("<cell>", 2, "f")
    assert list(shorten([first, again])) == [first, again]
    shown = list(shorten([first] + [again] * 100))
    assert shown[:2] == [first, again]
    assert "98 times more" in str(shown[2])
    assert shown[3:] == [again]


def test_a_long_traceback_keeps_both_ends() -> None:
    frames = [BoardFrame("<cell>", n, f"f{n % 2}") for n in range(100)]
    shown = list(shorten(frames))
    assert len(shown) == 25
    assert (shown[0], shown[-1]) == (frames[0], frames[-1])
    assert "76 more frames" in str(shown[12])
