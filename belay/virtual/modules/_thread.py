# SPDX-License-Identifier: Apache-2.0
"""There are no threads: says so, and what to do."""

raise ImportError(
    "no module named '_thread': the virtual board has no threads; asyncio and machine.Timer do "
    "without them"
)
