# SPDX-License-Identifier: Apache-2.0
"""What commands of the control pipe are made of (see :mod:`.control`), for who offers some."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["CommandError", "Commands", "Json", "SceneError"]

Json = Any
"""What JSON can say: None, bool, int, float, str, and lists and dicts of those."""

Commands = Mapping[str, Callable[..., Json]]
"""Functions by the names of the commands, called with what stands in ``with`` as keywords."""


class CommandError(ValueError):
    """A command that cannot be done; the text goes to whoever gave it."""


class SceneError(ValueError):
    """A scene that cannot be built: which file, which line, what is wrong with it."""
