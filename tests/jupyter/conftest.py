# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.jupyter.kernels import Kernel, kernel_process

pytest.register_assert_rewrite("tests.jupyter.played")  # what differs is said


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the extension and a virtual board."""
    with kernel_process(tmp_path_factory.mktemp("kernel")) as started:
        started.good("%load_ext belay_jupyter\n%belay_connect virtual:")
        yield started


@pytest.fixture
def bare_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel without anything."""
    with kernel_process(tmp_path_factory.mktemp("kernel")) as started:
        yield started
