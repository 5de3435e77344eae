# SPDX-License-Identifier: Apache-2.0
"""A command that talks to a board with WebREPL asks for the password, at the terminal."""

from __future__ import annotations

import os

import pytest

from tests.virtual.webreplclient import webrepl_board

if os.name != "posix":
    pytest.skip("pseudo terminals are of POSIX", allow_module_level=True)
from tests.cli.person import Person


def test_the_password_is_asked_for_and_not_shown() -> None:
    with (
        webrepl_board("--password", "secret99") as (port, _),
        Person("exec", f"ws://127.0.0.1:{port}", "6 * 7", env={"BELAY_PASSWORD": ""}) as person,
    ):
        prompt = f"Password of ws://127.0.0.1:{port}: "
        shown = person.sees(prompt)
        person.types("secret98\n")
        shown += person.sees(f"It was refused. {prompt}")
        person.types("secret99\n")
        shown += person.sees("42")
        assert person.status() == 0
        shown += person.rest()
    assert "secret" not in shown
