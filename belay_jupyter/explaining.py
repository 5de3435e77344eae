# SPDX-License-Identifier: Apache-2.0
"""The kernel of an installation that cannot work: every cell says why.

A kernel that ended at once would say it in the server's log, where nobody looks, and the notebook
would only show that it died. Nothing here imports ``belay``: that is what is wrong.
"""

from __future__ import annotations

from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

__all__ = ["explain"]


def explain(arguments: list[str], message: str) -> None:
    """Be a kernel that runs nothing.

    Args:
        arguments: those that Jupyter gives.
        message: what each cell says.
    """
    ExplainingKernel.banner = ExplainingKernel.message = message
    IPKernelApp.launch_instance(arguments, kernel_class=ExplainingKernel)


class ExplainingKernel(Kernel):
    """Fails every cell with a message.

    Attributes:
        message: what it says.
    """

    implementation = "belay"
    implementation_version = "0"
    language_info = {  # noqa: RUF012 - as in the base class
        "name": "python",
        "mimetype": "text/x-python",
        "file_extension": ".py",
    }
    message = ""

    async def do_execute(self, code: str, silent: bool, *args: Any, **options: Any) -> Any:
        """Fail a cell."""
        told = {"ename": "ImportError", "evalue": self.message, "traceback": [self.message]}
        if not silent:
            self.send_response(self.iopub_socket, "error", told)
        return {"status": "error", "execution_count": self.execution_count, **told}
