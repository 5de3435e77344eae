# SPDX-License-Identifier: Apache-2.0
"""Whether somebody looks at the notebook while it runs."""

from __future__ import annotations

from typing import Any

from IPython.core.getipython import get_ipython

__all__ = ["is_watched", "shown"]

_VIEW = "application/vnd.jupyter.widget-view+json"


def is_watched() -> bool:
    """Whether the cell that runs was started from a page that can show widgets.

    Programs that execute notebooks (nbconvert, nbclient, papermill) say with each cell that nobody
    answers ``input()``. What they write would show a widget without its kernel: nothing at all.
    """
    shell: Any = get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
    parent: Any = getattr(shell, "get_parent", dict)()
    content = parent.get("content", {}) if isinstance(parent, dict) else {}
    return bool(content.get("allow_stdin", True))


def shown(widget: Any) -> dict[str, Any]:
    """What an output holds to show a widget."""
    return {_VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}
