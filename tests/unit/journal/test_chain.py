"""The chain, without a database."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.journal import rechain
from tidegate.journal.chain import Link, Row, row_bytes, row_hash, walk
from tidegate.journal.model import ROW_VERSION, ZERO_HASH
from tidegate.model.canonical import canonical

TEXT = st.text('aé😀\u0000\u007f\u2028"\\\n/', max_size=6)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
BODIES = st.dictionaries(
    TEXT, st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=5), max_size=4
)


def row(**changes: object) -> Row:
    plain = Row("shop", 1, 1.5, "note", None, 0, "ada", None, "{}", ROW_VERSION, ZERO_HASH, "")
    return plain._replace(**changes)


@settings(max_examples=60, deadline=None)
@given(
    body=BODIES,
    operation=st.none() | TEXT,
    actor=TEXT,
    at=st.floats(allow_nan=False, allow_infinity=False),
    lease=st.none() | BODIES,
)
def test_hashed_bytes_are_the_canonical_json_of_the_row(body, operation, actor, at, lease) -> None:
    stored = row(
        body=canonical(body).decode(),
        operation=operation,
        actor=actor,
        at=at,
        lease=None if lease is None else canonical(lease).decode(),
    )
    fields = stored._asdict() | {"body": body, "lease": lease}
    del fields["prev_hash"], fields["hash"]
    assert row_bytes(stored) == canonical(fields)


def test_known_hash() -> None:
    """Format 1 is what is in the journals out there: this value may never change."""
    stored = row(operation="op-1", lease='{"holder":"w"}', body='{"a":[1,0.5,"é"]}')
    assert row_hash(ZERO_HASH, stored) == "7a87ec3c551d0d2ac1f6a23a1a31b273131ec3877efeaff8021cfaa7348e57a6"


@pytest.mark.parametrize("field", [name for name in Row._fields if name not in ("prev_hash", "hash")])
def test_every_field_counts(field: str) -> None:
    plain = row(operation="op", lease='{"a":1}')
    value = getattr(plain, field)
    other = value + 1 if isinstance(value, int | float) else "x" + str(value)
    assert row_hash(ZERO_HASH, plain._replace(**{field: other})) != row_hash(ZERO_HASH, plain)


def chain(count: int = 5) -> list[Row]:
    return rechain([row(body=json.dumps({"n": n})) for n in range(count)])


def test_walk_over_a_good_chain() -> None:
    rows = chain()
    walked = walk(rows, marks={2, 5, 9})
    assert walked.found is None
    assert walked.link == Link(5, rows[-1].hash, 0, None)
    assert walked.hashes == {0: ZERO_HASH, 2: rows[1].hash, 5: rows[4].hash}
    assert walk([]).link == Link()


def test_walk_from_the_middle() -> None:
    rows = chain()
    start = Link(2, rows[1].hash)
    assert walk(rows[2:], start).link.seq == 5
    assert walk(rows[2:], replace(start, hash="a" * 64)).found is not None


def test_epoch_that_goes_back_is_found_though_the_hashes_are_right() -> None:
    rows = rechain([row(epoch=2), row(epoch=2), row(epoch=1)])
    found = walk(rows).found
    assert found is not None
    assert (found.seq, "from 2 to 1" in found.what) == (3, True)


def test_version_of_the_future_is_found_though_the_hashes_are_right() -> None:
    found = walk(rechain([row(), row(version=2)])).found
    assert found is not None
    assert (found.seq, "version 2 is unknown" in found.what) == (2, True)


def test_number_left_out_is_found_though_the_hashes_are_right() -> None:
    one, two = rechain([row(), row()])
    two = two._replace(seq=3)
    found = walk([one, two._replace(hash=row_hash(one.hash, two))]).found
    assert found is not None
    assert (found.seq, "missing" in found.what) == (2, True)


def test_chain_that_starts_in_the_air() -> None:
    first = row(prev_hash="a" * 64)
    found = walk([first._replace(hash=row_hash("a" * 64, first))]).found
    assert found is not None
    assert (found.seq, "not the start" in found.what) == (1, True)
