# SPDX-License-Identifier: Apache-2.0
"""What was typed makes no sense."""

from __future__ import annotations

from belay.errors import BelayException

__all__ = ["UsageError", "WordCountError"]


class UsageError(BelayException):
    """Arguments that make no sense: the message is one line, the exit status is 2."""


class WordCountError(UsageError):
    """Too few or too many arguments."""
