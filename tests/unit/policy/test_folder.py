"""A bad policy takes no DAG away: neither another service's nor its own, and never silently."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from tests.support.policies import SMALL, changed
from tidegate.errors import PolicyError
from tidegate.policy.folder import FolderResult, load_folder
from tidegate.policy.snapshot import read_snapshot, write_snapshot

BROKEN = changed(("alpha: 1%", "alpha: 99%"))
GARBLED = "ser vice\n\t{{{"


class Folder:
    """A directory of policies and one of snapshots; ``load`` as the DAG processor does."""

    def __init__(self, root: Path) -> None:
        self.policies, self.snapshots = root / "policies", root / "home" / "policies"
        self.policies.mkdir()

    def put(self, name: str, source: str) -> None:
        (self.policies / name).write_text(source)

    def load(self, *, record: bool = True) -> FolderResult:
        return load_folder(self.policies, self.snapshots, record=record)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def service(name: str, base: str = SMALL) -> str:
    return changed(("service: pay", f"service: {name}"), base=base)


def state(result: FolderResult) -> dict[str, bool]:
    """service -> stale"""
    return {p.policy.service: p.stale for p in result.policies}


def text(result: FolderResult) -> str:
    return "\n".join(str(e) for e in result.errors)


def test_good_ones_are_loaded_sorted_and_kept(folder: Folder):
    folder.put("b.yaml", service("zoo"))
    folder.put("a.yml", service("ape"))
    folder.put("notes.txt", GARBLED)
    folder.put(".#a.yaml", GARBLED)
    result = folder.load()
    assert (state(result), result.errors) == ({"ape": False, "zoo": False}, ())
    assert list(state(result)) == ["ape", "zoo"]
    assert read_snapshot(folder.snapshots / "zoo.json").file == "b.yaml"


def test_a_broken_one_keeps_its_last_good_state_and_leaves_others_alone(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.put("shop.yaml", service("shop"))
    before = folder.load()
    folder.put("pay.yaml", BROKEN)
    result = folder.load()
    assert state(result) == {"pay": True, "shop": False}
    pay, was = result.policies[0], before.policies[0]
    assert (pay.policy, pay.digest, pay.source) == (was.policy, was.digest, was.source)
    assert "alpha is above 20%" in str(pay.error)
    assert pay.saved_at
    assert [(e.line, e.column) for e in result.errors] == [(22, 10)]


def test_a_file_in_which_nothing_can_be_read_is_known_by_its_name(folder: Folder):
    folder.put("the-payments.yaml", SMALL)
    folder.load()
    folder.put("the-payments.yaml", GARBLED)
    assert state(folder.load()) == {"pay": True}


def test_a_renamed_broken_file_is_known_by_its_service(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.load()
    (folder.policies / "pay.yaml").unlink()
    folder.put("payments.yaml", BROKEN)
    assert state(folder.load()) == {"pay": True}


def test_a_renamed_good_file_is_followed(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.load()
    (folder.policies / "pay.yaml").rename(folder.policies / "payments.yaml")
    result = folder.load()
    assert (state(result), result.errors) == ({"pay": False}, ())
    folder.put("payments.yaml", GARBLED)
    assert state(folder.load()) == {"pay": True}


def test_two_files_that_swap_names_are_followed(folder: Folder):
    folder.put("a.yaml", service("one"))
    folder.put("b.yaml", service("two"))
    folder.load()
    folder.put("a.yaml", service("two"))
    folder.put("b.yaml", service("one"))
    result = folder.load()
    assert (state(result), result.errors) == ({"one": False, "two": False}, ())


def test_without_a_last_good_state_the_missing_dag_is_explained(folder: Folder):
    folder.put("pay.yaml", BROKEN)
    result = folder.load()
    assert result.policies == ()
    assert "no last good policy is known for this file" in text(result)


def test_a_removed_file_retires_its_service(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.load()
    (folder.policies / "pay.yaml").unlink()
    result = folder.load()
    assert (result.policies, result.errors) == ((), ())


def test_a_retired_service_does_not_come_back_with_somebody_elses_mistake(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.load()
    (folder.policies / "pay.yaml").unlink()
    folder.put("new.yaml", GARBLED)
    assert folder.load().policies == ()


def test_a_directory_that_is_gone_retires_nobody(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.load()
    folder.policies.rename(folder.policies.with_name("elsewhere"))
    result = folder.load()
    assert state(result) == {"pay": True}
    assert "the directory of policies cannot be read" in text(result)


def test_two_files_of_one_service_name_both_and_neither_is_used(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.load()
    folder.put("copy.yaml", changed(("alpha: 1%", "alpha: 2%")))
    result = folder.load()
    assert state(result) == {"pay": True}
    assert result.policies[0].policy.promotion.alpha == pytest.approx(0.01)
    assert len(result.errors) == 2
    assert all("is defined in copy.yaml and pay.yaml" in str(e) for e in result.errors)
    assert {Path(e.file).name for e in result.errors} == {"copy.yaml", "pay.yaml"}


def test_a_file_that_takes_anothers_name_costs_neither_its_dags(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.put("shop.yaml", service("shop"))
    folder.load()
    folder.put("shop.yaml", SMALL)  # pasted over
    result = folder.load()
    assert state(result) == {"pay": True, "shop": True}


def test_a_half_written_copy_does_not_touch_the_original(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.load()
    folder.put("new.yaml", BROKEN)  # still says service: pay
    result = folder.load()
    assert state(result) == {"pay": False}
    assert "alpha" in text(result)


def test_a_slip_in_the_service_name_does_not_take_the_service_away(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.load()
    folder.put("pay.yaml", service("payy"))
    result = folder.load()
    assert state(result) == {"pay": True}
    assert "this file was the service 'pay' and now says 'payy'" in text(result)
    assert not (folder.snapshots / "payy.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format": 1}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"format":1,"service":7,"file":7,"source":7,"saved_at":7}',
    ],
)
def test_a_damaged_snapshot_is_an_error_and_no_crash(folder: Folder, content: bytes):
    folder.put("pay.yaml", SMALL)
    folder.put("shop.yaml", service("shop"))
    folder.load()
    folder.put("pay.yaml", BROKEN)
    (folder.snapshots / "pay.json").write_bytes(content)
    result = folder.load()
    assert state(result) == {"shop": False}
    assert "snapshot of a last good policy is damaged" in text(result)
    folder.put("pay.yaml", SMALL)
    healed = folder.load()
    assert (state(healed), healed.errors) == ({"pay": False, "shop": False}, ())
    assert read_snapshot(folder.snapshots / "pay.json").source == SMALL


@pytest.mark.parametrize(
    ("key", "value"),
    [("source", BROKEN), ("service", "shop"), ("format", 2), ("service", "../pay")],
)
def test_a_snapshot_that_was_edited_is_damaged(folder: Folder, key: str, value: object):
    folder.put("pay.yaml", SMALL)
    folder.load()
    path = folder.snapshots / "pay.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    folder.put("pay.yaml", BROKEN)
    result = folder.load()
    assert result.policies == ()
    assert "is damaged" in text(result)


def test_a_snapshot_that_is_no_good_policy_any_more_is_an_error(folder: Folder):
    write_snapshot(folder.snapshots, "pay", "pay.yaml", BROKEN)
    folder.put("pay.yaml", GARBLED)
    result = folder.load()
    assert result.policies == ()
    assert "the last good policy of 'pay'" in text(result)
    assert "alpha is above 20%" in text(result)


def test_a_reader_writes_nothing(folder: Folder):
    folder.put("pay.yaml", SMALL)
    assert state(folder.load(record=False)) == {"pay": False}
    assert not folder.snapshots.exists()


def test_an_unchanged_policy_is_not_written_again(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.load()
    path = folder.snapshots / "pay.json"
    os.utime(path, (1, 1))
    folder.load()
    assert path.stat().st_mtime == 1
    folder.put("pay.yaml", SMALL + "# a word\n")
    folder.load()
    assert path.stat().st_mtime > 1


def test_a_snapshot_that_cannot_be_written_is_told_and_the_policy_is_used(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.snapshots.parent.write_text("a file where the directory should be")
    result = folder.load()
    assert state(result) == {"pay": False}
    assert "its last good state cannot be kept" in text(result)


def test_many_writers_and_readers_never_see_half_of_one(folder: Folder):
    sources = [SMALL + f"# {n}\n" * 2000 for n in range(4)]
    write_snapshot(folder.snapshots, "pay", "pay.yaml", sources[0])
    failures: list[Exception] = []
    done = threading.Event()

    def write(source: str) -> None:
        for n in range(25):
            try:
                write_snapshot(folder.snapshots, "pay", "pay.yaml", source + f"# {n}\n")
            except (OSError, PolicyError) as error:
                failures.append(error)

    def read() -> None:
        while not done.is_set():
            try:
                read_snapshot(folder.snapshots / "pay.json")
            except (OSError, PolicyError) as error:
                failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(source,)) for source in sources]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert [p.name for p in folder.snapshots.iterdir()] == ["pay.json"]


def test_a_file_that_cannot_be_opened_keeps_its_last_good_state(folder: Folder):
    folder.put("pay.yaml", SMALL)
    folder.load()
    (folder.policies / "pay.yaml").unlink()
    (folder.policies / "pay.yaml").mkdir()
    result = folder.load()
    assert state(result) == {"pay": True}
    assert "cannot be read" in text(result)
