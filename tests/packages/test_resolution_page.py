# SPDX-License-Identifier: Apache-2.0
"""docs/packages-resolution.md is true."""

from __future__ import annotations

import re
from pathlib import Path

from belay.packages.versions import Constraint, is_constraint

PAGE = (Path(__file__).parents[2] / "docs" / "packages-resolution.md").read_text(encoding="utf-8")


def test_every_constraint_of_the_table_is_one() -> None:
    rows = re.findall(r"^\| (`.+?) \| ", PAGE, re.MULTILINE)
    texts = [text.replace("\\|", "|") for row in rows for text in re.findall(r"`(.+?)`", row)]
    assert len(texts) >= 17
    for text in texts:
        assert is_constraint(text), text
        assert Constraint.parse(text).versions, text


def test_the_conflict_is_what_is_said() -> None:
    (example,) = re.findall(r"```text\n(.+?)```", PAGE, re.DOTALL)
    golden = Path(__file__).with_name("conflicts.txt").read_text(encoding="utf-8")
    assert f"\n{example}" in golden
