# SPDX-License-Identifier: Apache-2.0
"""What docs/webrepl.md shows happens, on a virtual board with WebREPL."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from tests.device.test_docs import snippets
from tests.virtual.webreplclient import webrepl_board


def test_the_page_is_true() -> None:
    found = snippets("webrepl.md")
    assert len(found) == 2
    names: dict[str, Any] = {"__name__": "__main__"}
    with webrepl_board("--password", "secret99") as (port, _):
        try:
            for line, source, expected in found:
                assert "ws://192.168.4.1" in source
                source = source.replace("ws://192.168.4.1", f"ws://127.0.0.1:{port}")
                # The page's own lines, so that tracebacks point into it.
                path = __file__.replace("test_webrepl_page.py", f"page-{line}.py")
                code = compile("\n" * (line - 1) + source, path, "exec")
                output = io.StringIO()
                with contextlib.redirect_stdout(output), _known(path, line, source):
                    exec(code, names)
                assert output.getvalue() == expected, f"webrepl.md:{line}"
        finally:
            if "device" in names:
                names["device"].close()


@contextlib.contextmanager
def _known(path: str, line: int, source: str) -> Any:
    """Let the source of a snippet be found, which a task needs."""
    import linecache

    text = "\n" * (line - 1) + source
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    yield
    del linecache.cache[path]
