"""The route file's content."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.drivers.traffic._envoy_file import parse_version, read, render, version
from tidegate.errors import Refused
from tidegate.model.admission import EVERYBODY, Admission, admitting
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
    assert parse_version(version(epoch, split)) == (epoch, split, EVERYBODY)


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


def test_who_is_not_admitted_is_sent_nowhere_and_told_when_to_come_again() -> None:
    split = canary_split({"east": 5000, "west": 5000}, Slot.A, {"east": 500})
    document = render(7, split, "shop_session", admission=Admission(6000, 5))
    (route,) = document["resources"][0]["virtual_hosts"][0]["routes"]
    rows = route["route"]["weighted_clusters"]["clusters"]

    assert route["name"] == "7;east-b=250,east-a=4750,west-a=5000,west-b=0;6000/5"
    assert parse_version(route["name"]) == (7, split, Admission(6000, 5))
    assert sum(row["weight"] for row in rows) == TOTAL * TOTAL
    part = {arm.name: sum(row["weight"] for row in rows if row["name"] == arm.name) for arm in split.arms}
    assert part == {arm.name: weight * 6000 for arm, weight in split.weights}
    waits = [row["response_headers_to_add"][0]["header"] for row in rows if row["name"] not in part]
    assert waits == [{"key": "retry-after", "value": "5"}] * 3
    ends = [sum(row["weight"] for row in rows[: n + 1]) for n, row in enumerate(rows) if row["name"] not in part]
    assert ends == [250 * TOTAL, 5000 * TOTAL, TOTAL * TOTAL], "an arm's part of the hash is not its own any more"


@pytest.mark.parametrize("text", ["", "6000", "6000/", "/5", "-1/5", "10001/5", "6000/0", "10000/5", "6000/99999"])
def test_what_is_no_admission_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_version(f"7;east-a=10000;{text}")


def test_with_everybody_admitted_nothing_is_written_of_it() -> None:
    split = canary_split({"east": 5000, "west": 5000}, Slot.A, {})
    assert render(7, split, "shop_session", admission=admitting(TOTAL, 5)) == render(7, split, "shop_session")
