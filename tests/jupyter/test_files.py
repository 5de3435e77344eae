# SPDX-License-Identifier: Apache-2.0
"""The magics for files in a real kernel, on real MicroPythons."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from belay_jupyter.demo import _ThisPython
from tests.jupyter.kernels import PATIENCE, Kernel, Reply, kernel_process
from tests.jupyter.test_tab import tab
from tests.links.proxy import Proxy


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebook stands: a folder ``app`` is in it."""
    place = tmp_path_factory.mktemp("notebook")
    files = {"main.py": "# starts\n", "lib/a.py": "A = 1\n", "lib/b.py": "# b\nB = 2\n"}
    for name, text in files.items():
        path = place / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (place / "nothing").mkdir()
    project = place / "project"
    for name, text in {
        "pyproject.toml": '[tool.belay]\nname = "thing"\n[tool.belay.dependencies]\n'
        'near = "lib/near.py"\n[tool.belay.group.test]\noptional = true\n'
        '[tool.belay.group.test.dependencies]\nextra = "lib/extra.py"\n',
        "lib/near.py": "N = 1\n",
        "lib/extra.py": "E = 2\n",
        "thing/__init__.py": "import near\nT = near.N + 40\n",
        "start.py": "import thing\n",
    }.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place


@pytest.fixture(scope="module")
def started(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    home = tmp_path_factory.mktemp("kernel")
    with kernel_process(home, BELAY_CACHE_DIR=str(home / "cache")) as kernel:
        kernel.good(f"%cd -q {place}")
        kernel.good(
            "%load_ext belay_jupyter\n%belay_connect virtual:\nfrom belay_jupyter import get_device"
        )
        kernel.be_patient()
        # However busy this machine is: what is done at once shows no progress.
        kernel.good("import belay_jupyter.progress\nbelay_jupyter.progress._PATIENCE = 60")
        yield kernel


@pytest.fixture
def kernel(started: Kernel) -> Kernel:
    """A kernel with a board without files."""
    started.good("%belay_sync nothing --yes --keep nothing")
    return started


def shown(reply: Reply) -> list[str]:
    """What a cell's displays show in the end."""
    lines: dict[str, str] = {}
    for message in reply.messages:
        if message["msg_type"] in ("display_data", "update_display_data"):
            content: dict[str, Any] = message["content"]
            identity = content["transient"]["display_id"]
            assert (message["msg_type"] == "display_data") == (identity not in lines)
            lines[identity] = content["data"]["text/plain"]
    return list(lines.values())


def on_board(kernel: Kernel) -> str | None:
    return kernel.good("sorted(get_device().files.manifest('/').files)").result


def test_a_folder_on_the_board(kernel: Kernel, place: Path) -> None:
    reply = kernel.good("%belay_sync app --dry-run")
    assert "+ /lib/a.py  4 bytes" in reply.stdout
    assert reply.stdout.endswith("To do: 3 to write, 0 to remove, 0 unchanged, 0 kept\n")
    assert on_board(kernel) == "[]"
    assert shown(kernel.good("%belay_sync app")) == ["app is in /: 3 written"]
    assert on_board(kernel) == "['/lib/a.py', '/lib/b.py', '/main.py']"
    assert kernel.good("%device from lib.b import B; B").result == "2"
    assert shown(kernel.good("%belay_sync app")) == ["app is in /: 0 written, 3 unchanged"]
    kernel.good("%belay_sync app /other --no-minify --ignore 'lib'")
    assert on_board(kernel) == "['/lib/a.py', '/lib/b.py', '/main.py', '/other/main.py']"
    kernel.good(f"folder = {str(place)!r} + '/app'")
    assert shown(kernel.good("%belay_sync {folder}/lib/b.py /lib --yes"))[0].endswith(
        "/app/lib/b.py is in /lib: 0 written, 1 unchanged"
    )


def test_what_is_removed_is_asked_for(kernel: Kernel) -> None:
    kernel.good("get_device().files.write('/mine', b'1')")
    error = kernel.run("%belay_sync app").traceback_or_text
    assert "On the board, and not in app:\n  /mine\n--yes removes" in error
    asked: list[str] = []

    def answer(given: str) -> Callable[[str], str]:
        def asked_for(prompt: str) -> str:
            asked.append(prompt)
            return given

        return asked_for

    assert kernel.run("%belay_sync app", on_input=answer("c")).status == "error"
    assert on_board(kernel) == "['/mine']"
    assert shown(kernel.run("%belay_sync app", on_input=answer("n"))) == ["app is in /: 3 written"]
    assert "/mine" in (on_board(kernel) or "")
    reply = kernel.run("%belay_sync app", on_input=answer("y"))
    assert shown(reply) == ["app is in /: 0 written, 1 removed, 3 unchanged"]
    assert len(asked) == 3
    kernel.good("get_device().files.write('/mine', b'1')\n%belay_sync app --no-remove")
    kernel.good("%belay_sync app --keep 'mi*'")
    assert "/mine" in (on_board(kernel) or "")
    kernel.good("%belay_sync app --yes")
    assert "/mine" not in (on_board(kernel) or "")


def test_there_and_back(kernel: Kernel, place: Path) -> None:
    data = bytes(range(256)) * 40
    (place / "a file.bin").write_bytes(data)
    assert shown(kernel.good("%belay_put 'a file.bin'")) == ["/a file.bin: copied"]
    assert shown(kernel.good("%belay_put 'a file.bin'")) == ["/a file.bin: is there already"]
    assert shown(kernel.good("%belay_put 'a file.bin' /deep/b.bin")) == ["/deep/b.bin: copied"]
    assert shown(kernel.good("%belay_put app /deep")) == ["/deep/app: 3 files copied"]
    assert kernel.good("get_device().files.read_text('/deep/app/lib/b.py')").result == (
        "'# b\\nB = 2\\n'"
    )
    assert shown(kernel.good("%belay_get /deep/b.bin")) == ["b.bin: copied"]
    assert (place / "b.bin").read_bytes() == data
    assert shown(kernel.good("%belay_get /deep back/")) == ["back/deep: 4 files copied"]
    assert (place / "back/deep/app/main.py").read_text() == "# starts\n"
    assert shown(kernel.good("%belay_get '/a file.bin' back/c.bin")) == ["back/c.bin: copied"]
    assert (place / "back/c.bin").read_bytes() == data


def test_a_project_on_the_board(kernel: Kernel, place: Path) -> None:
    plan = kernel.good("%belay_install project --dry-run")
    assert "+ /lib/near/__init__.py  4 bytes" in plan.stdout
    assert on_board(kernel) == "[]"
    assert not (place / "project/belay.lock").exists()
    done = shown(kernel.good("%belay_install project --main project/start.py"))
    assert done == ["packages in /lib: 1 written; thing in /thing: 1 written; main in /main.py: "
                    "1 written"]  # fmt: skip
    assert kernel.good("%device import thing; thing.T").result == "41"
    assert (place / "project/belay.lock").is_file()
    kernel.good("get_device().files.write('/lib/mine.py', b'1')")
    error = kernel.run("%belay_install project --with test --frozen --offline").traceback_or_text
    assert "On the board, and not in the project:\n  /lib/mine.py\n--yes removes" in error
    done = shown(kernel.good("%belay_install project --with test --locked --yes"))
    assert done == ["packages in /lib: 1 written, 1 removed, 1 unchanged; thing in /thing: "
                    "0 written, 1 unchanged"]  # fmt: skip
    assert kernel.good("%device import extra; extra.E").result == "2"
    (place / "project/lib/near.py").write_text("N = 2\n")
    error = kernel.run("%belay_install project --locked").traceback_or_text
    assert "LockError: near has changed since" in error
    shown(kernel.good("%belay_install project --no-remove"))
    assert kernel.good("get_device().files.read('/lib/near/__init__.py')").result == "b'N=2\\n'"


def test_several_boards(kernel: Kernel) -> None:
    kernel.good("%belay_connect virtual: --name other")
    try:
        reply = kernel.good("%belay_sync app -t all")
        assert shown(reply) == ["app is in /: 3 written", "app is in / on other: 3 written"]
        assert shown(kernel.good("%belay_put app/main.py /x.py -t other")) == [
            "/x.py on other: copied"
        ]
        assert "one board at a time" in kernel.run("%belay_get /x.py -t all").traceback_or_text
    finally:
        kernel.good("%belay_disconnect other")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%belay_sync nowhere", "UsageError: %belay_sync: there is no folder 'nowhere'"),
        ("%belay_sync app relative", "ValueError: "),
        ("%belay_install app", "ProjectError: There is no pyproject.toml in"),
        ("%belay_install project --with none", "has no group 'none'"),
        ("%belay_install project --main app", "app cannot be main.py"),
        ("%belay_install project --locked --frozen", "UsageError: %belay_install: --locked and"),
        ("%belay_put nowhere", "UsageError: %belay_put: there is no file 'nowhere'"),
        ("%belay_get /nowhere", "BoardFileError: /nowhere: there is no such file or folder"),
        ("%belay_put 'app", "UsageError: No closing quotation"),
        ("%belay_sync app -t nobody", "NotConnectedError: no board is called 'nobody'"),
    ],
)
def test_errors(kernel: Kernel, line: str, message: str) -> None:
    reply = kernel.run(line)
    assert reply.status == "error"
    assert message in reply.traceback_or_text
    assert "filemagics.py" not in reply.traceback_or_text


