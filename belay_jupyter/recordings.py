# SPDX-License-Identifier: Apache-2.0
"""What ``%belay_connect --record`` writes, and what must not be written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from belay.errors import BelayException

if TYPE_CHECKING:
    from belay.recording import Recording

__all__ = ["NoSecretError", "recording"]


class NoSecretError(BelayException):
    """``--secret`` names something that is not there."""


def recording(
    file: str | None, secrets: Sequence[str], namespace: Mapping[str, Any]
) -> Recording | None:
    """What ``--record`` and ``--secret`` mean.

    Args:
        file: the cassette; None for no recording.
        secrets: names of variables of the notebook or of the environment.
        namespace: the notebook's variables.

    Raises:
        NoSecretError: a name has no text; or there is no recording to keep it out of.
    """
    if file is None:
        if secrets:
            raise NoSecretError("--secret keeps a text out of a recording: add --record FILE")
        return None
    from belay.recording import Recording

    texts = []
    for name in secrets:
        text = namespace.get(name, os.environ.get(name))
        if not isinstance(text, str) or not text:
            raise NoSecretError(
                f"--secret {name}: neither a variable of this notebook nor one of the environment "
                "of this name holds a text"
            )
        texts.append(text)
    return Recording(file, secrets=texts)
