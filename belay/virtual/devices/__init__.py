# SPDX-License-Identifier: Apache-2.0
"""Parts that hang on the simulated board's buses; each is a `belay.virtual.i2c.Device`."""
