# SPDX-License-Identifier: Apache-2.0
"""What is typed into a board is the file that was linted and reviewed, without its comments."""

from __future__ import annotations

import ast
import zlib
from pathlib import Path

import pytest

import belay
from belay.session.onboard import WINDOW_BITS, load, raw_deflate

FOLDER = Path(belay.__file__).parent / "onboard"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_only_comments_and_white_space_are_taken_away(name: str) -> None:
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    text = load(name)
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(source))
    assert len(text) < 0.9 * len(source)
    assert "\n\n" not in text
    assert "    " not in text.replace("\n    ", "\n")  # one space a level


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_typed(name: str) -> None:
    """ASCII, and nothing that the raw REPL acts on."""
    text = load(name)
    assert text.isascii()
    assert all(ord(letter) >= 32 or letter == "\n" for letter in text)


def test_no_two_define_the_same_name() -> None:
    """They share the agent's dictionary: one would get the other's function."""
    meant = {"OPS", "Belay", "ord", "sys"}  # added to, or the same in all
    defined: dict[str, set[str]] = {}
    for name in NAMES:
        for node in ast.parse(load(name)).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found = {node.name}
            else:
                parts = ast.walk(node)
                stored = (n for n in parts if isinstance(n, ast.Name))
                found = {n.id for n in stored if isinstance(n.ctx, ast.Store)}
            for one in found - meant:
                defined.setdefault(one, set()).add(name)
    assert not {one: names for one, names in defined.items() if len(names) > 1}


def test_a_board_can_inflate_it() -> None:
    source = (load("agent") + load("codec")).encode()
    packed = raw_deflate(source)
    assert zlib.decompress(packed, -WINDOW_BITS) == source
    assert len(packed) < 0.5 * len(source)
