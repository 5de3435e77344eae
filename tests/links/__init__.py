# SPDX-License-Identifier: Apache-2.0
"""Links for tests: they count, and they break what passes."""

from __future__ import annotations

from tests.links.counting import CountingLink
from tests.links.faulty import FaultyLink

__all__ = ["CountingLink", "FaultyLink"]
