# SPDX-License-Identifier: Apache-2.0
"""MicroPython boards in a notebook: ``%load_ext belay_jupyter``."""

from __future__ import annotations
