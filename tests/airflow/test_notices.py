"""People are told of an operation: by the providers' own notifiers, against servers on loopback, in real DAG runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.test_runs import short_policy
from tests.support import moto as moto_server
from tests.support import receivers
from tests.support.airflow_runs import run
from tests.support.certificates import certificates
from tests.support.estate import Rig, build
from tests.support.moto import REGION
from tests.support.receivers import Letters, Posts, Topic, connection
from tidegate.engine.noticing import untold
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import Outcome
from tidegate.policy.notices import Notify

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]
PROMOTE = {"version": "1.1.0", "reason": "the story of <a> {{ conn.told_slack.password }} test"}
TOKEN = "xoxb-not-a-real-token-5151"
ALL = ["declared", "needs_approval", "stage_done", "stuck", "turned_back", "missed_objective", "finished"]


def notify(**receivers_: dict[str, Any]) -> dict[str, Notify]:
    return {name: Notify.model_validate({"at": ALL, **one}) for name, one in receivers_.items()}


def rig_of(tmp_path: Path, **receivers_: dict[str, Any]) -> Rig:
    return build(tmp_path, short_policy().model_copy(update={"notify": notify(**receivers_)}))


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
        given = {"login": "nobody", "password": "nothing", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_TOLD_AWS", connection("aws", **given))
        yield receivers.topic(server)


SLACK = {"kind": "slack", "to": "conn://told_slack", "channel": "#shop"}
MAIL = {"kind": "smtp", "to": "conn://told_smtp", "recipients": ["sre@example.org"]}
PAGER = {"kind": "pagerduty", "to": "conn://told_pager"}


def rows(rig: Rig) -> list[Event]:
    return rig.world.journal.events("shop", kinds={EventKind.NOTICE})


def keys(rig: Rig) -> list[str]:
    """Points of which somebody was told, in order."""
    return [str(row.body["key"]) for row in rows(rig) if "told" in row.body]


def asked(text: str, question: str) -> str:
    """The answer to one question in Slack's text."""
    return next(line for line in text.split("\n") if line.startswith(f"*{question}*")).removeprefix(f"*{question}* ")


def test_a_promotion_is_told_from_its_beginning_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slack: Posts, mail: Letters, pager: Posts, topic: Topic
) -> None:
    sns = {"kind": "sns", "to": "conn://told_aws", "topic": topic.arn, "region": REGION}
    ends = {"at": ["finished"]}
    rig = rig_of(tmp_path, channel=SLACK, mail={**MAIL, **ends}, on_call={**PAGER, **ends}, topic={**sns, **ends})
    ran = run(rig, monkeypatch, PROMOTE)
    assert (ran.state, ran.view and ran.view.outcome) == ("success", Outcome.PROMOTED)
    assert ran.view is not None
    assert keys(rig)[0] == "declared"
    assert keys(rig)[-1] == "finished"
    done = {key for key in keys(rig) if key.startswith("stage_done:")}
    assert {"stage_done:admit", "stage_done:wave-1", "stage_done:certify"} <= done
    assert "stage_done:return" not in done
    assert len(set(keys(rig))) == len(keys(rig)), "nothing is told twice"
    assert untold(rows(rig)) == []
    assert [path for path, _ in slack.got] == ["/api/chat.postMessage"] * len(keys(rig))
    assert set(slack.tokens) == {f"Bearer {TOKEN}"}
    first = slack.bodies[0]
    assert first["channel"] == "#shop"
    assert asked(first["text"], "Owner") == "team-shop"
    assert asked(first["text"], "Did anything change?") == "Not yet."
    assert asked(first["text"], "Should end") == "not known: no promotion of shop before it has ended well"
    assert asked(first["text"], "Without Airflow") == f"tidegate status shop --operation {ran.view.id}"
    page = f"http://localhost:8080/tidegate/operations/shop/{ran.view.id}"
    assert asked(first["text"], "Page") == page
    assert (
        asked(first["text"], "Asked for by") == "dag_test: the story of &lt;a&gt; {{ conn.told_slack.password }} test"
    )
    assert TOKEN not in json.dumps(slack.bodies), "what people write is no template"
    (letter,) = mail.got
    assert (letter["to"], letter["from"]) == ("sre@example.org", "tidegate@example.org")
    assert letter["subject"] == "shop: finished: 1.1.0 is promoted"
    text = letter.get_body(("html",)).get_content()
    assert "<strong>Is it safe?</strong><br>\nYes." in text
    assert "the story of &lt;a&gt;" in text
    (event,) = pager.bodies
    assert (event["event_action"], event["payload"]["severity"]) == ("trigger", "info")
    assert event["payload"]["custom_details"]["Did anything change?"].startswith("Yes: 1.1.0 is the stable release")
    assert event["dedup_key"] == f"{ran.view.id}/finished"
    assert event["links"][0]["href"] == page
    (message,) = topic.got()
    assert message["Subject"] == "shop: finished: 1.1.0 is promoted"
    assert "Where it is at its end" in message["Message"]
    assert message["MessageAttributes"]["point"]["Value"] == "finished"
