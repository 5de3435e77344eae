# SPDX-License-Identifier: Apache-2.0
"""Packages: what the project wants, what the sources offer, and what comes of it."""
