# SPDX-License-Identifier: Apache-2.0
"""The first thing that ``%load_ext belay_jupyter`` does: is the package ``belay`` ours?

The old distribution ``belay`` owns a package of the same name. Where it was installed later, or
where it comes earlier on the path, ``import belay`` gives its package, which lacks everything that
the notebook needs; so this module imports ours with care, and nothing else imports it before.
"""

from __future__ import annotations

import importlib
import sys

__all__ = ["check_installation"]


def check_installation() -> None:
    """Stop where the package ``belay`` is not, or not wholly, the one that belongs here.

    Raises:
        belay.errors.ForeignBelayError: with what happened, and the commands that repair it.
        ImportError: with the same text, where not even that class can be imported.
    """
    try:
        installation = importlib.import_module("belay.installation")
    except Exception as error:  # whatever a package that is not ours raises as it is imported
        raise ImportError(_explanation()) from error
    installation.check_installation()


def _explanation() -> str:
    where = getattr(sys.modules.get("belay"), "__file__", None)
    found = f"The package 'belay' in {where}" if where else "The package 'belay'"
    return (
        f"{found} is not the one that belongs to belay-jupyter. Most likely the old distribution "
        "'belay' is installed too: both own the package 'belay' and the command 'belay'.\n"
        "To repair it:\n"
        f"    {sys.executable} -m pip uninstall -y belay\n"
        f"    {sys.executable} -m pip install --force-reinstall --no-deps belay-jupyter"
    )
