# SPDX-License-Identifier: Apache-2.0
"""``belay virtual`` refuses what makes no sense before it starts anything."""

from __future__ import annotations

from typing import Any

import pytest

from belay.cli.usage import UsageError
from belay.cli.virtual import virtual


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tcp": 99999}, "--tcp 99999"),
        ({"tcp": -1}, "65535"),
        ({"tcp": 0, "pty": True}, "Only one of"),
        ({"link": "/dev/x", "stdio": True}, "needs --pty"),
        ({"tcp": 0, "flash": "2X"}, "--flash 2X"),
        ({"webrepl": 70000}, "--webrepl 70000"),
        ({"webrepl": 0, "tcp": 0}, "Only one of"),
        ({"tcp": 0, "password": "x"}, "needs --webrepl"),
        ({"link": "/dev/x", "webrepl": 0}, "needs --pty"),
        ({"tcp": 0, "baud": 0}, "--baud 0"),
        ({"tcp": 0, "delay": -1}, "--delay -1"),
        ({"tcp": 0, "loss": 1.5}, "--loss 1.5"),
    ],
    ids=range(12),
)
def test_options_that_make_no_sense(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        virtual(**options)
