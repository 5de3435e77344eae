# SPDX-License-Identifier: Apache-2.0
"""The page that says what is real, simulated and absent, claim by claim."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import belay
from tests.virtual.truths import CLAIMS, PAGE, Claim, page


@pytest.fixture(scope="module")
def board() -> Iterator[belay.Device]:
    with belay.Device("virtual:?seed=5") as device:
        yield device


@pytest.fixture(scope="module")
def pico() -> Iterator[belay.Device]:
    with belay.Device(os.environ["BELAY_BOARD"], timeout=60) as device:
        yield device


def _shown(device: belay.Device, claim: Claim) -> str:
    said: list[str] = []

    class Sink:
        def write(self, text: str) -> None:
            said.append(text)

        def flush(self) -> None:
            pass

    device(claim.program, stream_out=Sink())
    return "".join(said).strip()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.area}: {claim.text}")
def test_a_claim_holds(board: belay.Device, claim: Claim) -> None:
    assert _shown(board, claim) == "True"


@pytest.mark.hardware
@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.pico], ids=lambda claim: f"{claim.area}: {claim.text}"
)
def test_a_claim_holds_on_a_pico(pico: belay.Device, claim: Claim) -> None:
    assert _shown(pico, claim) == "True"


def test_the_page_says_what_the_tests_show() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.virtual.truths"
