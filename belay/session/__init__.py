# SPDX-License-Identifier: Apache-2.0
"""One board, one session: it owns the transport, the lock, the recovery and the facts."""
