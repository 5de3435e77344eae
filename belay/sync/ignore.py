# SPDX-License-Identifier: Apache-2.0
"""Which files a sync leaves out, and which of the board's it leaves alone."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = [
    "DEFAULT_IGNORE",
    "DEFAULT_KEEP",
    "KEPT_ON_A_DRIVE",
    "ROOTS",
    "Patterns",
    "ignoring",
    "keeping",
    "kept_names",
]

ROOTS = ("/", "/flash")
"""Where a board's own files begin: pyboards keep theirs in ``/flash``."""

DEFAULT_IGNORE = ("*.pyc", "__pycache__", ".DS_Store", ".pytest_cache")
"""What is left out where the caller says nothing: as in Belay 0.30."""

DEFAULT_KEEP = ("boot.py", "webrepl_cfg.py", "lib")
"""What stays in the root of a board where the caller says nothing: as in Belay 0.30."""

KEPT_ON_A_DRIVE = (
    "boot_out.txt",
    "settings.toml",
    "sd",
    ".fseventsd",
    ".metadata_never_index",
    ".Trashes",
    "System Volume Information",
)
"""What stays as well where the firmware, or the computer that shows the board as a drive, has put
it: on CircuitPython."""

_WILD = re.compile(r"[*?\[]")
_SPECIAL = re.compile(r"([*?\[\]!#\\ ])")


class Patterns:
    """Lines of a ``.gitignore``, matched against paths below a folder.

    As in git, what is below a matched folder is matched, whatever later lines say.

    Args:
        lines: the patterns; of those that match a path the last decides.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = tuple(lines)
        self._spec: GitIgnoreSpec | None = None
        self._known: dict[str, bool] = {"": False}

    def __call__(self, path: str, *, folder: bool = False) -> bool:
        """Whether they match.

        Args:
            path: relative to the folder, with ``/``.
            folder: whether it is a folder itself: patterns that end in ``/`` match only these.
        """
        if not self._lines:
            return False
        if not folder:
            return self(posixpath.dirname(path), folder=True) or self._matches(path)
        found = self._known.get(path)
        if found is None:
            found = self(posixpath.dirname(path), folder=True) or self._matches(f"{path}/")
            self._known[path] = found
        return found

    def _matches(self, path: str) -> bool:
        if self._spec is None:
            from pathspec import GitIgnoreSpec  # its import takes longer than an unchanged sync

            self._spec = GitIgnoreSpec.from_lines(self._lines)
        return self._spec.match_file(path)


def ignoring(ignore: object) -> Patterns:
    """What the argument ``ignore`` of a sync says.

    Args:
        ignore: patterns, or one; None for :data:`DEFAULT_IGNORE`; ``[]`` for nothing.

    Raises:
        TypeError: anything else.
    """
    return Patterns(DEFAULT_IGNORE if ignore is None else _texts("ignore", ignore))


def keeping(keep: Iterable[str]) -> Patterns:
    """What stays on a board.

    A name without wildcards is one path, relative to the folder that is synced, as in Belay;
    with them (``*``, ``?``, ``[…]``) or with ``!`` in front it is a pattern, as in git.
    """
    lines: list[str] = []
    for entry in keep:
        if not entry.startswith("!"):
            name = posixpath.normpath(f"/{entry}").lstrip("/")
            lines.append("/" + _SPECIAL.sub(r"\\\1", name) if name else "*")
        if entry.startswith("!") or _WILD.search(entry):
            lines.append(entry)
    return Patterns(lines)


def kept_names(keep: object, dst: str, *, drive: bool = False) -> tuple[str, ...] | None:
    """What the argument ``keep`` of a sync says.

    Args:
        keep: names and patterns, or one; None for :data:`DEFAULT_KEEP` in :data:`ROOTS`, and for
            nothing elsewhere; False for nothing; True for everything.
        dst: the folder on the board.
        drive: whether computers show its files as a drive: :data:`KEPT_ON_A_DRIVE`.

    Returns:
        Names and patterns; None for everything.

    Raises:
        TypeError: anything else.
    """
    if keep is None:
        return DEFAULT_KEEP + KEPT_ON_A_DRIVE * drive if dst in ROOTS else ()
    if isinstance(keep, bool):
        return None if keep else ()
    return _texts("keep", keep)


def _texts(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        texts = tuple(value)
        if all(isinstance(text, str) for text in texts):
            return texts
    raise TypeError(f"{name} takes a str or a list of str, not {value!r}")
