# SPDX-License-Identifier: Apache-2.0
"""What Jupyter knows of the kernel, and the commands that make other Jupyters know it."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from belay_jupyter.__main__ import main
from tests.jupyter.kernels import ROOT

FOLDER = ROOT / "kernelspec"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own, and no kernels but those in it."""
    for name in list(os.environ):
        if name.startswith("JUPYTER"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")
    return tmp_path


def known(folder: Path) -> KernelSpecManager:
    return KernelSpecManager(kernel_dirs=[str(folder)], ensure_native_kernel=False)


def test_the_logos_are_what_the_script_draws() -> None:
    spec = spec_from_file_location("draw_logos", FOLDER / "draw_logos.py")
    assert spec is not None
    assert spec.loader is not None
    drawing = module_from_spec(spec)
    spec.loader.exec_module(drawing)
    assert (FOLDER / "logo-svg.svg").read_text(encoding="utf-8") == drawing.svg()
    for size in drawing.SIZES:
        data = (FOLDER / f"logo-{size}x{size}.png").read_bytes()
        # Not the bytes: they are those of one version of zlib.
        assert data[16:24] == size.to_bytes(4, "big") * 2
        assert data[:8] == drawing.png(size)[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_spec_that_the_wheel_brings() -> None:
    spec = json.loads((FOLDER / "kernel.json").read_text(encoding="utf-8"))
    # Jupyter puts its own Python, that of the environment, in place of this name.
    assert spec["argv"] == ["python", "-m", "belay_jupyter", "-f", "{connection_file}"]
    assert spec["interrupt_mode"] == "message"


def test_install_and_uninstall(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install"]) == 0
    folder = home / "data" / "kernels" / "micropython-belay"
    assert str(folder) in capsys.readouterr().out
    found = known(folder.parent).get_kernel_spec("micropython-belay")
    assert found.argv == [sys.executable, "-m", "belay_jupyter", "-f", "{connection_file}"]
    assert found.display_name == "MicroPython via Belay"
    assert found.interrupt_mode == "message"
    logos = {"logo-32x32.png", "logo-64x64.png", "logo-svg.svg"}
    assert {path.name for path in folder.iterdir()} == {"kernel.json", *logos}
    assert main(["install", "--user"]) == 0  # once more does no harm
    assert main(["uninstall"]) == 0
    with pytest.raises(NoSuchKernel):
        known(folder.parent).get_kernel_spec("micropython-belay")
    assert main(["uninstall"]) == 1
    assert "jupyter kernelspec list" in capsys.readouterr().err


def test_several_kernels_for_several_boards(home: Path) -> None:
    environment = home / "other environment"
    given = ["install", "--prefix", str(environment), "--address", "/dev/ttyACM3"]
    assert main([*given, "--name", "sensor", "--display-name", "The sensor"]) == 0
    assert main([*given, "--name", "pico"]) == 0
    specs = known(environment / "share" / "jupyter" / "kernels").get_all_specs()
    assert {name: found["spec"]["display_name"] for name, found in specs.items()} == {
        "sensor": "The sensor",
        "pico": "MicroPython via Belay (/dev/ttyACM3)",
    }
    assert {found["spec"]["env"]["BELAY_DEVICE"] for found in specs.values()} == {"/dev/ttyACM3"}
    assert main(["uninstall", "--prefix", str(environment), "--name", "sensor"]) == 0
    assert not (environment / "share" / "jupyter" / "kernels" / "sensor").exists()


def test_sys_prefix(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "prefix", str(home / "venv"))
    assert main(["install", "--sys-prefix"]) == 0
    assert (home / "venv" / "share" / "jupyter" / "kernels" / "micropython-belay").is_dir()
    with pytest.raises(SystemExit):
        main(["install", "--sys-prefix", "--user"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_kernels_of_others_stay(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = home / "data" / "kernels" / "python3"
    theirs.mkdir(parents=True)
    (theirs / "kernel.json").write_text('{"argv": ["python", "-m", "ipykernel_launcher"]}')
    for command in ("install", "uninstall"):
        assert main([command, "--name", "python3"]) == 1
        assert "stays as it is" in capsys.readouterr().err
    assert [path.name for path in theirs.iterdir()] == ["kernel.json"]


@pytest.mark.parametrize("name", ["with space", "../up", "..", ""])
def test_names_that_jupyter_does_not_take(
    home: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--name", name]) == 1
    assert capsys.readouterr().err.startswith("belay_jupyter: ")
