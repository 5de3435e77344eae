# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import belay

if os.name == "posix":
    from tests.links.unixport import unix_port as unix_port
    from tests.links.unixport import unix_python as unix_python


@pytest.fixture(scope="module")
def device() -> Iterator[belay.Device]:
    """A board for the tests of a module that leave it as they found it."""
    with belay.Device("virtual:") as connected:
        yield connected


@pytest.fixture
def connect() -> Iterator[Callable[..., belay.Device]]:
    """Makes Devices that are closed when the test is over."""
    made: list[belay.Device] = []

    def connected(address: Any = "virtual:", **options: Any) -> belay.Device:
        made.append(belay.Device(address, **options))
        return made[-1]

    yield connected
    for one in made:
        one.close()
