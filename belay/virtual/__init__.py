# SPDX-License-Identifier: Apache-2.0
"""The virtual board: a real MicroPython, without hardware.

A program of its own, ``python -m belay.virtual``: bytes in, bytes out, as on a serial port. It
imports nothing else of belay; importing this package loads nothing heavy.
"""

from __future__ import annotations
