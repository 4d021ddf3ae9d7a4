"""Whole runs in Airflow that tell people, by the providers' own notifiers, through real connections."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.test_runs import short_policy
from tests.support import receivers
from tests.support.airflow_runs import run
from tests.support.envoy import free_ports
from tests.support.estate import Rig, build
from tests.support.moto import REGION
from tests.support.receivers import MAIL, PAGER, SLACK, TOKEN, Letters, Posts, Topic, asked, connection, failures, keys
from tidegate.model.operation import Outcome
from tidegate.report.page import operation_html

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]
PROMOTE = {"version": "1.1.0", "reason": "the story of <a> {{ conn.told_slack.password }} test"}


def rig_of(tmp_path: Path, **each: dict[str, Any]) -> Rig:
    return build(tmp_path, receivers.told_by(short_policy(), **each))


def test_a_promotion_is_told_from_its_beginning_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slack: Posts, mail: Letters, pager: Posts, topic: Topic
) -> None:
    sns = {"kind": "sns", "to": "conn://told_aws", "topic": topic.arn, "region": REGION}
    ends = {"at": ["finished"]}
    others = {"mail": {**MAIL, **ends}, "on_call": {**PAGER, **ends}, "topic": {**sns, **ends}}
    rig = rig_of(tmp_path, channel=SLACK, **others)
    ran = run(rig, monkeypatch, PROMOTE)
    assert (ran.state, ran.view and ran.view.outcome) == ("success", Outcome.PROMOTED)
    assert ran.view is not None
    assert keys(rig)[0] == "declared"
    assert keys(rig)[-1] == "finished"
    done = {key for key in keys(rig) if key.startswith("stage_done:")}
    assert {"stage_done:admit", "stage_done:wave-1", "stage_done:certify"} <= done
    assert "stage_done:return" not in done
    assert len(set(keys(rig))) == len(keys(rig)), "nothing is told twice"
    assert failures(rig) == {}
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


def test_what_the_guard_did_is_told_and_a_release_that_goes_back_is_not_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slack: Posts
) -> None:
    rig = rig_of(tmp_path, channel={**SLACK, "at": ["turned_back", "stuck", "finished"]})
    rig.users.error_rate["1.2.0"] = {"checkout": 0.5}
    ran = run(rig, monkeypatch, {**PROMOTE, "version": "1.2.0"})
    assert ran.view is not None
    assert ran.view.outcome is Outcome.ROLLED_BACK
    assert keys(rig) == ["turned_back", "finished"]
    back, end = (body["text"] for body in slack.bodies)
    assert asked(back, "What").startswith("guard: ")
    assert asked(back, "Owner") == "team-shop"
    assert "on the way back" in asked(back, "Where it is")
    assert asked(end, "Did anything change?").startswith("Yes, and it was taken back")


def test_who_cannot_be_told_stops_nothing_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody listens, a connection that is not there, a token that is refused: each with its reason, none with its
    secret, and whoever can be told is."""
    (dead,) = free_ports(1)
    given = {"host": "127.0.0.1", "port": dead, "extra": {"disable_ssl": True, "retry_limit": 0}}
    monkeypatch.setenv("AIRFLOW_CONN_TOLD_SMTP", connection("smtp", **given))
    at = {"at": ["declared"]}
    refused = {"kind": "slack_webhook", "to": "conn://told_webhook", **at}
    absent = {"kind": "slack", "to": "conn://nowhere", "channel": "#shop", **at}
    with receivers.http(b"no_service", 404) as webhook, receivers.http(receivers.OK["slack"]) as posts:
        secret = "T00000000/B00000000/not-a-real-hook"
        monkeypatch.setenv("AIRFLOW_CONN_TOLD_WEBHOOK", connection("slackwebhook", host=webhook.url, password=secret))
        extra = {"base_url": f"{posts.url}/api/"}
        monkeypatch.setenv("AIRFLOW_CONN_TOLD_SLACK", connection("slack", password=TOKEN, extra=extra))
        each = {"mail": {**MAIL, **at, "from": "tidegate@example.org"}, "hook": refused, "gone": absent}
        rig = rig_of(tmp_path, channel={**SLACK, **at}, **each)
        ran = run(rig, monkeypatch, PROMOTE)
        assert (len(posts.got), [path for path, _ in webhook.got]) == (1, [f"/{secret}"])
    assert ran.state == "success"
    why = failures(rig)["declared"]
    assert set(why) == {"mail", "hook", "gone"}
    assert "Connection refused" in why["mail"]
    assert "404" in why["hook"]
    assert "connection 'nowhere' is not defined" in why["gone"]
    assert "NOT TOLD: mail, of declared" in caplog.text
    assert ran.view is not None
    page = operation_html(rig.world.journal, "shop", ran.view.id, rig.clock)
    assert "Not everybody was told" in page
    assert "gone: Refused: connection" in page
    assert secret not in page + json.dumps(failures(rig)) + "".join(
        r.getMessage() for r in caplog.records if "TOLD" in r.msg
    )


