# SPDX-License-Identifier: Apache-2.0
"""Files of ``unittest`` that run on the board, collected without being imported here.

Their classes and methods are read from the syntax tree: a file for a board imports ``machine``.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from belay import errors
from belay.session.onboard import load
from belay.testing.evidence import board_exceptions
from belay.testing.ondevice import OnDeviceError, fail_as_host

if TYPE_CHECKING:
    from belay.testing.run import Run

__all__ = ["OnBoardFile", "imports_unittest"]

_HELPERS = "<unittest>"


def imports_unittest(path: Path) -> bool:
    """Whether a file imports ``unittest``, and can be read at all."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    return any(
        any(alias.name == "unittest" for alias in node.names)
        if isinstance(node, ast.Import)
        else isinstance(node, ast.ImportFrom) and node.module == "unittest"
        for node in ast.walk(tree)
    )


class OnBoardFile(pytest.File):
    """A file of test cases that run on the board.

    ``__requires__ = ("wifi",)`` in it says what its board must have, as the marker does.
    """

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Its test cases."""
        tree = ast.parse(self.path.read_bytes())
        if names := _requires(tree):
            self.add_marker(pytest.mark.requires(*names))
        cases: dict[str, ast.ClassDef] = {}
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and _is_case(node, cases):
                cases[node.name] = node
                yield _OnBoardCase.from_parent(self, name=node.name, node=node, cases=cases)


class _OnBoardCase(pytest.Collector):
    def __init__(self, *, node: ast.ClassDef, cases: dict[str, ast.ClassDef], **rest: Any) -> None:
        super().__init__(**rest)
        self._node = node
        self._cases = cases

    def collect(self) -> Iterator[pytest.Item]:
        for name, method in _methods(self._node, self._cases).items():
            yield _OnBoardTest.from_parent(self, name=name, case=self.name, method=method)


class _OnBoardTest(pytest.Item):
    def __init__(self, *, case: str, method: ast.FunctionDef, **rest: Any) -> None:
        super().__init__(**rest)
        self._case = case
        self._method = method

    def setup(self) -> None:
        self._held = _run_of(self).first(self, "")

    def runtest(self) -> None:
        device, path = self._held.device, str(self.path)
        assert device is not None
        source = self.path.read_text(encoding="utf-8")
        names = {(path, self.name): self._method.lineno}
        try:
            device.run_cell(load("unittesting"), filename=_HELPERS, result=False)
            if device("_belay_lacks_unittest()"):
                device(f"_belay_unittest({load('unittestmodule')!r})", record=False)
            device.run_cell(source, filename=path, result=False)
            skipped = device.run_cell(
                f"_belay_case({self._case}, {self.name!r})", filename=_HELPERS
            )
        except errors.PyboardException as error:
            frames = [frame for frame in error.frames if frame.filename != _HELPERS]
            fail_as_host(_failure(error), frames, names)
        if skipped is not None:
            raise pytest.skip.Exception(skipped, _use_item_location=True)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self._method.lineno - 1, f"{self._case}.{self.name}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if any(board_exceptions(excinfo.value)):
            excinfo.traceback = excinfo.traceback.cut(path=self.path)
            style = style or self.config.getoption("tbstyle").replace("auto", "long")
        return super().repr_failure(excinfo, style)


def _run_of(item: pytest.Item) -> Run:
    from belay.testing.plugin import run_of

    return run_of(item.config)


def _failure(error: errors.PyboardException) -> Exception:
    lines = str(error.args[0]).strip().splitlines()
    said = lines[-1] if lines else error.type
    assertion = error.type == "AssertionError"
    failure: Any = (
        AssertionError(said.removeprefix("AssertionError: ")) if assertion else OnDeviceError(said)
    )
    failure.original = error
    found: Exception = failure
    return found


def _requires(tree: ast.Module) -> tuple[str, ...]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__requires__" for target in node.targets
        ):
            value: object = None
            with contextlib.suppress(ValueError):
                value = ast.literal_eval(node.value)
            names = (value,) if isinstance(value, str) else value
            if not isinstance(names, (tuple, list)):
                raise pytest.Collector.CollectError(
                    f"line {node.lineno}: __requires__ is read, not run: it is a tuple of texts, "
                    'such as ("wifi",)'
                )
            return tuple(names)
    return ()


def _bases(node: ast.ClassDef) -> list[str]:
    return [
        base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        for base in node.bases
    ]


def _is_case(node: ast.ClassDef, cases: dict[str, ast.ClassDef]) -> bool:
    return any(base == "TestCase" or base in cases for base in _bases(node))


def _methods(node: ast.ClassDef, cases: dict[str, ast.ClassDef]) -> dict[str, ast.FunctionDef]:
    """Its test methods, those that it inherits from others of the file included."""
    found: dict[str, ast.FunctionDef] = {}
    for base in _bases(node):
        if base in cases:
            found |= _methods(cases[base], cases)
    found |= {
        part.name: part
        for part in node.body
        if isinstance(part, ast.FunctionDef) and part.name.startswith("test")
    }
    return found
