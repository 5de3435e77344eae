# SPDX-License-Identifier: Apache-2.0
"""The extension and the kernel on every Python of this machine; in CI, 3.10 must be among them.

On Python 3.10 that is IPython 8, on newer ones IPython 9.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpec

from tests.jupyter import pythons
from tests.jupyter.kernels import MicroPythonKernel, ThisPython, kernel_process

MUST_BE_THERE = ("3.10",) if os.environ.get("CI") else ()
OTHERS = [v for v in pythons.VERSIONS if v != "{}.{}".format(*sys.version_info[:2])]
"""The version that runs the tests is in all the others here."""


@pytest.fixture(params=OTHERS)
def python(request: pytest.FixtureRequest) -> Path:
    try:
        return pythons.environment(request.param)
    except pythons.NotCreatableError as error:
        if request.param in MUST_BE_THERE:
            pytest.fail(str(error))
        pytest.skip(str(error))


def started_by(python: Path, kind: type[ThisPython]) -> type[ThisPython]:
    """A manager of kernels that run on another Python."""

    class Manager(kind):
        @property
        def kernel_spec(self) -> KernelSpec:
            spec: KernelSpec = super().kernel_spec
            spec.argv[0] = str(python)
            return spec

    return Manager


def test_the_extension(python: Path, tmp_path: Path) -> None:
    with kernel_process(tmp_path, started_by(python, ThisPython)) as kernel:
        kernel.good("%load_ext belay_jupyter")
        assert "Connected to" in kernel.good("%belay_connect virtual:").stderr
        reply = kernel.good("%%device\ndef half(x):\n    return 1 / x\nprint('text')\nhalf(4)")
        assert (reply.stdout, reply.result) == ("text\n", "0.25")
        assert kernel.good("_ + 1").result == "1.25"
        assert f"Cell In[{reply.number}], line 3, in half" in kernel.run("%%device\nhalf(0)").error
        stopped = kernel.run_and_interrupt("%%device\nprint('go')\nwhile True: pass", "go")
        assert stopped.error.endswith("KeyboardInterrupt: the board was stopped")
        assert kernel.good("%belay_auto on\n%load_ext belay_jupyter").status == "ok"
        assert kernel.good("half(2)").result == "0.5"
        assert kernel.good("%%host\nimport sys\nsys.implementation.name").result == "'cpython'"
        assert kernel.run("%%host\n%unload_ext belay_jupyter\nhalf").error.startswith("---")
        assert "NameError" in kernel.run("half").error


@pytest.mark.parametrize("python", OTHERS[:1], indirect=True)
def test_the_kernel(python: Path, tmp_path: Path) -> None:
    with kernel_process(
        tmp_path, started_by(python, MicroPythonKernel), BELAY_DEVICE="virtual:"
    ) as kernel:
        reply = kernel.good("print('text')\n6 * 7")
        assert (reply.stdout, reply.result) == ("text\n", "42")
        assert kernel.good("%%host\nimport sys\n_ + 1").result == "43"
        failed = kernel.run("x = 1\n1/0")
        assert failed.of("error")[-1]["ename"] == "ZeroDivisionError"
        assert "----> 2 1/0" in failed.error
        asked = kernel.run("input('?')", on_input=lambda prompt: "answer")
        assert asked.result == "'answer'"
        stopped = kernel.run_and_interrupt("print('go')\nwhile True: pass", "go")
        assert stopped.error.endswith("KeyboardInterrupt: the board was stopped")
        kernel.be_patient("%%host\n")
        reply = kernel.client.complete("pri", reply=True, timeout=60)
        assert reply["content"]["matches"] == ["print"]
        assert kernel.good("x").result == "1"
