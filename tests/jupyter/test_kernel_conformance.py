# SPDX-License-Identifier: Apache-2.0
"""Jupyter's own tests of a kernel, on ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import jupyter_kernel_test
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.jupyter.kernels import MicroPythonKernel, kernel_process


class TestConformance(jupyter_kernel_test.KernelTests):
    """Every sample is declared but ``code_stderr``: a board has one output stream."""

    km: KernelManager
    kc: BlockingKernelClient

    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    completion_samples: ClassVar = [
        {"text": "prin", "matches": {"print"}},
        {"text": "machine.Pi", "matches": {"Pin"}},
        {"text": "%belay_conn", "matches": {"%belay_connect"}},
        {"text": "%%host\nsys.exec_pre", "matches": {"exec_prefix"}},
    ]
    complete_code_samples: ClassVar = ["1", "x = 1", "def f(x):\n  return 2 * x\n\n", "%belay_list"]
    incomplete_code_samples: ClassVar = ["for i in range(3):", "print('''one", "f(1,\n"]
    invalid_code_samples: ClassVar = ["import = 7q", "x = = 1"]
    code_page_something = "print?"
    code_generate_error = "1/0"
    code_execute_result: ClassVar = [
        {"code": "1 + 2 + 3", "result": "6"},
        {"code": "[n * n for n in range(1, 4)]", "result": "[1, 4, 9]"},
    ]
    code_display_data: ClassVar = [
        {
            "code": "%%host\nfrom IPython.display import HTML, display\ndisplay(HTML('<b>a</b>'))",
            "mime": "text/html",
        }
    ]
    code_history_pattern = "1 ? 2*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "machine"
    code_clear_output = "%%host\nfrom IPython.display import clear_output\nclear_output()"

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def kernel(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        """In place of the base class's: a kernel from this tree, with a board."""
        home = tmp_path_factory.mktemp("kernel")
        with kernel_process(home, MicroPythonKernel, BELAY_DEVICE="virtual:") as started:
            cls.km, cls.kc = started.manager, started.client
            started.good("import machine")  # says which board it found, on stderr
            started.good("%%host\nimport sys")
            started.be_patient("%%host\n")
            yield

    @classmethod
    def setUpClass(cls) -> None:
        pass

    @classmethod
    def tearDownClass(cls) -> None:
        pass
