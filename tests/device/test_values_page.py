# SPDX-License-Identifier: Apache-2.0
"""docs/values.md says what the code does: its table is made anew and compared."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs"


def test_the_table_of_what_travels_is_what_travels() -> None:
    pytest.importorskip("numpy")
    made = runpy.run_path(str(PAGES / "values.py"))
    text = (PAGES / "values.md").read_text(encoding="utf-8")
    assert text.count(made["BEGIN"]) == text.count(made["END"]) == 1
    assert text.count("| proxy |") > 15
    assert made["page"]() == text, "run: python docs/values.py"
