# SPDX-License-Identifier: Apache-2.0
"""Rules of the repository that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE_LINES = 500
FUNCTION_LINES = 50

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    *sorted(
        path
        for folder in ("belay", "belay_jupyter")
        for path in (ROOT / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    ),
    ROOT / "hatch_build.py",
]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))


def lines_of_code(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring: explaining an option is no second thing."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=60)
    if done.returncode:
        pytest.skip("not a git repository")
    names = done.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MODULE_LINES, "a module this long is two things: split it"
    too_long = {
        f"{node.name} (line {node.lineno})": length
        for node in functions(ast.parse(text))
        if (length := lines_of_code(node)) > FUNCTION_LINES
    }
    assert not too_long, "a function this long is two things: split it"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_board_code_is_data_and_never_imported(path: Path) -> None:
    # import-linter does not see these folders, since they hold no packages.
    names = set(imported(ast.parse(path.read_text(encoding="utf-8"))))
    forbidden = re.compile(r"belay\.(onboard|virtual\.modules)(\.|$)")
    assert not {name for name in names if forbidden.match(name)}


def test_no_rooms_without_a_purpose(tracked: list[Path]) -> None:
    names = {"utils.py", "helpers.py", "common.py"}
    assert not [path for path in tracked if path.name in names]


def test_every_python_file_names_its_licence(tracked: list[Path]) -> None:
    line = "# SPDX-License-Identifier: Apache-2.0"
    python = [path for path in tracked if path.suffix == ".py" and path.stat().st_size]
    assert not [p for p in python if p.read_text(encoding="utf-8").splitlines()[:1] != [line]]


def test_no_registry_and_no_path_of_one_machine(tracked: list[Path]) -> None:
    # Written in two pieces, so that this file passes its own test.
    forbidden = [
        rb"pypi\." + b"org",
        rb"python" + rb"hosted\.org",
        rb"registry\." + b"npmjs",
        rb"deb\." + rb"debian\.org",
        rb"/(?:work)/(main|shared)",
        rb"/tmp/" + rb"team",
        rb"/(root|home)" + rb"/\w",
    ]
    found = [
        f"{path.relative_to(ROOT)}: {match[0]!r}"
        for path in tracked
        if path.suffix not in {".png", ".gif"}
        for pattern in forbidden
        for match in re.finditer(pattern, path.read_bytes())
    ]
    assert not found


def test_nothing_binary_is_tracked(tracked: list[Path]) -> None:
    allowed = {".png", ".gif"}  # pictures that the pages show
    assert not [p for p in tracked if p.suffix not in allowed and b"\0" in p.read_bytes()]


def test_commands_on_the_pages_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        named = set(re.findall(r"(?:`|^\s*)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE))
        assert named <= targets, page
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("make demo", "make test", "make lab", "pip install belay-jupyter"):
        assert command in readme


def test_links_on_the_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]:
        links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        local = [link for link in links if "://" not in link]
        assert not [link for link in local if not (page.parent / link).exists()], page


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = [path.name for path in folder.glob("[0-9]*.md")]
    assert pages
    assert not [name for name in pages if f"({name})" not in index]
