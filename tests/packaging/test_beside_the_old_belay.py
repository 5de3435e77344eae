# SPDX-License-Identifier: Apache-2.0
"""The old distribution ``belay`` in the same environment: noticed, explained, and repaired.

Most tests lay out folders as pip leaves them. The last one installs both for real.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import belay

ROOT = Path(belay.__file__).resolve().parents[1]
OLD = "belay==0.30.1"

CHECK = "from belay.installation import check_installation as check; check(); print('sound')"
CHECK_NOTEBOOK = (
    "from belay_jupyter.installation import check_installation as check; check(); print('sound')"
)


def run(
    command: list[str | Path], *, path: list[Path] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
    return subprocess.run(
        command,
        env=environment,
        cwd=cwd or sys.prefix,  # not this tree: `python -c` searches the current folder first
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=90,
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder that holds our packages as an installation does."""
    folder = tmp_path / "site"
    for name in ("belay", "belay_jupyter"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.wasm", "__pycache__")
        )
    (folder / "belay_jupyter-0.1.0.dist-info").mkdir()
    return folder


def add_old(folder: Path, *, record: bool = True) -> None:
    info = folder / "belay-0.30.1.dist-info"
    info.mkdir(parents=True)
    if record:
        (info / "RECORD").write_text("belay/__init__.py,sha256=x,1\nbelay/cli/main.py,,\n")


def check(*path: Path, code: str = CHECK, cwd: Path | None = None) -> str:
    """What the check says, in an interpreter that searches these folders first."""
    # -S: without the editable install of this tree, so that only `path` decides.
    done = run([sys.executable, "-S", "-c", code], path=list(path), cwd=cwd)
    return done.stdout + done.stderr


def test_alone_is_sound(site: Path) -> None:
    assert check(site) == "sound\n"
    assert check(site, code=CHECK_NOTEBOOK) == "sound\n"


@pytest.mark.parametrize("code", [CHECK, CHECK_NOTEBOOK])
def test_old_one_in_the_same_folder(site: Path, code: str) -> None:
    add_old(site)
    said = check(site, code=code)
    assert "'belay' 0.30.1 is installed beside 'belay-jupyter'" in said
    assert "uninstall" in said
    assert "belay-jupyter" in said.splitlines()[-1]


def test_old_one_earlier_on_the_path(site: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    add_old(earlier)
    (earlier / "belay").mkdir()
    (earlier / "belay" / "__init__.py").write_text("raise SystemExit('the old one was imported')\n")
    said = check(earlier, site, code=CHECK_NOTEBOOK)
    assert f"in {earlier}" in said
    assert "the old one was imported" not in said


def test_old_one_later_on_the_path_does_no_harm(site: Path, tmp_path: Path) -> None:
    add_old(tmp_path / "later")
    assert check(site, tmp_path / "later") == "sound\n"


def test_what_a_broken_uninstall_leaves_does_no_harm(site: Path) -> None:
    add_old(site, record=False)
    assert check(site) == "sound\n"


def test_files_that_an_uninstall_took_along(site: Path) -> None:
    (site / "belay" / "__init__.py").unlink()
    said = check(site, code=CHECK_NOTEBOOK)
    assert "Files of belay-jupyter are missing" in said
    assert "--no-deps belay-jupyter" in said
    assert "uninstall -y" not in said


def test_a_file_of_the_same_name_beside_the_notebook(site: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "belay.py").write_text("")
    said = check(site, code=CHECK_NOTEBOOK, cwd=tmp_path / "work")
    assert "Python finds another 'belay' first" in said
    assert "belay.py" in said


def test_the_command_stops(site: Path) -> None:
    add_old(site)
    # The cli imports nothing outside the standard library before this check.
    done = run([sys.executable, "-S", "-m", "belay", "virtual"], path=[site])
    assert done.returncode == 1
    assert done.stderr.startswith("belay: The old distribution 'belay' 0.30.1")
    assert "Traceback" not in done.stderr


def old_wheel_is_within_reach(uv: str, environment: Path) -> bool:
    done = run([uv, "pip", "install", "-q", "-p", environment, "--no-deps", "--dry-run", OLD])
    return done.returncode == 0


@pytest.mark.parametrize("order", ["old then ours", "ours then old"])
def test_both_for_real(order: str, wheel: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("no uv")
    environment = tmp_path / "venv"
    seeded = run([uv, "venv", "-q", "--seed", "--python", sys.executable, environment])
    if seeded.returncode or not old_wheel_is_within_reach(uv, environment):
        if os.environ.get("CI"):
            pytest.fail("the old distribution cannot be fetched")
        pytest.skip("the old distribution cannot be fetched")
    (bin_folder,) = (p for p in (environment / "bin", environment / "Scripts") if p.is_dir())
    python = bin_folder / "python"
    for what in [OLD, wheel] if order == "old then ours" else [wheel, OLD]:
        done = run([uv, "pip", "install", "-q", "-p", environment, "--no-deps", what])
        assert done.returncode == 0, done.stderr

    refused = run([python, "-c", CHECK_NOTEBOOK])
    assert "'belay' 0.30.1 is installed beside" in refused.stderr
    if order == "old then ours":  # otherwise the command is the old one's
        stopped = run([bin_folder / "belay", "virtual"])
        assert stopped.returncode == 1
        assert stopped.stderr.splitlines()[-2:] == refused.stderr.splitlines()[-2:]

    commands = [shlex.split(line) for line in refused.stderr.splitlines()[-2:]]
    assert [command[1:4] for command in commands] == [
        ["-m", "pip", "uninstall"],
        ["-m", "pip", "install"],
    ]
    for command in commands:
        done = run([*command])
        assert done.returncode == 0, done.stderr
    assert run([python, "-c", CHECK_NOTEBOOK]).stdout == "sound\n"
    assert run([bin_folder / "belay", "--version"]).stdout.strip() == belay.__version__
    with zipfile.ZipFile(wheel) as archive:
        ours = {Path(n) for n in archive.namelist() if n.startswith("belay/")}
    (site_packages,) = environment.glob("[Ll]ib/**/site-packages")
    left = {p.relative_to(site_packages) for p in (site_packages / "belay").rglob("*.*")}
    assert {p for p in left if "__pycache__" not in p.parts and p.suffix} == ours
