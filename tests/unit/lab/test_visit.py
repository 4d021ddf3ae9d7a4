"""What a visit to the UI needs, and what it says if that is missing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lab.visit.browser import chromium
from tests.support.shop import shop_database
from tidegate.errors import Refused


def executable(path: Path) -> str:
    path.write_text("#!/bin/sh\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_without_a_browser_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(Refused, match="no Chromium on this machine") as caught:
        chromium()
    assert "apt-get install chromium" in str(caught.value)
    wanted = executable(tmp_path / "chromium-browser")
    assert chromium() == wanted


def test_the_browser_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = executable(tmp_path / "my-browser")
    monkeypatch.setenv("CHROMIUM", named)
    assert chromium() == named
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "no-such"))
    with pytest.raises(Refused, match="no-such"):
        chromium()


@pytest.mark.real
def test_an_order_stands_without_its_event_until_it_is_mended() -> None:
    import psycopg

    from lab.visit.data import order_without_event

    without = "select count(*) from orders o left join order_events e on e.order_id = o.id where e.id is null"
    with shop_database() as url, psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        place = "insert into orders (id, session_id, quantity, total_cents, release) "
        place += "values (gen_random_uuid(), %s, 1, 1, 'x')"
        with pytest.raises(AssertionError, match="no order yet"), order_without_event(url):
            pass
        connection.execute(place, ("s1",))
        connection.execute(
            "insert into order_events (order_id, session_id, kind, quantity, total_cents, release) "
            "select id, session_id, 'placed', quantity, total_cents, release from orders"
        )
        with order_without_event(url) as mend:
            assert connection.execute(without).fetchone() == (1,)
            mend()
            mend()
            assert connection.execute(without).fetchone() == (0,)
