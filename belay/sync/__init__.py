# SPDX-License-Identifier: Apache-2.0
"""Makes the files of a board equal those of a folder: the plan is pure, its application streams."""
