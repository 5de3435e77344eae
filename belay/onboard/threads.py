# SPDX-License-Identifier: Apache-2.0
# Threads. An extension: it runs in the agent's own dictionary, and comments do not travel.
# Operation "h": (name, args, keywords).


def start_thread(a):
    import _thread

    _thread.start_new_thread(name(a[0]), a[1], a[2])


OPS[ord("h")] = start_thread
