# SPDX-License-Identifier: Apache-2.0
"""Functions for a board, in a file of their own: tracebacks lead here."""

from __future__ import annotations

# A line of its own keeps the numbers of the two files apart.


def divide(a, b):
    """Divide on the board."""
    print("dividing")
    return a / b


def fetch(key):
    table = {"a": 1}
    return table[key]


def unfinished(value):
    match value:
        case 1:
            return "one"


def same(value):
    return value
