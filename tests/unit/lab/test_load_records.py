"""Reading what users saw: windows, rates, concurrency, the last bad answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.load import records
from lab.load.journal import FILE, Request, SessionEvent, Writer, entries


def request(at: float, status: int = 200, release: str = "1.0.0", ms: float = 100, **more: str) -> Request:
    values = {"session": "s1", "endpoint": "cart", "order": "", "error": "", **more}
    return Request(at=at, status=status, ms=ms, release=release, **values)


def write(directory: Path, *items: Request | SessionEvent) -> Path:
    writer = Writer(directory)
    for item in items:
        if isinstance(item, Request):
            writer.request(item)
        else:
            writer.session(item)
    writer.close()
    return directory


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    one, started = request(1.5, 201, order="o1"), SessionEvent("s", 1.25, "s1")
    assert entries(write(tmp_path, started, one)) == ([one], [started])


def test_a_line_still_being_written_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, request(1), request(2))
    with (tmp_path / FILE).open("a") as file:
        file.write('["r",3,"s1","cart",200')
    assert [r.at for r in entries(tmp_path)[0]] == [1, 2]


def test_entries_reach_the_file_when_flushed(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.request(request(1))
    assert entries(tmp_path)[0] == []
    writer.flush()
    assert len(entries(tmp_path)[0]) == 1
    writer.close()


def test_nobody_wrote_anything(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        records.read(tmp_path, 0, 1)


def test_an_empty_window_measures_nothing(tmp_path: Path) -> None:
    window = records.read(write(tmp_path), 10, 10)
    assert (window.requests, window.min_rps, window.mean_rps, window.min_sessions) == (0, None, None, None)


def test_failed_and_bad_are_told_apart(tmp_path: Path) -> None:
    write(
        tmp_path,
        request(1),
        request(1, 500, error="not placed"),
        request(1, 503, release="", error="wrong answer"),
        request(1, 0, release="", error="TimeoutError"),
        request(1, 440, error="wrong answer"),
        request(1, 200, error="wrong answer"),
    )
    window = records.read(tmp_path, 0, 2)
    assert (window.requests, window.failed, window.bad) == (6, 3, 5)


def test_a_window_includes_its_start_and_not_its_end(tmp_path: Path) -> None:
    write(tmp_path, *(request(at) for at in (0.9, 1.0, 1.9, 2.0)))
    assert records.read(tmp_path, 1, 2).requests == 2


def test_the_poorest_second_counts_and_the_edges_do_not(tmp_path: Path) -> None:
    # seconds 10 and 14 are cut off; 11 has 3, 12 has none, 13 has 2
    write(tmp_path, *(request(at) for at in (10.6, 11.1, 11.2, 11.3, 13.5, 13.9, 14.1)))
    window = records.read(tmp_path, 10.5, 14.5)
    assert records.per_second(entries(tmp_path)[0], 10.5, 14.5) == [3, 0, 2]
    assert (window.min_rps, window.mean_rps) == (0, 1.8)


def test_a_window_from_the_beginning_of_time_is_poor_but_quick(tmp_path: Path) -> None:
    now = 1_800_000_000.0
    write(tmp_path, *(request(now + n / 10) for n in range(50)))
    assert records.read(tmp_path, 0, now + 5).min_rps == 0
    assert records.read(tmp_path, now, now + 5).min_rps == 10


def test_sessions_open_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        SessionEvent("s", 1, "a"),
        SessionEvent("s", 2, "b"),
        SessionEvent("e", 3, "a"),
        SessionEvent("s", 4, "c"),
        SessionEvent("b", 5, "b"),
    )
    events = entries(tmp_path)[1]
    assert records.concurrent_sessions(events, 2.5, 4.5) == [2, 1, 2]
    assert records.concurrent_sessions(events, 0, 9) == [0, 1, 2, 1, 2, 1]
    assert records.concurrent_sessions(events, 6, 9) == [1], "those that were open before count"
    window = records.read(tmp_path, 2.5, 5.5)
    assert (window.sessions_started, window.sessions_broken, window.min_sessions) == (1, 1, 1)


def test_the_last_bad_answer_is_timed_by_its_end(tmp_path: Path) -> None:
    write(
        tmp_path,
        request(10.0, 500, "1.2.0", ms=600),  # began before the verdict, seen after it
        request(10.2, 503, "", ms=100),
        request(10.9, 200, "1.2.0"),
        request(9.0, 500, "1.2.0", ms=10),
    )
    assert records.last_bad(tmp_path, 10.3, 20) == pytest.approx(10.6)
    assert records.last_bad(tmp_path, 10, 20, "") == pytest.approx(10.3)
    assert records.last_bad(tmp_path, 11, 20) is None
    assert [r.status for r in records.bad_requests(tmp_path, 0, 20)] == [500, 503, 500]
    assert records.last_seen(tmp_path, "1.2.0", 0, 20) == 10.9
    assert records.last_seen(tmp_path, "9.9.9", 0, 20) is None


def test_counts_by_release(tmp_path: Path) -> None:
    write(tmp_path, request(1), request(1, 500, "1.2.0"), request(1, 200, "1.2.0"), request(9, 500))
    assert records.requests_by_release(tmp_path, 0, 5) == {"1.0.0": (1, 0), "1.2.0": (2, 1)}
