"""Where the journal is, and where it must not be."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from tidegate.errors import JournalError, Refused
from tidegate.journal import database
from tidegate.journal.settings import journal_url
from tidegate.journal.store import Journal
from tidegate.policy import places

AIRFLOW = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def test_default_is_a_file_under_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIDEGATE_HOME", raising=False)
    assert journal_url({}) == f"sqlite:///{places.home()}/journal/journal.sqlite", "one default, wherever one stands"
    assert not places.home().is_relative_to(tmp_path)
    assert journal_url({"TIDEGATE_HOME": "/srv/t"}) == "sqlite:////srv/t/journal/journal.sqlite"
    assert journal_url({"TIDEGATE_JOURNAL": "sqlite:////j.db", "TIDEGATE_HOME": "/srv/t"}) == "sqlite:////j.db"


@pytest.mark.parametrize(
    ("journal", "airflow"),
    [
        ("postgresql+psycopg://t:secret@db:5432/airflow", "postgresql+psycopg2://a:other@db/airflow"),
        ("postgresql://t:secret@localhost/airflow", "postgresql+asyncpg://a:other@127.0.0.1:5432/airflow?ssl=on"),
        ("postgresql://t:secret@DB/airflow", "postgres://a@db/airflow"),
        ("postgresql:///airflow?host=db&user=t&password=secret", "postgresql://a@db/airflow"),
        ("sqlite:////a/b/airflow.db", "sqlite:////a/x/../b/airflow.db"),
    ],
)
def test_database_of_airflow_is_refused(journal: str, airflow: str) -> None:
    with pytest.raises(Refused, match="never shares Airflow's") as caught:
        journal_url({"TIDEGATE_JOURNAL": journal, AIRFLOW: airflow})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "airflow",
    [
        "postgresql://t@db/airflow",
        "postgresql://t@other/journal",
        "postgresql://t@db:5433/journal",
        "mysql://t@db/journal",
        "%",
    ],
)
def test_other_databases_are_not_refused(airflow: str) -> None:
    url = "postgresql+psycopg://t:secret@db/journal"
    assert journal_url({"TIDEGATE_JOURNAL": url, AIRFLOW: airflow}) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "mysql://u:hunter2@h/d",
        "postgresql://u:hunter2@h:port/d",
        "hunter2",
        "postgresql+psycopg2://u:hunter2@h/d",
    ],
)
def test_url_that_cannot_be_used_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(JournalError, match="postgresql") as caught:
        Journal(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_the_driver_says_is_scrubbed() -> None:
    url = database.parse("postgresql://u:hunter2%2F@h/d")
    for said in ("bad password hunter2/", "bad url postgresql+psycopg://u:hunter2%2F@h/d", "bad part hunter2%2F"):
        with pytest.raises(JournalError, match="doing: Exception: bad") as caught, database.errors("doing", url):
            raise OperationalError("SELECT 1", {}, Exception(said))
        assert "hunter2" not in str(caught.value)


def test_password_is_in_no_repr_and_no_error() -> None:
    journal = Journal("postgresql+psycopg://u:hunter2@127.0.0.1:1/d")
    with pytest.raises(JournalError) as caught:
        journal.head("shop")
    assert caught.value.retryable
    assert "hunter2" not in f"{journal!r} {caught.value} {caught.value!r} {vars(journal)}"
    assert caught.value.__suppress_context__


def test_the_url_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("sqlite:////j.db\n")
    assert journal_url({"TIDEGATE_JOURNAL_FILE": str(file)}) == "sqlite:////j.db"


@pytest.mark.parametrize(
    ("text", "also", "says"),
    [("sqlite:////j.db", "sqlite:////k.db", "both"), ("", None, "empty"), (None, None, "cannot be read")],
)
def test_a_file_that_does_not_say_it_is_refused(tmp_path: Path, text: str | None, also: str | None, says: str) -> None:
    file = tmp_path / "url"
    if text is not None:
        file.write_text(text)
    given = {"TIDEGATE_JOURNAL_FILE": str(file), **({"TIDEGATE_JOURNAL": also} if also else {})}
    with pytest.raises(Refused, match=says):
        journal_url(given)
