# SPDX-License-Identifier: Apache-2.0
"""What is in the wheel and in the sdist, looked at from outside."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import belay
import hatch_build

SPEC_FILES = ["kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"]
SPEC_FOLDERS = [
    f"belay_jupyter-{belay.__version__}.data/data/share/jupyter/kernels/micropython-belay",
    "belay_jupyter/spec",
]
NOTICES = ["emscripten-musl", "micropython", "micropython-lib", "re1.5", "uzlib", "xterm"]


@pytest.fixture(scope="module")
def in_wheel(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def in_sdist(sdist: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member)
            if stream is not None:
                found[member.name.partition("/")[2]] = stream.read()
    return found


def sources(root: Path) -> list[str]:
    """Every file of the two packages that belongs in a distribution."""
    return sorted(
        path.relative_to(root).as_posix()
        for package in ("belay", "belay_jupyter")
        for path in Path(root, package).rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and not path.name.startswith(".")
        and path.suffix not in {".part", ".pyc"}
    )


def notebooks_of(root: Path) -> list[Path]:
    return list((root / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("pinned", hatch_build.PINNED, ids=lambda one: one.target.name)
def test_both_carry_what_is_pinned(
    in_wheel: dict[str, bytes], in_sdist: dict[str, bytes], pinned: hatch_build.Pinned
) -> None:
    for files in (in_wheel, in_sdist):
        data = files[pinned.target.as_posix()]
        assert hashlib.sha512(data).hexdigest() == pinned.sha512


def test_both_carry_every_source_file(
    root: Path, in_wheel: dict[str, bytes], in_sdist: dict[str, bytes]
) -> None:
    expected = sources(root)
    agent = {"belay/onboard/agent.py", "belay/onboard/codec.py"}
    assert agent <= set(expected), "the agent that is uploaded to boards"
    assert any(name.startswith("belay/virtual/modules/") for name in expected)
    assert "belay/py.typed" in expected
    assert "belay_jupyter/py.typed" in expected
    assert set(expected) <= set(in_wheel)
    assert set(expected) <= set(in_sdist)
    assert {path.relative_to(root).as_posix() for path in notebooks_of(root)} <= set(in_sdist)


def test_nothing_else_is_in_the_wheel(root: Path, in_wheel: dict[str, bytes]) -> None:
    info = f"belay_jupyter-{belay.__version__}.dist-info/"
    notebooks = {f"belay_jupyter/{path.relative_to(root)}" for path in notebooks_of(root)}
    assert notebooks
    spec = {f"{folder}/{name}" for folder in SPEC_FOLDERS for name in SPEC_FILES}
    expected = {*sources(root), *notebooks, *spec}
    assert {name for name in in_wheel if not name.startswith(info)} == expected


def test_installing_it_makes_jupyter_know_the_kernel(
    root: Path, in_wheel: dict[str, bytes]
) -> None:
    for name in SPEC_FILES:
        original = (root / "kernelspec" / name).read_bytes()
        assert {in_wheel[f"{folder}/{name}"] for folder in SPEC_FOLDERS} == {original}


def test_no_half_written_files(in_wheel: dict[str, bytes], in_sdist: dict[str, bytes]) -> None:
    assert not [n for n in [*in_wheel, *in_sdist] if n.endswith((".part", ".pyc", ".orig"))]


def test_licences_travel_with_the_wheel(in_wheel: dict[str, bytes]) -> None:
    licences = f"belay_jupyter-{belay.__version__}.dist-info/licenses/"
    assert b"Apache License" in in_wheel[licences + "LICENSE"]
    for notice in NOTICES:
        text = in_wheel[f"{licences}firmware/LICENSE.{notice}"]
        assert b"opyright" in text, notice


def test_metadata(in_wheel: dict[str, bytes]) -> None:
    info = f"belay_jupyter-{belay.__version__}.dist-info/"
    metadata = Parser().parsestr(in_wheel[info + "METADATA"].decode())
    assert metadata["Name"] == "belay-jupyter"
    assert metadata["Version"] == belay.__version__
    assert metadata["License-Expression"] == (
        "Apache-2.0 AND MIT AND BSD-3-Clause AND Zlib AND PSF-2.0"
    )
    assert metadata["Requires-Python"] == ">=3.10"
    assert len(metadata.get_all("License-File") or []) == 1 + len(NOTICES)
    assert in_wheel[info + "entry_points.txt"].split() == (
        b"[console_scripts] belay = belay.cli:main [pytest11] belay = belay.testing.plugin".split()
    )


def test_an_sdist_builds_without_npm(in_sdist: dict[str, bytes]) -> None:
    for name in ("hatch_build.py", "firmware/package-lock.json", "firmware/.npmrc", "LICENSE"):
        assert name in in_sdist
