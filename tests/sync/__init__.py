# SPDX-License-Identifier: Apache-2.0
"""Sync: plans on models, transfers on the real virtual board."""
