# SPDX-License-Identifier: Apache-2.0
"""``belay ls``, ``tree``, ``df`` and ``hash``: what is on a board."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from belay.cli.boardpaths import Resolver
from belay.cli.boards import Board, each_board
from belay.cli.columns import aligned, readable
from belay.cli.options import ANY_BOARD, BoardOptions, Json, Words
from belay.cli.usage import UsageError
from belay.errors import BelayException, DeviceNotFoundError
from belay.sync.plan import shown

if TYPE_CHECKING:
    from belay.sync.manifest import BoardManifest

__all__ = ["df", "digests", "ls", "tree", "tree_lines"]

Recursive = Annotated[bool, Parameter(name=("--recursive", "-r"))]
Human = Annotated[bool, Parameter(name=("--human", "-H"))]
Sizes = Annotated[bool, Parameter(name=("--size", "-s"))]


def ls(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    recursive: Recursive = False,
    human: Human = False,
    json: Json = False,
) -> int:
    """List files and folders of a board.

    A colon says that a path is the board's, and may be left out here.

    Args:
        words: PORT and paths.
        boards: which boards.
        recursive: list what is in folders, too.
        human: sizes such as 1.5K.
        json: print an array of objects.

    Examples:
        belay ls
        belay ls /dev/ttyACM0 :lib
        belay ls -r --json virtual:
    """
    split = boards.split(words, least=0, most=None)

    def work(board: Board) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for path in Resolver(board.device).all(split.words):
            found += _entries(board, path, recursive)
        return found

    def show(board: Board, found: list[dict[str, Any]]) -> None:
        sizes = [readable(one["size"]) if human else str(one["size"]) for one in found]
        width = max(map(len, sizes), default=0)
        for size, one in zip(sizes, found, strict=True):
            name = one["path" if recursive else "name"] + ("/" if one["folder"] else "")
            board.print(f"{'' if one['folder'] else size:>{width}}  {shown(name)}")

    return each_board(split, work, show, json=json, startup="")


def tree(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    size: Sizes = False,
    human: Human = False,
    packages: bool = False,
    json: Json = False,
) -> int:
    """Draw the folders and files of a board as a tree; or a project's packages.

    Args:
        words: PORT and folders of the board.
        boards: which boards.
        size: show how large files are.
        human: as --size, such as 1.5K.
        packages: draw which packages the project needs, and which those need. Where no board is
            named and there is none, this is drawn anyway.
        json: print objects of objects; a file is its size.

    Examples:
        belay tree
        belay tree -s :lib
        belay tree --packages
    """
    if packages:
        from belay.cli.packagelists import print_package_tree

        if words or boards != ANY_BOARD:
            raise UsageError("--packages is about the project: it takes no board and no path")
        print_package_tree(json=json)
        return 0
    if not words and boards == ANY_BOARD and _only_packages():
        from belay.cli.packagelists import print_package_tree

        print("belay: there is no board; these are the packages of the project", file=sys.stderr)
        print_package_tree(json=json)
        return 0
    split = boards.split(words, least=0, most=None)

    def work(board: Board) -> dict[str, Any]:
        paths = Resolver(board.device).all(split.words)
        return {path: _nested(board.device.files.manifest(path)) for path in paths}

    def show(board: Board, found: dict[str, Any]) -> None:
        told = (readable if human else str) if size or human else None
        for path, content in found.items():
            board.print(f":{shown(path)}")
            for line in tree_lines(content, told):
                board.print(line)

    return each_board(split, work, show, json=json, startup="")


def df(
    *words: Words, boards: BoardOptions = ANY_BOARD, human: Human = False, json: Json = False
) -> int:
    """Show how full the file systems of a board are.

    Args:
        words: PORT.
        boards: which boards.
        human: sizes such as 1.5K; bytes by default.
        json: print an array of objects, sizes in bytes.

    Examples:
        belay df
        belay df -H /dev/ttyACM0
    """
    split = boards.split(words, most=0)

    def work(board: Board) -> list[dict[str, Any]]:
        files = board.device.files
        paths = ["/", *sorted(files.manifest("/", hashes=False).mounts)]
        return [{"path": path, **files.usage(path)._asdict()} for path in paths]

    def show(board: Board, found: list[dict[str, Any]]) -> None:
        rows = [["MOUNTED AT", "SIZE", "USED", "FREE", "USED %"]]
        for one in found:
            sizes = [one["total"], one["used"], one["free"]]
            share = f"{100 * one['used'] / one['total']:.0f}" if one["total"] else "-"
            rows.append(
                [f":{one['path']}", *(readable(n) if human else str(n) for n in sizes), share]
            )
        for line in aligned(rows, right=range(1, 5)):
            board.print(line)

    return each_board(split, work, show, json=json, startup="")


def digests(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    recursive: Recursive = False,
    json: Json = False,
) -> int:
    """Show the SHA-256 of files, made on the board.

    A board without SHA-256 makes a CRC-32, which then stands in front of the digits.

    Args:
        words: PORT and files of the board.
        boards: which boards.
        recursive: all files in folders.
        json: print an object of digests by path.

    Examples:
        belay hash :main.py
        belay hash -r /dev/ttyACM0 :lib
    """
    split = boards.split(words, least=1, most=None)

    def work(board: Board) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in Resolver(board.device).all(split.words):
            found |= _digests(board, path, recursive)
        return found

    def show(board: Board, found: dict[str, str]) -> None:
        for path, text in found.items():
            board.print(f"{text.removeprefix('sha256:')}  {shown(path)}")

    return each_board(split, work, show, json=json, startup="")


# ------------------------------------------------------------------------------------- asking


def _only_packages() -> bool:
    """Whether there is no board to draw, but a project with packages."""
    from belay.packages.project import project_folder
    from belay.transports.boards import resolve

    folder = project_folder()
    if folder is None or not (folder / "belay.lock").is_file():
        return False
    try:
        resolve(None)
    except DeviceNotFoundError:
        return True
    except BelayException:  # is said again, with what to do
        return False
    return False


def _entries(board: Board, path: str, recursive: bool) -> list[dict[str, Any]]:
    files = board.device.files
    if recursive and files.is_dir(path):
        manifest = files.manifest(path, hashes=False)
        folders = {one: (0, 0) for one in manifest.folders if one != path}
        plain = {one: (file.size, file.modified) for one, file in manifest.files.items()}
        return [
            _entry(one, size, one in folders, modified)
            for one, (size, modified) in sorted({**folders, **plain}.items())
        ]
    here = files.stat(path)
    found = files.scandir(path) if here.is_dir else [here]
    return [_entry(one.path, one.size, one.is_dir, one.modified) for one in found]


def _entry(path: str, size: int, folder: bool, modified: int) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    return {"path": path, "name": name, "folder": folder, "size": size, "modified": modified}


def _nested(manifest: BoardManifest) -> dict[str, Any]:
    """A manifest as dicts in dicts; a file is its size."""
    nested: dict[str, Any] = {}
    sizes: dict[str, int | None] = dict.fromkeys(manifest.folders - {manifest.root})
    sizes |= {path: file.size for path, file in manifest.files.items()}
    for path, size in sorted(sizes.items()):
        parts = path.removeprefix(manifest.root).strip("/").split("/")
        place = nested
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        if size is None:
            place.setdefault(parts[-1], {})
        else:
            place[parts[-1]] = size
    return nested


def tree_lines(content: dict[str, Any], told: Any = None, indent: str = "") -> list[str]:
    """The lines of a tree, without the one of its root.

    Args:
        content: names to dicts of the same kind, or to sizes.
        told: gives the text of a size; None shows none.
        indent: stands in front of each line.
    """
    lines: list[str] = []
    for number, (name, inner) in enumerate(content.items(), 1):
        last = number == len(content)
        size = f"[{told(inner)}] " if told and not isinstance(inner, dict) else ""
        lines.append(f"{indent}{'└── ' if last else '├── '}{size}{shown(name)}")
        if isinstance(inner, dict):
            lines += tree_lines(inner, told, indent + ("    " if last else "│   "))
    return lines


def _digests(board: Board, path: str, recursive: bool) -> dict[str, str]:
    files = board.device.files
    if not files.is_dir(path):
        kind, made = files.hash(path)
        return {path: f"{kind}:{made.hex()}"}
    if not recursive:
        raise BelayException(f":{path} is a folder; -r hashes what is in it")
    manifest = files.manifest(path, hashes=True)
    return {
        one: f"{manifest.hash_name}:{file.digest.hex()}"
        for one, file in sorted(manifest.files.items())
    }
