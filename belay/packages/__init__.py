# SPDX-License-Identifier: Apache-2.0
"""The packages of a project: where they are, and the programs that use them."""
