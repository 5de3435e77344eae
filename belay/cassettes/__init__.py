# SPDX-License-Identifier: Apache-2.0
"""Cassettes: what was said in a session with a board, as a text file that a diff can show.

Nothing here talks to a board: `belay.session.taping` writes a cassette, `belay.session.replaying`
plays one.
"""
