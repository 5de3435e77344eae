# SPDX-License-Identifier: Apache-2.0
"""Plots that grow while a board measures: ``belay_jupyter.plot``, ``%belay_plot``."""
