# SPDX-License-Identifier: Apache-2.0
"""A real IPython kernel in a process of its own, and what it answers."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 110.0
"""Seconds after which a kernel counts as hung, less than pytest's own limit. Nothing here takes
more than one or two on a machine that does nothing else; with ten other things to do, some take
a minute."""

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class ThisPython(KernelManager):
    """Starts the kernel with the Python that runs the tests."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(**get_kernel_dict())


@dataclass
class Reply:
    """What a cell did.

    Attributes:
        status: ok, error or aborted.
        number: of the cell, as in ``In[number]``.
        messages: those of iopub, in order.
        stopped_in: seconds from an interrupt to its end.
    """

    status: str = ""
    number: int = 0
    stopped_in: float = math.nan
    messages: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [m["content"] for m in self.messages if m["msg_type"] == kind]

    def text(self, name: str) -> str:
        parts = [c["text"] for c in self.of("stream") if c["name"] == name]
        return _ESCAPE.sub("", "".join(parts))

    @property
    def stdout(self) -> str:
        return self.text("stdout")

    @property
    def stderr(self) -> str:
        return self.text("stderr")

    @property
    def result(self) -> str | None:
        """The text of Out[n], if there is one."""
        results = self.of("execute_result")
        assert len(results) <= 1
        if results:
            assert results[0]["execution_count"] == self.number
        return results[0]["data"]["text/plain"] if results else None

    @property
    def error(self) -> str:
        """The traceback of a cell that failed, as it is shown, without colours."""
        assert self.status == "error"
        return self.traceback

    @property
    def traceback_or_text(self) -> str:
        """What a cell that failed shows: a UsageError is text, and no traceback."""
        return self.stderr + (self.traceback if self.of("error") else "")

    @property
    def traceback(self) -> str:
        """The last traceback that was shown."""
        return _ESCAPE.sub("", "\n".join(self.of("error")[-1]["traceback"]))


class Kernel:
    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client
        self._asked: set[str] = set()

    def run(
        self,
        code: str,
        on_output: Callable[[str], None] | None = None,
        on_input: Callable[[str], str] | None = None,
    ) -> Reply:
        """Run a cell to its end.

        Args:
            code: the cell.
            on_output: called with the whole stdout so far, each time when some has arrived.
            on_input: called with the prompt when the cell asks for a line; without, there is
                nobody to ask, as in nbconvert.
        """
        reply = Reply()

        def hook(message: dict[str, Any]) -> None:
            reply.messages.append(message)
            if on_output and message["msg_type"] == "stream":
                on_output(reply.stdout)

        def answer_input(message: dict[str, Any]) -> None:
            assert on_input is not None
            self.client.input(on_input(message["content"]["prompt"]))

        answer = self.client.execute_interactive(
            code,
            store_history=True,
            # ipykernel aborts what comes within a moment of an error, even a client's next step.
            stop_on_error=False,
            allow_stdin=on_input is not None,
            stdin_hook=answer_input,
            timeout=PATIENCE,
            output_hook=hook,
        )
        reply.status = answer["content"]["status"]
        reply.number = answer["content"].get("execution_count", 0)
        return reply

    def good(self, code: str) -> Reply:
        """Run a cell that must not fail."""
        reply = self.run(code)
        assert reply.status == "ok", reply.error
        return reply

    def be_patient(self, magic: str = "") -> None:
        """However busy this machine is: an idle board answers when Tab is pressed.

        Args:
            magic: what makes of a cell one of this computer.
        """
        self.good(f"{magic}import belay_jupyter.knowledge as known\nknown.PATIENCE = {PATIENCE}")

    def run_behind_aborted(self, code: str) -> Reply:
        """Run a cell behind aborted ones: for a moment the kernel aborts whatever comes."""
        while (reply := self.run(code)).status == "aborted":
            pass
        return reply

    def interrupt_by_message(self) -> None:
        """Ask for an interrupt; :meth:`await_interrupts` waits until all have been dealt with."""
        request = self.client.session.msg("interrupt_request", {})
        self._asked.add(request["header"]["msg_id"])
        self.client.control_channel.send(request)

    def await_interrupts(self) -> None:
        """Until the kernel has answered all of them: a late one would hit the next cell."""
        while self._asked:
            reply = self.client.get_control_msg(timeout=PATIENCE)
            self._asked.discard(reply["parent_header"]["msg_id"])

    def run_and_interrupt(self, code: str, after: str) -> Reply:
        """Run a cell; interrupt the kernel once its stdout holds ``after``.

        The cell must not end by itself: what arrives here arrives while it runs.
        """
        interrupted: list[float] = []

        def on_output(text: str) -> None:
            if after in text and not interrupted:
                interrupted.append(time.monotonic())
                self.manager.interrupt_kernel()

        reply = self.run(code, on_output)
        reply.stopped_in = time.monotonic() - interrupted[0]
        return reply

    def run_and_interrupt_in_time(self, code: str, after: str, seconds: float) -> Reply:
        """The same until it takes no longer than that: this computer may do other things, too.

        Raises:
            AssertionError: it took longer each of many times.
        """
        took = []
        for _ in range(20):
            reply = self.run_and_interrupt(code, after)
            assert reply.of("error")[-1]["ename"] == "KeyboardInterrupt"
            if reply.stopped_in < seconds:
                return reply
            took.append(reply.stopped_in)
        raise AssertionError(f"never within {seconds} s: {took}")


class MicroPythonKernel(ThisPython):
    """Starts the kernel whose cells run on the board, also with this Python."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec.from_resource_dir(str(ROOT / "kernelspec"))


@contextmanager
def kernel_process(
    home: Path, kind: type[KernelManager] = ThisPython, **variables: str
) -> Iterator[Kernel]:
    """A kernel without the user's settings.

    Args:
        home: an empty folder.
        kind: starts it.
        variables: of its environment.
    """
    env = {
        **os.environ,
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "PYTHONPATH": str(ROOT),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    env.pop("BELAY_DEVICE", None)
    env.update(variables)
    manager = kind(kernel_name="python3", connection_file=str(home / "connection.json"))
    manager.start_kernel(env=env, extra_arguments=["--log-level=ERROR"])
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.cleanup_resources()
        client.context.destroy()
