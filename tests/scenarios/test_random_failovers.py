"""Failovers at random, on every second estate; those between are in the file beside it, for another process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.random_failovers import ESTATES, play


@pytest.mark.parametrize("number", ESTATES[0::2])
def test_failovers_at_random(tmp_path: Path, number: int) -> None:
    play(tmp_path, number)
