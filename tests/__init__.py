# SPDX-License-Identifier: Apache-2.0
"""Tests of belay and belay_jupyter; nearly all of them run on a real MicroPython."""
