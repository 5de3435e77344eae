# SPDX-License-Identifier: Apache-2.0
# What a rewritten assert statement of a test calls on the board: it keeps the values that the
# statement has looked at, so that the host can show them when it fails. One test at a time.
def _belay_seen(op, n=0, v=None, seen={}, failed=[]):
    if op == 0:  # a statement begins
        seen.clear()
        return False
    if op == 1:  # it has looked at something
        seen[n] = v
        return v
    if op == 2:  # it has failed
        failed[:] = [n, dict(seen)]
        return v
    if op == 3:  # the host asks
        r = []
        if failed:
            for k, v in failed[1].items():
                try:
                    v = repr(v)
                except Exception as e:
                    v = "<repr() raised %s>" % type(e).__name__
                r.append((k, v[:n]))
            r = (failed[0], r)
        return r
    if op == 4:  # for the value itself
        return failed[1][n]
    seen.clear()
    failed.clear()
