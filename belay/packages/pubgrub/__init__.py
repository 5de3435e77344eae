# SPDX-License-Identifier: Apache-2.0
"""A version solver that finds a solution if there is one, and says why where there is none.

The algorithm is PubGrub (Natalie Weizenbaum, 2018, and the documentation of Dart's ``pub``): unit
propagation over incompatibilities, with conflict-driven learning. It asks for what it needs and
does no I/O; see :func:`belay.packages.pubgrub.core.solve`.
"""

from __future__ import annotations

from belay.packages.pubgrub.core import (
    ROOT,
    Dependencies,
    NoSolution,
    Unavailable,
    Versions,
    run,
    solve,
)
from belay.packages.pubgrub.explain import explain, facts, simplest
from belay.packages.pubgrub.sets import VersionSet
from belay.packages.pubgrub.words import Words

__all__ = [
    "ROOT",
    "Dependencies",
    "NoSolution",
    "Unavailable",
    "VersionSet",
    "Versions",
    "Words",
    "explain",
    "facts",
    "run",
    "simplest",
    "solve",
]
