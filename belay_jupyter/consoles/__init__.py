# SPDX-License-Identifier: Apache-2.0
"""A board's own prompt beside the notebook: ``belay_jupyter.console`` and ``%belay_console``."""
