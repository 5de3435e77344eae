# SPDX-License-Identifier: Apache-2.0
"""``python -m belay``: the same as the ``belay`` command."""

from __future__ import annotations

import sys

from belay.cli import main

if __name__ == "__main__":
    sys.exit(main())