def test_a_sync_is_stopped(kernel: Kernel, place: Path) -> None:
    """On a line on which it would take half a minute."""
    (place / "big.bin").write_bytes(random.Random(1).randbytes(400_000))
    board = f"{sys.executable} -m belay.virtual --stdio"
    stopped = []

    def stop(message: dict[str, Any]) -> None:
        shown = message["content"].get("data", {}).get("text/plain", "")
        if "Pushing" in shown and not stopped:
            stopped.append(shown)
            kernel.manager.interrupt_kernel()

    with Proxy(f"exec:{board}", rate=11_520) as slow:
        kernel.good(f"%belay_connect {slow.address} --name slow")
        kernel.good("get_device().files.write('/big.bin', b'old')")
        kernel.good("belay_jupyter.progress._PATIENCE = 0")
        try:
            answer = kernel.client.execute_interactive(
                "%belay_sync big.bin",
                stop_on_error=False,  # or the next cell may be aborted: see Kernel.run
                output_hook=stop,
                timeout=PATIENCE,
            )
            assert answer["content"]["ename"] == "KeyboardInterrupt"
            found = "get_device().files.read('/big.bin'), get_device().files.listdir()"
            assert kernel.good(found).result == "(b'old', ['big.bin'])"
        finally:
            kernel.good("belay_jupyter.progress._PATIENCE = 60\n%belay_disconnect slow")


