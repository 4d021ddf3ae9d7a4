"""The second place: lines that only grow, keys that others cannot read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.journal import FORK
from tidegate.errors import Refused
from tidegate.journal.headstore import DirectoryStore
from tidegate.journal.model import ZERO_HASH, SignedHead
from tidegate.journal.privileges import Separation
from tidegate.journal.signing import PublicKey, SigningKey, head_line, load_or_create, parse_head
from tidegate.journal.witness import publish


def test_lines_are_read_back_in_order(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    assert store.lines("heads/shop") == []
    store.claim()
    for line in ("one", "two"):
        store.append("heads/shop", line)
    store.append("alarms", "three")
    assert store.lines("heads/shop") == ["one", "two"]
    assert store.streams() == ["alarms", "heads/shop"]


def test_line_that_was_torn_by_a_crash_is_not_read_and_is_mended(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.claim()
    store.append("heads/shop", "one")
    with (tmp_path / "heads" / "shop.jsonl").open("a") as file:
        file.write('{"to')
    assert store.lines("heads/shop") == ["one"]
    again = DirectoryStore(tmp_path)
    store._lock.close()
    again.claim()
    again.append("heads/shop", "two")
    assert again.lines("heads/shop") == ["one", "two"]


def test_one_witness_per_store(tmp_path: Path) -> None:
    DirectoryStore(tmp_path).claim()
    holding, done = FORK.Event(), FORK.Event()

    def hold() -> None:
        store = DirectoryStore(tmp_path)
        store.claim()
        holding.set()
        done.wait(30)

    process = FORK.Process(target=hold)
    process.start()
    try:
        assert holding.wait(30)
        with pytest.raises(Refused, match="another witness"):
            DirectoryStore(tmp_path).claim()
    finally:
        done.set()
        process.join(30)


def test_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "witness.key"
    made = load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create(path).public.key_id == made.public.key_id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_key_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "witness.key"
    load_or_create(path)
    path.chmod(mode)
    with pytest.raises(Refused, match="can be used by others"):
        load_or_create(path)


def test_signature_is_over_every_field() -> None:
    key = SigningKey.generate()
    record = key.sign({"type": "head", "seq": 1})
    public = PublicKey(key.public.pem)
    assert public.signed(record)
    signatures = [{"signature": value} for value in ("00", "zz", "", None, 1)]
    for change in ({"seq": 2}, {"more": 1}, {"key_id": "0"}, *signatures):
        assert not public.signed({**record, **change}), change
    assert not SigningKey.generate().public.signed(record)
    assert not public.signed({"type": "head", "seq": 1})


def test_head_survives_its_line() -> None:
    head = SigningKey.generate().sign_head(SignedHead("shop", 3, ZERO_HASH, 2, 1.5, ""))
    assert parse_head(head_line(head)) == head
    with pytest.raises(ValueError, match="canonical"):
        parse_head(head_line(head).replace(",", ", ", 1))
    with pytest.raises(ValueError, match="a number"):
        parse_head(head_line(head).replace('"seq":3', '"seq":true'))


def test_store_of_another_key_is_left_alone(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.claim()
    publish(store, SigningKey.generate(), Separation("a", False, ""))
    before = store.document("witness.pem")
    with pytest.raises(Refused, match="another signing key"):
        publish(store, SigningKey.generate(), Separation("a", False, ""))
    assert store.document("witness.pem") == before
