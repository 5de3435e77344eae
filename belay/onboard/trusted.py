# SPDX-License-Identifier: Apache-2.0
# A result whose text the host may evaluate, where it cannot travel. An extension of the agent.


def trusted(a):
    v = run(a[0], a[1])
    return (True, v) if travels(v) else (False, repr(v), type(v).__name__)


OPS[116] = trusted
