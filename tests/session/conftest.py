# SPDX-License-Identifier: Apache-2.0
"""No test leaves a session open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.session import boards


@pytest.fixture(autouse=True)
def _close_sessions() -> Iterator[None]:
    before = len(boards.opened)
    yield
    while len(boards.opened) > before:
        boards.opened.pop().close()
