# SPDX-License-Identifier: Apache-2.0
"""Hardware in the loop: a pytest plugin for tests that use boards, real and virtual.

pytest finds it by itself (entry point ``belay``); ``docs/testing.md`` says what it offers. It does
nothing, and loads nothing, in a project whose tests use none of its fixtures and markers.
"""

from __future__ import annotations
