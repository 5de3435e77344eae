# SPDX-License-Identifier: Apache-2.0
"""The public API on the real virtual board."""
