# SPDX-License-Identifier: Apache-2.0
"""Installing the package is all that Jupyter needs to know the kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager


def test_the_kernel_is_there_once_the_package_is_installed(wheel: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("no uv")
    environment = tmp_path / "venv"
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, environment],
        [uv, "pip", "install", "--quiet", "--no-deps", "--python", environment, wheel],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    kernels = environment / "share" / "jupyter" / "kernels"
    known = KernelSpecManager(kernel_dirs=[str(kernels)], ensure_native_kernel=False)
    spec = known.get_kernel_spec("micropython-belay")
    assert spec.display_name == "MicroPython via Belay"
    assert spec.interrupt_mode == "message"
    assert {path.name for path in Path(spec.resource_dir).iterdir()} >= {
        "logo-svg.svg",
        "logo-64x64.png",
    }
