# SPDX-License-Identifier: Apache-2.0
"""Whether somebody looks at the notebook while it runs."""

from __future__ import annotations

from typing import Any

from IPython.core.getipython import get_ipython

__all__ = ["is_watched", "shown"]

_VIEW = "application/vnd.jupyter.widget-view+json"


def is_watched() -> bool:
    """Whether there is a page to click on.

    What executes a notebook by itself (nbconvert, papermill) cannot ask its user anything, and says
    so with each cell. Of such a notebook a reader sees what is beside the widget, but only if there
    is no widget: see decision 0020.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is None or bool(kernel._allow_stdin)


def shown(widget: Any) -> dict[str, Any]:
    """What an output holds to show a widget."""
    return {_VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}
