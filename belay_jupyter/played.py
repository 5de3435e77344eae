# SPDX-License-Identifier: Apache-2.0
"""Runs as a program behind the cells of a notebook that is played: all was asked for, or it fails.

``%run -m belay_jupyter.played`` is for this computer in every notebook, also where cells run on the
board, and needs no extension.
"""

from __future__ import annotations

from belay.recording import check_played

if __name__ == "__main__":
    check_played()
