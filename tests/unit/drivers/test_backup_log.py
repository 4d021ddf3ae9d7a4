"""What an archive has to have, how far it has come, and from whom it is taken: pure."""

from __future__ import annotations

import pytest

from tidegate.drivers.backups._compare import _merge
from tidegate.drivers.backups._keeping import STAMPED_BEFORE, Reach
from tidegate.drivers.backups._log import file_name, gap, older
from tidegate.drivers.backups._servers import Seen, primary_of, source_of
from tidegate.errors import Unreachable

SIZE = 16 * 1024 * 1024


def files(*numbers: int, timeline: int = 1, begun: int | None = None) -> dict[str, int]:
    found = {file_name(timeline, n, SIZE): SIZE for n in numbers}
    return found | ({f"{file_name(timeline, begun, SIZE)}.partial": SIZE} if begun is not None else {})


def seen(region: str, *, primary: bool = False, position: int = 0, streams: bool = True, at: float = 100.0) -> Seen:
    return Seen(region, primary, position, at, streams and not primary, None)


def test_names_are_postgresqls_own() -> None:
    assert file_name(2, 0x1FF, SIZE) == "0000000200000001000000FF"


def test_a_whole_log_has_no_gap() -> None:
    assert gap(files(2, 3, begun=4), {}, 2 * SIZE + 5, 4 * SIZE + 7, 1) == ""


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({}, "the archive is empty"),
        (files(2, begun=4), "000000010000000000000003 is missing"),
        ({**files(2, begun=4), file_name(1, 3, SIZE): 77}, "000000010000000000000003 is cut off"),
        (files(2, 4, begun=3), "000000010000000000000003 is missing"),
    ],
    ids=["empty", "a file is gone", "a file is short", "begun in the middle"],
)
def test_what_is_missing_is_named(sizes: dict[str, int], said: str) -> None:
    assert gap(sizes, {}, 2 * SIZE + 5, 4 * SIZE + 7, 1) == said


def test_after_a_promotion_the_new_timelines_files_count() -> None:
    history = {"00000002.history": f"1\t0/{3 * SIZE + 99:X}\tno recovery target specified\n"}
    both = files(2, begun=3) | files(3, timeline=2, begun=4)
    assert gap(both, history, 2 * SIZE + 5, 4 * SIZE + 7, 1) == ""
    old = files(2, 3, 4)
    assert gap(old, history, 2 * SIZE + 5, 4 * SIZE + 7, 1) == "000000020000000000000003 is missing"
    assert gap(both, {}, 2 * SIZE + 5, 4 * SIZE + 7, 2) == "the file of timeline 2 is missing"


def test_only_what_is_older_than_the_oldest_backup_goes() -> None:
    names = [*files(2, 3), *files(3, timeline=2, begun=4), "00000002.history"]
    assert older(names, file_name(1, 3, SIZE)) == ["000000010000000000000002"]


def test_the_archive_is_as_far_as_the_last_look_that_it_has_passed() -> None:
    reach = Reach()
    reach.see(seen("east", primary=True, position=10, at=100.0), None)
    reach.see(seen("east", primary=True, position=20, at=101.0), 19)
    assert (reach.until, reach.to) == (100.0 - STAMPED_BEFORE, 10)
    reach.see(seen("east", primary=True, position=20, at=102.0), 20)
    assert (reach.until, reach.to) == (102.0 - STAMPED_BEFORE, 20)
    reach.see(None, 30)
    assert reach.until == 102.0 - STAMPED_BEFORE, "nobody says what the primary has written"


def test_what_a_lost_primary_had_written_is_not_waited_for() -> None:
    reach = Reach()
    reach.see(seen("east", primary=True, position=99, at=100.0), 10)
    reach.see(seen("west", primary=True, position=15, at=103.0), 15)
    assert (reach.until, reach.to) == (103.0 - STAMPED_BEFORE, 15)


def test_it_is_taken_from_a_standby_that_streams_else_from_the_primary() -> None:
    east, west = seen("east", primary=True), seen("west")
    assert source_of({"east": east, "west": west}) == "west"
    assert source_of({"east": east, "west": west}, not_from="west") == "east"
    assert source_of({"east": east, "west": seen("west", streams=False)}) == "east"
    with pytest.raises(Unreachable):
        source_of({"west": seen("west", streams=False)})
    assert primary_of({"east": east, "west": seen("west", primary=True)}) is None


def test_rows_are_counted_by_what_is_in_them() -> None:
    live, restored = [(1, 1), (3, 2), (5, 1)], [(1, 1), (2, 1), (3, 1), (9, 4)]
    assert _merge(iter(live), iter(restored)) == (4, 7, 2, 5)
    assert _merge(iter([]), iter([])) == (0, 0, 0, 0)
