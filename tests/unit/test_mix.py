"""The name of a mix, and what may be gone back to."""

from __future__ import annotations

import pytest

from tidegate.model.mix import parse_mix, uncertified, vetoed_part, with_component_of
from tidegate.model.release import Release


@pytest.mark.parametrize("version", ["1.9.0", "1.1.0-rc.1+5", "0"])
def test_a_plain_version_is_no_mix(version: str) -> None:
    assert parse_mix(version) is None


def test_a_mix_names_its_base_and_where_each_component_comes_from() -> None:
    mix = parse_mix("1.9.0+5+basket@1.7.0+2+receipts@1.8.0")
    assert mix is not None
    assert (mix.base, mix.parts) == ("1.9.0+5", {"basket": "1.7.0+2", "receipts": "1.8.0"})
    assert mix.parents == ("1.9.0+5", "1.7.0+2", "1.8.0")
    assert mix.version == "1.9.0+5+basket@1.7.0+2+receipts@1.8.0"


@pytest.mark.parametrize(
    "version",
    ["@", "1@2", "+a@1", "1+a@", "1+a@2@3", "1+A@2", "1+a@2+a@3", "1+b@2+a@3", "1+a@2+b@", "1.9.0+receipts@"],
)
def test_there_is_one_way_to_write_it(version: str) -> None:
    with pytest.raises(ValueError, match=r"a mix is written|named twice|order of their names"):
        parse_mix(version)


@pytest.mark.parametrize(
    ("newer", "older", "expected"),
    [
        ("2.0.0", "1.9.0", "2.0.0+receipts@1.9.0"),
        ("2.0.0", "1.9.0+receipts@1.8.0", "2.0.0+receipts@1.8.0"),
        ("2.0.0", "1.9.0+basket@1.8.0", "2.0.0+receipts@1.9.0"),
        ("2.0.0+basket@1.9.0", "1.9.0", "2.0.0+basket@1.9.0+receipts@1.9.0"),
    ],
)
def test_a_component_is_taken_from_where_it_really_is_from(newer: str, older: str, expected: str) -> None:
    assert with_component_of(newer, "receipts", older) == expected


OLD, NEW = Release("1.0.0", "sha256:old", 1), Release("1.1.0", "sha256:new", 2)
MADE = Release("1.1.0+a@1.0.0", "sha256:made", 2, parents={"1.1.0": "sha256:new", "1.0.0": "sha256:old"})


def test_a_mix_may_be_gone_back_to_if_all_that_it_is_made_of_may() -> None:
    assert uncertified(MADE, [OLD, NEW]) == ()
    assert uncertified(MADE, [OLD]) == ("1.1.0",)
    assert uncertified(MADE, []) == ("1.1.0", "1.0.0")
    assert uncertified(MADE, [MADE]) == ()


def test_a_plain_release_has_to_be_a_baseline_itself() -> None:
    assert uncertified(NEW, [OLD]) == ("1.1.0",)
    assert uncertified(NEW, [OLD, NEW]) == ()


@pytest.mark.parametrize(
    ("digest", "named"),
    [("sha256:old", "1.0.0"), ("sha256:new", "1.1.0"), ("sha256:made", "1.1.0+a@1.0.0"), ("sha256:other", "")],
)
def test_a_veto_on_any_part_is_one_on_the_whole(digest: str, named: str) -> None:
    assert vetoed_part(MADE, {digest}) == named