def test_a_receiver_that_hangs_holds_up_nothing_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tidegate.workflow import notifiers

    monkeypatch.setattr(notifiers, "WITHIN", 1.0)
    with receivers.http(b"", hangs=True) as posts:
        extra = {"base_url": f"{posts.url}/api/"}
        monkeypatch.setenv("AIRFLOW_CONN_TOLD_SLACK", connection("slack", password=TOKEN, extra=extra))
        rig = rig_of(tmp_path, channel={**SLACK, "at": ["declared"]})
        took: list[float] = []
        deliver = notifiers.deliver

        def timed(*given: Any) -> Any:
            began = time.monotonic()
            done = deliver(*given)
            took.append(time.monotonic() - began)
            return done

        monkeypatch.setattr("tidegate.workflow.notices.deliver", timed)
        ran = run(rig, monkeypatch, PROMOTE)
        assert len(posts.got) == 1
        assert ran.state == "success"
        (seconds,) = took
        assert 0.9 < seconds < 30.0, "it would have hung for ever"
    assert failures(rig) == {"declared": {"channel": notifiers.LATE}}


def test_a_provider_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("airflow.providers.pagerduty")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "airflow.providers.pagerduty", None)
    monkeypatch.setenv("AIRFLOW_CONN_TOLD_PAGER", connection("pagerduty_events", password="r" * 32))
    rig = rig_of(tmp_path, on_call={**PAGER, "at": ["declared"]})
    ran = run(rig, monkeypatch, PROMOTE)
    assert ran.state == "success"
    assert "needs the package apache-airflow-providers-pagerduty" in failures(rig)["declared"]["on_call"]


def test_a_forward_task_that_failed_for_good_is_not_stuck_where_the_way_back_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slack: Posts
) -> None:
    rig = rig_of(tmp_path, channel={**SLACK, "at": ["stuck", "finished"]})
    ran = run(rig, monkeypatch, {**PROMOTE, "version": "9.9.9"})
    assert ran.tasks["admit.verify"] == "failed"
    assert keys(rig) == ["finished"]
    assert asked(slack.bodies[0]["text"], "Did anything change?") == "No."


def test_a_request_that_is_refused_is_told_as_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slack: Posts
) -> None:
    rig = build(tmp_path, receivers.told_by(short_policy(), channel=SLACK), adopted=False)
    ran = run(rig, monkeypatch, PROMOTE)
    assert (ran.state, ran.view) == ("failed", None)
    assert keys(rig) == ["stuck:refused"], "the outcome, which is red as well, tells nothing more"
    (body,) = slack.bodies
    assert "no baseline has been adopted" in asked(body["text"], "What")
    assert asked(body["text"], "Did anything change?") == "No."


def test_without_receivers_no_task_has_a_callback(tmp_path: Path) -> None:
    from tests.support.airflow_runs import blueprint_of
    from tidegate.workflow.dag import build as build_dag

    dag = build_dag(blueprint_of(build(tmp_path, short_policy())))
    assert [t.task_id for t in dag.tasks if t.on_success_callback or t.on_failure_callback] == []
    told = build_dag(blueprint_of(rig_of(tmp_path / "told", channel=SLACK)))
    assert [t.task_id for t in told.tasks if not (t.on_success_callback and t.on_failure_callback)] == []
