# SPDX-License-Identifier: Apache-2.0
"""The protocol between host and board, without any input or output.

Bytes go in, events and bytes come out. Nothing here reads a clock, starts a thread, opens a port
or a socket: how long to wait is a number handed to the driver (:mod:`belay.session`), so every
state can be tested as a table. ``docs/decisions/0004-the-wire.md`` says why the wire looks like
this and what was measured.
"""
