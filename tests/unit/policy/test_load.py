"""Loading: every error, at its place; the same policy, the same digest; cheap enough for every DAG parse."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.policies import ROOT, SHOP, SMALL, changed, complaints, parsed
from tidegate.errors import PolicyError, PolicyErrors
from tidegate.policy.load import load_policy, parse_policy
from tidegate.policy.schema import Policy


def test_the_sample_policy_is_good():
    loaded = load_policy(SHOP)
    assert loaded.policy.service == "shop"
    assert loaded.policy.promotion.evidence[5000].not_worse_by == pytest.approx(0.01)
    assert not loaded.stale
    assert loaded.source == SHOP.read_text()


def test_every_error_is_told_in_the_order_of_the_lines():
    source = changed(
        ("availability: 99.9%", "availabilty: 99.9%"),
        ("database: primary", "database: main"),
        ("traffic: {kind: memory}", "traffic: {kind: memry}"),
        ("alpha: 1%", "alpha: one"),
        ("fast_lane: 10x", "fast_lane: 10"),
    )
    assert complaints(source) == [
        "4:1: availability is missing",
        "4:14: unknown key 'availabilty'; did you mean 'availability'?",
        "6:32: 'main' is not one of primary, standby; known: primary, standby",
        "14:19: unknown traffic driver 'memry'; did you mean 'memory'?",
        "22:10: 'one' is not a percentage between 0% and 100% with at most four decimals (like 99.9%)",
        "37:14: 10 is not a factor (like 10x or 1.5x)",
    ]


def test_several_rules_are_told_at_once():
    source = changed(("share: 60%", "share: 50%"), ("waves: [east, west]", "waves: [east]"))
    assert [text.split(": ", 1)[0] for text in complaints(source)] == ["5:1", "20:10"]


def test_errors_are_one_policy_error_for_who_catches_that():
    with pytest.raises(PolicyError) as caught:
        parsed(changed(("alpha: 1%", "alpha: 99%")))
    assert isinstance(caught.value, PolicyErrors)
    assert (caught.value.line, caught.value.column) == (22, 10)


@pytest.mark.parametrize("base", [SMALL, SHOP.read_text()])
def test_canonical_json_is_the_same_policy(base: str):
    policy = parsed(base).policy
    value = json.loads(json.dumps(policy.model_dump(mode="json", by_alias=True)))
    assert Policy.model_validate(value) == policy


def test_the_digest_is_of_the_meaning():
    one = parsed(SMALL).digest
    same = changed(
        ("alpha: 1%", "alpha: 1.0%"), ("within: 30m", "within: 1800s"), ("service: pay", "service: 'pay' # x")
    )
    assert parsed(same).digest == one
    assert parsed(changed(("alpha: 1%", "alpha: 2%"))).digest != one


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "  east: {share: 60%, database: primary}\n  west: {share: 40%, database: standby}\n",
            "  west: {share: 40%, database: standby}\n  east: {share: 60%, database: primary}\n",
        ),
        (
            "  checkout: {methods: [POST], prefix: /orders}\n  browse: {prefix: /}\n",
            "  browse: {methods: [GET], prefix: /}\n  checkout: {methods: [POST], prefix: /orders}\n",
        ),
    ],
)
def test_order_is_part_of_the_digest_where_it_means_something(old: str, new: str):
    base = changed(("browse: {prefix: /}", "browse: {methods: [GET], prefix: /}"))
    old = old.replace("browse: {prefix: /}", "browse: {methods: [GET], prefix: /}")
    assert parsed(changed((old, new), base=base)).digest != parsed(base).digest


def test_a_driver_that_cannot_be_imported_is_an_error_of_the_policy():
    def lookup(family: str, kind: str):
        raise ImportError("No module named 'vendor'")

    with pytest.raises(PolicyErrors) as caught:
        parse_policy(SMALL, Path("pay.yaml"), lookup)
    assert [e.line for e in caught.value.errors] == [14, 15, 16, 17, 18]
    assert "the traffic driver 'memory' cannot be loaded: ImportError: No module named 'vendor'" in str(caught.value)


def test_cheap_enough_for_every_parse():
    load_policy(SHOP)  # imports
    times = []
    for _ in range(5):
        start = time.process_time()
        load_policy(SHOP)
        times.append(time.process_time() - start)
    assert min(times) < 0.02, f"{min(times) * 1000:.1f} ms"


def test_no_vendor_sdk_is_imported():
    program = (
        "import sys; from pathlib import Path; from tidegate.policy.folder import load_folder\n"
        f"found = load_folder(Path({str(SHOP.parent)!r}), Path('none'), record=False)\n"
        "assert found.policies and not found.errors, found.errors\n"
        "heavy = {'airflow', 'psycopg', 'great_expectations', 'httpx', 'numpy', 'scipy', 'sqlalchemy', 'boto3',"
        " 'securesystemslib', 'cryptography', 'fastapi', 'tidegate.policy.lint'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT / "include", timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


SHOP_BYTES = SHOP.read_bytes()
EDIT = st.tuples(st.integers(0, len(SHOP_BYTES)), st.integers(0, 8), st.binary(max_size=8))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EDIT, min_size=1, max_size=4))
def test_no_edit_makes_it_raise_anything_else(tmp_path_factory, edits):
    content = SHOP_BYTES
    for at, cut, put in edits:
        content = content[:at] + put + content[at + cut :]
    path = tmp_path_factory.getbasetemp() / "edited.yaml"
    path.write_bytes(content)
    try:
        load_policy(path)
    except PolicyErrors as error:
        assert error.errors
        assert all(e.file == str(path) and e.message for e in error.errors)


PIECES = st.sampled_from(
    b"{|}|[|]|: |- |\n|  |\"|'|>|&a |*a|!|%|<<: |? |~|true|0|1e9|-|#|5%|999999999999999999999|conn://|..|/|\\|@|`".split(
        b"|"
    )
)
TOKEN_EDIT = st.tuples(st.integers(0, len(SHOP_BYTES)), st.integers(0, 30), st.lists(PIECES, max_size=4).map(b"".join))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TOKEN_EDIT, min_size=1, max_size=3))
def test_no_edit_of_tokens_makes_it_raise_anything_else(tmp_path_factory, edits):
    test_no_edit_makes_it_raise_anything_else.hypothesis.inner_test(tmp_path_factory, edits)
