"""Servers on loopback that stand in for those who are told, and Airflow's connections to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import moto as moto_server
from tests.support import receivers
from tests.support.certificates import certificates
from tests.support.moto import REGION
from tests.support.receivers import TOKEN, Letters, Posts, Topic, connection


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Posts]:
    with receivers.http(receivers.OK["slack"]) as posts:
        extra = {"base_url": f"{posts.url}/api/"}
        monkeypatch.setenv("AIRFLOW_CONN_TOLD_SLACK", connection("slack", password=TOKEN, extra=extra))
        yield posts


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[Letters]:
    with receivers.smtp() as letters:
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "tidegate@example.org"}
        given = {"host": "127.0.0.1", "port": letters.port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_TOLD_SMTP", connection("smtp", **given))
        yield letters


@pytest.fixture
def pager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Posts]:
    """PagerDuty's client has its address built in: that alone is another one here. It insists on HTTPS."""
    import pagerduty

    authority, chain = certificates(tmp_path, 1)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with receivers.http(receivers.OK["pagerduty"], 202, chain=chain) as posts:
        monkeypatch.setattr(pagerduty.EventsApiV2Client, "default_base_url", posts.url)
        monkeypatch.setenv("AIRFLOW_CONN_TOLD_PAGER", connection("pagerduty_events", password="r" * 32))
        yield posts


@pytest.fixture
def topic(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Topic]:
    with moto_server.running(tmp_path_factory.mktemp("moto")) as server:
        extra = {"endpoint_url": server.url, "region_name": REGION}
        given = {"login": "nobody", "password": "only-for-a-stand-in", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_TOLD_AWS", connection("aws", **given))
        yield receivers.topic(server)
