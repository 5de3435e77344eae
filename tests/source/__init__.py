# SPDX-License-Identifier: Apache-2.0
"""Source on its way to a board, and tracebacks on their way back: text in, text out."""
