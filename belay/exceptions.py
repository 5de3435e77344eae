# SPDX-License-Identifier: Apache-2.0
"""The exceptions, by the name that their module has in Belay 0.30; see :mod:`belay.errors`."""

from __future__ import annotations

from belay import errors
from belay.errors import *  # noqa: F403 - the same names, all of them

__all__ = [*errors.__all__, "InternalError"]


class InternalError(errors.BelayException):
    """Belay 0.30 used it inside. Nothing here raises it."""
