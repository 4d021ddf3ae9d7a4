"""The route file's content."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.drivers.traffic._envoy_file import Standing, beside, parse_version, read, render, version
from tidegate.drivers.traffic.contract import DetourState, PreviewState, RouteState, WritesState
from tidegate.errors import Refused
from tidegate.model.admission import EVERYBODY, Admission, admitting
from tidegate.model.detour import Detour
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import TOTAL, Endpoint, Split, canary_split
from tidegate.model.writes import Halt


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


def standing(split: Split, admission: Admission = EVERYBODY) -> Standing:
    return Standing(RouteState(7, split, admission))


def test_the_route_never_sends_a_request_twice_and_keeps_the_order() -> None:
    split = canary_split({"east": 5000, "west": 5000}, Slot.A, {"east": 500})
    document = render(standing(split), "shop_session")
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
    document = render(standing(split, Admission(6000, 5)), "shop_session")
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
    assert render(standing(split, admitting(TOTAL, 5)), "shop_session") == render(standing(split), "shop_session")


SPLIT = canary_split({"east": 5000, "west": 5000}, Slot.A, {})
SHOWN = PreviewState(5, PreviewRoute("x-preview", "1.1.0", Arm("east", Slot.PREVIEW)))
HALTED, AWAY = WritesState(9, Halt(7)), DetourState(4, (Detour("checkout", "west"), Detour("other", "east")))


@pytest.mark.parametrize("preview", [PreviewState(0, None), PreviewState(3, None), SHOWN])
@pytest.mark.parametrize("writes", [WritesState(0, None), WritesState(8, None), HALTED])
@pytest.mark.parametrize("detours", [DetourState(0), DetourState(2), AWAY])
def test_the_hosts_name_says_what_stands_beside(
    preview: PreviewState, writes: WritesState, detours: DetourState
) -> None:
    whole = Standing(RouteState(7, SPLIT), preview, writes, detours)
    assert beside(whole.routed, whole.host_name) == whole
    assert ("|" in whole.host_name) == (writes.epoch + detours.epoch > 0)


@pytest.mark.parametrize("name", ["any", "all|x", "all||y", "all|1;5|2;a>b|3", "all|1;5|2;a", "all||-1;", "all|²;"])
def test_a_host_that_is_not_ours_says_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        beside(RouteState(7, SPLIT), name)


def test_classes_are_told_apart_as_the_policy_does_and_only_as_far_as_one_is_away() -> None:
    """The first that matches wins, so those before one that is away have a route of their own as well."""
    classes = (
        Endpoint("receipt", ("GET",), "/o/r"),
        Endpoint("checkout", ("POST", "PUT"), "/o"),
        Endpoint("all", (), "/"),
    )

    def routes(*away: Detour) -> list[tuple[str, str, str]]:
        whole = Standing(RouteState(7, SPLIT), detours=DetourState(1, away))
        found = render(whole, "cookie", classes)["resources"][0]["virtual_hosts"][0]["routes"]
        methods = [
            "".join(h["string_match"]["safe_regex"]["regex"] for h in one["match"].get("headers", ())) for one in found
        ]
        return [(m, one["match"]["prefix"], one["name"]) for m, one in zip(methods, found, strict=True)]

    straight, west = "7;east-b=0,east-a=5000,west-a=5000,west-b=0", "7;east-b=0,east-a=0,west-a=10000,west-b=0"
    assert routes() == [("", "/", straight)]
    assert routes(Detour("receipt", "west")) == [("GET", "/o/r", west), ("", "/", straight)]
    assert routes(Detour("checkout", "west")) == [
        ("GET", "/o/r", straight),
        ("POST|PUT", "/o", west),
        ("", "/", straight),
    ]
    assert [name for *_, name in routes(Detour("other", "west"))] == [straight, straight, straight, west, straight]
