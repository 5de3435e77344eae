# SPDX-License-Identifier: Apache-2.0
"""Packages for boards: what a project needs, resolved, locked, kept and put in place."""
