# SPDX-License-Identifier: Apache-2.0
"""``traceback`` of CircuitPython. Exceptions have no ``__traceback__`` here: ``tb`` is ignored."""

import sys as _real
from io import StringIO

_print = _real.print_exception


def format_exception(exc, value=None, tb=None, limit=None, chain=True):
    text = StringIO()
    _print(exc if value is None else value, text)
    return [line + "\n" for line in text.getvalue().splitlines()]


def print_exception(exc, value=None, tb=None, limit=None, file=None, chain=True):
    text = "".join(format_exception(exc, value, tb))
    if file is None:
        print(text, end="")
    else:
        file.write(text)


__name__ = "traceback"
