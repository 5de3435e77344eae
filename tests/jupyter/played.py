# SPDX-License-Identifier: Apache-2.0
"""What a notebook has shown, in a form in which two runs of it can be compared."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PLAYED = ("01-first-board", "03-debugging-a-driver", "04-kernel", "02-two-boards")
"""Those that need no more than what is said to the board. The others turn pins of the virtual board
from outside, or poll."""


def outputs(path: Path) -> list[Any]:
    """What each cell has shown; widgets' numbers are drawn afresh each time."""
    text = re.sub(r"\b[0-9a-f]{32}\b", "WIDGET", path.read_text(encoding="utf-8"))
    return [_whole(cell["outputs"]) for cell in json.loads(text)["cells"] if "outputs" in cell]


def _whole(found: list[Any]) -> list[Any]:
    """Outputs with each stream in one piece: where it is cut is a matter of time."""
    merged: list[Any] = []
    for output in found:
        if output["output_type"] == "stream":
            output["text"] = "".join(output["text"])
            last = merged[-1] if merged else {}
            if last.get("name") == output["name"]:
                last["text"] += output["text"]
                continue
        merged.append(output)
    return merged


def settled(path: Path) -> list[Any]:
    """The same for boards that run at the same time: whose line comes first is not compared.

    Nor is how far a cell in the background was when the notebook looked.
    """
    cells = []
    for cell in outputs(path):
        lines: list[str] = []
        for output in cell:
            lines += output.get("text", "").splitlines() or [json.dumps(output)]
        cells.append(sorted(line.strip() for line in lines))
    in_background = ("outdoors 0", "runs on", "has run on")
    return [cell for cell in cells if not any(mark in str(cell) for mark in in_background)]