def test_progress_is_one_line(kernel: Kernel, place: Path) -> None:
    for number in range(12):
        path = place / "many" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes([number]) * 9000)
    kernel.good("belay_jupyter.progress._PATIENCE = belay_jupyter.progress._PAUSE = 0")
    reply = kernel.good("%belay_sync many --yes")
    kernel.good("belay_jupyter.progress._PATIENCE = 60")
    assert shown(reply) == ["many is in /: 12 written"]
    updates = [one["data"]["text/plain"] for one in reply.of("update_display_data")]
    assert any(" % of 12 files. Pushing: " in text for text in updates)


def test_nbconvert_keeps_one_line(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    cells = [
        "%load_ext belay_jupyter\n%belay_connect virtual:",
        "import belay_jupyter.progress\n"
        "belay_jupyter.progress._PATIENCE = belay_jupyter.progress._PAUSE = 0",
        "%belay_sync app",
    ]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    resources = {"metadata": {"path": place}}
    NotebookClient(notebook, kernel_manager_class=_ThisPython, resources=resources).execute()
    [output] = notebook.cells[-1].outputs
    assert output["data"]["text/plain"] == "app is in /: 3 written"
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "app is in /: 3 written" in page
    assert "Pushing" not in page


@pytest.mark.parametrize(
    ("code", "some", "never"),
    [
        ("%belay_sync a|", {"app/": "path"}, ("a file.bin",)),
        ("%belay_sync app/m|", {"app/main.py": "path"}, ()),
        ("%belay_sync nowhere/|", {}, ()),
        ("%belay_sync app /l|", {"/lib/": "path"}, ("/main.py",)),
        ("%belay_sync app --keep x |", {"lib/": "path", "main.py": "path"}, ()),
        ("%belay_sync app / x|", {}, ()),
        ("%belay_sync --n|", {"--no-remove": "option", "--no-minify": "option"}, ()),
        ("%belay_install pro|", {"project/": "path"}, ()),
        ("%belay_put app/lib/|", {"app/lib/a.py": "path"}, ()),
        ("%belay_get /lib/|", {"/lib/a.py": "path", "/lib/b.py": "path"}, ()),
        ("%belay_get /lib/a.py a|", {"app/": "path"}, ()),
        ("%belay_get /none/|", {}, ()),
    ],
)
def test_tab(kernel: Kernel, code: str, some: dict[str, str], never: tuple[str, ...]) -> None:
    kernel.good("%belay_sync app")
    offered = tab(kernel, code)
    assert {name: offered.get(name) for name in some} == some
    assert bool(offered) == bool(some)
    assert not set(never) & set(offered)
