# SPDX-License-Identifier: Apache-2.0
"""The sans-I/O core as tables: bytes in, events out. No clock, no thread, no socket.

Each module has a test file of its own name that takes every branch of it by itself; ``make test``
runs this folder alone and fails below 100 %.
"""
