# SPDX-License-Identifier: Apache-2.0
"""The first thing that ``%load_ext belay_jupyter`` does: is the package ``belay`` ours?

The old distribution ``belay`` owns a package of the same name. Where it was installed later, or
where it comes earlier on the path, ``import belay`` gives its package, which lacks everything that
the notebook needs. So nothing may import ``belay`` before this check, and the check itself loads
``belay/installation.py``, which lies beside this package in every kind of install, by its path.
"""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

__all__ = ["check_installation"]


def check_installation() -> None:
    """Stop where the package ``belay`` is not, or not wholly, the one that belongs here.

    Raises:
        ImportError: with what happened, and the commands that repair it.
    """
    path = Path(__file__).resolve().parent.parent / "belay" / "installation.py"
    spec = spec_from_file_location(f"{__name__}.of_belay", path)
    if spec is None or spec.loader is None or not path.exists():
        raise ImportError(
            f"belay-jupyter is incomplete: {path} is missing. "
            "To repair it: pip install --force-reinstall --no-deps belay-jupyter"
        )
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    problem = module.describe_problem()
    if problem:
        raise ImportError(problem)
