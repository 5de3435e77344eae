# SPDX-License-Identifier: Apache-2.0
"""Where in the user's program something was asked for."""

from __future__ import annotations

import os
import sys

__all__ = ["Place", "place_of_caller", "shown"]

Place = tuple[str, int]
"""A file and a line in it."""

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_OURS = (_PACKAGE + os.sep, f"{_PACKAGE}_jupyter{os.sep}")


def place_of_caller() -> Place:
    """The first caller outside of our packages."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def shown(place: Place) -> str:
    """A place as text: ``prog.py:12``, or ``Cell In[3], line 12`` where IPython knows it."""
    file, line = place
    ipython = sys.modules.get("IPython")
    if ipython is not None:
        try:
            label, name = ipython.get_ipython().compile.format_code_name(file)
        except (AttributeError, TypeError):  # no IPython runs, or this is a file
            pass
        else:
            return f"{label} {name}, line {line}"
    return f"{file}:{line}"
