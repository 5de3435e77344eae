# SPDX-License-Identifier: Apache-2.0
"""Where packages come from: what people write for it, and what is found there."""
