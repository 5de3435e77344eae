# SPDX-License-Identifier: Apache-2.0
"""There are no state machines: says so, and what to do."""

raise ImportError(
    "no module named 'rp2': the virtual board does not simulate PIO state machines; "
    "machine.PWM, machine.Timer, machine.bitstream and neopixel do without them"
)
