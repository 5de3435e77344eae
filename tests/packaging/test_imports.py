# SPDX-License-Identifier: Apache-2.0
"""``import belay`` stays cheap: gated on what it loads, since times vary with the machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

import belay

HEAVY = {
    "anywidget",
    "IPython",
    "asyncio",
    "concurrent",
    "cyclopts",
    "email",
    "http",
    "importlib.metadata",
    "inspect",
    "ipykernel",
    "ipywidgets",
    "jupyter_client",
    "logging",
    "packaging",
    "requests",
    "rich",
    "serial",
    "socket",
    "ssl",
    "subprocess",
    "traitlets",
    "typing_extensions",
    "urllib",
    "wasmtime",
}


def modules_after(statement: str) -> set[str]:
    """Modules that a fresh interpreter holds after a statement, less those it starts with."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def heavy(modules: set[str]) -> set[str]:
    return {m for m in modules if any(m == name or m.startswith(f"{name}.") for name in HEAVY)}


@pytest.mark.parametrize("statement", ["import belay", "import belay.cli", "import belay_jupyter"])
def test_nothing_heavy_is_loaded(statement: str) -> None:
    loaded = modules_after(statement)
    assert loaded
    assert heavy(loaded) == set()


def test_importing_the_extension_does_not_import_belay() -> None:
    # The check for the old Belay must come first (belay_jupyter/installation.py).
    assert "belay" not in modules_after("import belay_jupyter")


@pytest.mark.parametrize("name", sorted(belay.__all__))
def test_every_public_name_arrives(name: str) -> None:
    assert getattr(belay, name) is not None
    assert name in dir(belay)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Devise'"):
        belay.Devise  # noqa: B018


def test_every_exception_is_exported() -> None:
    kinds = {name for name in belay.errors.__all__ if name[0].isupper()}
    assert kinds <= set(belay.__all__)
