# SPDX-License-Identifier: Apache-2.0
"""Objects of a board as something to look into and to touch: ``belay_jupyter.view``."""
