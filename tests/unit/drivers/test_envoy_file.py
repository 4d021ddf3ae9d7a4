"""The route file's content."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.drivers.traffic._envoy_file import parse_version, read, render, version
from tidegate.errors import Refused
from tidegate.model.topology import Slot
from tidegate.model.traffic import TOTAL, canary_split


@given(
    epoch=st.integers(0, 10**9),
    share=st.integers(0, TOTAL),
    stable=st.sampled_from((Slot.A, Slot.B)),
    weights=st.fixed_dictionaries({"east": st.integers(0, TOTAL), "west": st.integers(0, TOTAL)}),
)
def test_the_version_says_epoch_and_split(epoch: int, share: int, stable: Slot, weights: dict[str, int]) -> None:
    split = canary_split({"east": share, "west": TOTAL - share}, stable, weights)
    assert parse_version(version(epoch, split)) == (epoch, split)


@pytest.mark.parametrize(
    "text", ["", "7", "7;", ";east-a=10000", "-1;east-a=10000", "x;east-a=10000", "²;east-a=10000"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_version(text)


def test_the_route_never_sends_a_request_twice_and_keeps_the_order() -> None:
    split = canary_split({"east": 5000, "west": 5000}, Slot.A, {"east": 500})
    document = render(7, split, "shop_session")
    (route,) = document["resources"][0]["virtual_hosts"][0]["routes"]
    clusters = route["route"]["weighted_clusters"]

    assert document["version_info"] == route["name"] == "7;east-b=250,east-a=4750,west-a=5000,west-b=0"
    assert [(c["name"], c["weight"]) for c in clusters["clusters"]] == [(a.name, w) for a, w in split.weights]
    assert clusters["use_hash_policy"] is True
    assert route["route"]["hash_policy"] == [{"cookie": {"name": "shop_session"}}]
    assert "retry_policy" not in str(document)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"version_info": 7}', '{"version_info": "main"}'])
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "routes.yaml"
    assert read(path) is None
    path.write_text(text)
    with pytest.raises(Refused, match="which epoch"):
        read(path)
