# SPDX-License-Identifier: Apache-2.0
"""What a notebook has shown, in a form in which two runs of it can be compared."""

from __future__ import annotations

import json
import re
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

_PLACE = re.compile(re.escape(tempfile.gettempdir()) + r"[/\\]+[^/\\\"&]+[/\\]+")
_SVG = "image/svg+xml"
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
_PIXELS = 6.0
"""By how much two pictures of the same may differ. The board's time is known to some milliseconds
at first, and the sooner a recording is played, the more is known of it."""


def outputs(path: Path) -> list[Any]:
    """What each cell has shown; widgets' numbers are drawn afresh each time, and so are folders.

    The picture of a bench that is followed is left out: a recording is not followed.
    """
    text = re.sub(r"\b[0-9a-f]{32}\b", "WIDGET", path.read_text(encoding="utf-8"))
    cells = json.loads(_PLACE.sub("", text))["cells"]
    found = [(cell, _whole(cell["outputs"])) for cell in cells if "outputs" in cell]
    for cell, shown in found:
        source = "".join(cell["source"])
        if "%belay_bench" in source and "--static" not in source:
            for output in shown:
                output.get("data", {}).pop(_SVG, None)
    return [shown for _, shown in found]


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


def compare(recorded: list[Any], played: list[Any]) -> int:
    """See that two runs have shown the same; lines of plots may lie a little beside each other.

    Returns:
        How many lines of plots were compared.
    """
    lines = 0
    for one, other in zip(recorded, played, strict=True):
        for output in (*one, *other):
            if isinstance(output, dict) and _SVG in output.get("data", {}):
                output["data"][_SVG] = "".join(output["data"][_SVG])
        pictures = [_pictures(cell) for cell in (one, other)]
        assert one == other
        for drawn, again in zip(*pictures, strict=True):
            lines += _alike(drawn, again)
    return lines


def _pictures(cell: list[Any]) -> list[str]:
    found = []
    for output in cell:
        data = output.get("data", {}) if isinstance(output, dict) else {}
        if "<polyline" in data.get(_SVG, ""):
            found.append(data.pop(_SVG))
    return found


def _alike(drawn: str, again: str) -> int:
    one, other = (_shapes(text) for text in (drawn, again))
    assert one[0] == other[0]  # every word, but for numbers at the axis of time
    assert len(one[1]) == len(other[1])
    for box, box_again in zip(one[1], other[1], strict=True):
        differences = [abs(a - b) for a, b in zip(box, box_again, strict=True)]
        assert max(differences) <= _PIXELS, (box, box_again)
    return len(one[1])


def _shapes(svg: str) -> tuple[list[str], list[tuple[float, float, float, float]]]:
    """The words of a picture, and the box around each line."""
    words, boxes = [], []
    for node in ET.fromstring(svg).iter():
        kind = node.tag.rpartition("}")[2]
        if kind == "text" and not (node.text or "").endswith(" s"):
            words.append(node.text or "")
        elif kind == "polyline":
            found = [float(number) for number in _NUMBERS.findall(node.get("points", ""))]
            xs, ys = found[::2], found[1::2]
            boxes.append((min(xs), max(xs), min(ys), max(ys)))
    return words, boxes
