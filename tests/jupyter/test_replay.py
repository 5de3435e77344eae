# SPDX-License-Identifier: Apache-2.0
"""Notebooks that run once with their boards, and then from what was said to them."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from belay.errors import ReplayError
from belay.recording import check_played
from belay_jupyter.demo import run_demo
from tests.jupyter.kernels import Kernel
from tests.jupyter.test_notebooks import demo, write


def test_a_notebook_that_asks_for_less_fails(tmp_path: Path) -> None:
    connect = "%load_ext belay_jupyter\n%belay_connect virtual:"
    notebook = write(tmp_path / "x.ipynb", connect, "%%device\n1 + 1", "%belay_disconnect")
    tapes = tmp_path / "tapes"
    assert demo("--record", tapes, notebook).returncode == 0

    write(tmp_path / "x.ipynb", connect, "print('less')")
    done = demo("--replay", tapes, notebook)
    assert done.returncode == 1
    assert "exchanges were not asked for" in done.stdout


def test_where_there_are_no_cassettes(tmp_path: Path) -> None:
    said = io.StringIO()
    assert run_demo(replay=str(tmp_path / "nowhere"), out=said) == 1
    assert re.search(r"There is no folder \S+nowhere with cassettes", said.getvalue())


def test_a_program_that_does_not_connect_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "board-1.cassette").touch()
    monkeypatch.setenv("BELAY_REPLAY", str(tmp_path))
    with pytest.raises(ReplayError, match=r"connected 0 Devices; .* there were 1: board-1"):
        check_played()


def test_the_magic_records_and_plays(bare_kernel: Kernel, tmp_path: Path) -> None:
    tape = tmp_path / "x.cassette"
    bare_kernel.good("%load_ext belay_jupyter\ncode = 'pass-word'")
    cell = "%%device\nprint('it is', 'pass-word')\n[input('Name? '), 2.5]"
    bare_kernel.good(f"%belay_connect virtual: --record {tape} --secret code")
    seen = bare_kernel.run(cell, on_input=lambda prompt: "Ada")
    assert seen.result == "['Ada', 2.5]"
    bare_kernel.good("%belay_disconnect")
    text = tape.read_text(encoding="utf-8")
    assert "pass-word" not in text
    assert "> it is «secret»" in text
    assert "< Ada" in text

    said = bare_kernel.good(f"%belay_connect replay:{tape}")
    assert f"at replay:{tape}" in said.stderr + said.stdout
    again = bare_kernel.good(cell)  # and nobody is asked
    assert again.result == seen.result
    assert again.stdout == "it is «secret»\nName? "
    bare_kernel.good("%belay_disconnect")

    bare_kernel.good(f"%belay_connect replay:{tape}")
    changed = bare_kernel.run("%%device\n1 + 2")
    assert changed.status == "error"
    assert "ReplayError" in changed.traceback
    assert re.search(r"\n\s*-\S.*it is.*\n(.*\n)*\s*\+\S.*1 \+ 2", changed.traceback)
    assert "replaying.py" not in changed.traceback  # no traceback through our code


def test_what_the_magic_refuses(bare_kernel: Kernel, tmp_path: Path) -> None:
    bare_kernel.good("%load_ext belay_jupyter")
    (tmp_path / "x.cassette").write_text("no cassette\n")
    for options, what in (
        (
            f"virtual: --record {tmp_path}/x --secret nowhere",
            "--secret nowhere: neither a variable",
        ),
        ("virtual: --secret nowhere", "add --record FILE"),
        (f"virtual: --record {tmp_path}/no/x", "cannot be written"),
        (f"replay:{tmp_path}/none", "there is no such cassette"),
        (f"replay:{tmp_path}/x.cassette", "this is no cassette: its first line is 'no cassette'"),
    ):
        failed = bare_kernel.run(f"%belay_connect {options}")
        assert failed.status == "error"
        assert what in failed.traceback
        assert "belay_jupyter/" not in failed.traceback
