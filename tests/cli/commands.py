# SPDX-License-Identifier: Apache-2.0
"""Commands that the tests add to the table."""

from __future__ import annotations

import belay


def fail() -> None:
    raise belay.PortNotFoundError("There is no port /dev/nowhere.")


def interrupt() -> None:
    raise KeyboardInterrupt


def double(number: int) -> None:
    print(2 * number)


def status() -> int:
    return 7
