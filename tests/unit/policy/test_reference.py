"""The committed schema and reference page are those of the code, and the schema says what the code does."""

from __future__ import annotations

import json

import jsonschema
import pytest
from pydantic import BaseModel

from tests.support.policies import ROOT, SHOP, SMALL, changed
from tidegate.policy import schema
from tidegate.policy.reference import field_notes, json_schema, json_schema_text, parts
from tidegate.policy.reference_page import reference_markdown
from tidegate.policy.tree import parse_tree, plain

SCHEMA = ROOT / "docs" / "reference" / "policy.schema.json"
PAGE = ROOT / "docs" / "reference" / "policy.md"


def errors(source: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    return [e.message for e in validator.iter_errors(plain(parse_tree(source, "t.yaml")))]


def test_the_committed_schema_is_up_to_date():
    assert SCHEMA.read_text() == json_schema_text(), "run: tidegate schema -o docs/reference/policy.schema.json"


def test_the_committed_page_is_up_to_date():
    assert PAGE.read_text() == reference_markdown(), "run: tidegate schema --markdown -o docs/reference/policy.md"


def test_the_schema_is_valid_and_of_its_draft():
    found = json_schema()
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(found)


def test_the_sample_policy_names_it():
    line = SHOP.read_text().splitlines()[0]
    assert line.startswith("# yaml-language-server: $schema=")
    assert (SHOP.parent / line.partition("$schema=")[2]).resolve() == SCHEMA


@pytest.mark.parametrize("source", [SMALL, SHOP.read_text()])
def test_good_policies_are_valid(source: str):
    assert errors(source) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("alpha: 1%", "alpha: one"),
        ("alpha: 1%", "alhpa: 1%"),
        ("service: pay", "service: Pay"),
        ("database: primary", "database: main"),
        ("{kind: memory}", "{kind: memry}"),
        ("{kind: memory}", "{kind: memory, x: 1}"),
        ("{kind: memory}", "{kind: envoy, admin: 'conn://a'}"),
        ("within: 30m", "within: 30"),
        ("    5%: {requests: 100}", "    five: {requests: 100}"),
        ("quorum: 1", "quorum: '1'"),
    ],
)
def test_what_an_editor_underlines(old: str, new: str):
    assert errors(changed((old, new))) != []


@pytest.mark.parametrize("part", list(parts(schema.Policy)), ids=lambda p: p.__name__)
def test_every_key_is_explained(part: type[BaseModel]):
    keys = {info.alias or name for name, info in part.model_fields.items()}
    assert set(field_notes(part)) == keys


def test_quantities_carry_pattern_and_examples():
    alpha = json_schema()["$defs"]["Promotion"]["properties"]["alpha"]
    assert {"pattern", "examples", "description"} <= set(alpha)


def test_every_key_stands_on_the_page():
    page = reference_markdown()
    for part in parts(schema.Policy):
        for name, info in part.model_fields.items():
            assert f"| `{info.alias or name}` |" in page or part is schema.Driver, name
