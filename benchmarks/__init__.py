# SPDX-License-Identifier: Apache-2.0
"""``make bench``: this project beside Belay 0.30.1, mpremote 1.29.0 and mpytool 2.6.0.

Each peer runs in its own process and its own environment, on its own virtual board of the same
kind, behind the same kind of link; the peers take turns call by call, so that whatever else the
machine does falls on all of them alike. Read ratios, not milliseconds.
"""

from __future__ import annotations
