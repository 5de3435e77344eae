# SPDX-License-Identifier: Apache-2.0
"""Boards to look after: ``belay_jupyter.dashboard`` and ``%belay_dashboard``."""
