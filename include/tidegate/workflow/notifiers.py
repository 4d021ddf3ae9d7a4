"""The providers' own notifiers, one for each kind of receiver: what each is given, and how long all of them have.

They are told by ``notify``, never called: calling one renders its texts as templates first, which can read every
connection of Airflow's, and a notice holds what people wrote; and it swallows what goes wrong.
"""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tidegate.policy.notices import PACKAGES, Notify
from tidegate.redaction import redact
from tidegate.report.notice import Notice
from tidegate.workflow.worlds import from_airflow

WITHIN = 10.0  # seconds that all receivers of a notice have together; Airflow ends a task's process 20 s after its end
TIMEOUT = 5  # seconds that Slack has for one answer
LATE = f"no answer within {WITHIN:g} s; it may still arrive"

Send = Callable[[Notify, Notice], None]
Failed = dict[str, dict[str, str]]  # notice's id -> receiver -> why


def deliver(receivers: Mapping[str, Notify], notices: Sequence[tuple[Notice, Sequence[str]]]) -> Failed:
    """Tell each receiver its notices, in their order; what could not be told, and why. Never raises, and takes no
    longer than :data:`WITHIN`: a receiver that hangs is left behind in a thread of its own."""
    runs = [_Run(name, one, [n for n, to in notices if name in to]) for name, one in receivers.items()]
    ends = time.monotonic() + WITHIN
    for run in runs:
        run.start()
    for run in runs:
        run.join(max(0.0, ends - time.monotonic()))
    failed: Failed = {}
    for run in runs:
        for key, why in run.result().items():
            failed.setdefault(key, {})[run.receiver] = why
    return failed


class _Run(threading.Thread):
    """One receiver's notices, one after the other."""

    def __init__(self, receiver: str, one: Notify, notices: Sequence[Notice]) -> None:
        super().__init__(name=f"notices to {receiver}", daemon=True)
        self.receiver = receiver
        self._one, self._notices = one, notices
        self._done: dict[str, str] = {}
        self._ended = threading.Event()

    def run(self) -> None:
        for notice in self._notices:
            if self._ended.is_set():
                return
            self._done[notice.id] = _told(self._one, notice)

    def result(self) -> dict[str, str]:
        """Notice's id -> why it was not told. What has not been begun by now never will be."""
        self._ended.set()
        done = dict(self._done)
        return {n.id: why for n in self._notices if (why := done.get(n.id, LATE))}


def _told(one: Notify, notice: Notice) -> str:
    """Why it could not be told, empty if it was. Whatever a provider raises is a reason, without any secret in it."""
    try:
        from_airflow(one.to)  # its secrets are known from here on, and stay out of what the provider says
        _SEND[one.kind](one, notice)
    except ModuleNotFoundError as error:
        return f"{one.kind} needs the package {PACKAGES[one.kind]}, which is not installed here ({error.name})"
    except Exception as error:
        return redact(f"{type(error).__name__}: {' '.join(str(error).split())}")[:300]
    return ""


def _notify(notifier: Any) -> None:
    """Not called, and without a context: see above."""
    notifier.notify({})


def _slack(one: Notify, notice: Notice) -> None:
    from airflow.providers.slack.notifications.slack import SlackNotifier

    notifier = SlackNotifier(
        slack_conn_id=one.connection,
        channel=one.channel or "",
        text=slack_text(notice),
        username="Tidegate",
        timeout=TIMEOUT,
        unfurl_links=False,
        unfurl_media=False,
    )
    _notify(notifier)


def _slack_webhook(one: Notify, notice: Notice) -> None:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    notifier = SlackWebhookNotifier(
        slack_webhook_conn_id=one.connection,
        text=slack_text(notice),
        timeout=TIMEOUT,
        unfurl_links=False,
        unfurl_media=False,
    )
    _notify(notifier)


def slack_text(notice: Notice) -> str:
    """Slack's own markup. What people wrote mentions nobody and links nowhere."""
    lines = [f"*{_plain(notice.title)}*", *(f"*{question}* {_plain(answer)}" for question, answer in notice.rows)]
    return "\n".join(lines)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _smtp(one: Notify, notice: Notice) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    notifier = SmtpNotifier(
        smtp_conn_id=one.connection,
        from_email=one.sender,
        to=list(one.recipients),
        subject=notice.title,
        html_content=mail_text(notice),
    )
    _notify(notifier)


def mail_text(notice: Notice) -> str:
    """HTML that reads as well without any."""
    told = (f"<p><strong>{q}</strong><br>\n{html.escape(answer)}</p>" for q, answer in notice.rows)
    return f"<p><strong>{html.escape(notice.title)}</strong></p>\n" + "\n".join(told) + "\n"


def _sns(one: Notify, notice: Notice) -> None:
    from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

    notifier = SnsNotifier(
        aws_conn_id=one.connection,
        region_name=one.region,
        target_arn=one.topic or "",
        subject=notice.title.encode("ascii", "replace").decode()[:99],
        message="\n".join([notice.title, "", *(f"{question} {answer}" for question, answer in notice.rows)]),
        message_attributes={"service": notice.service, "operation": notice.operation, "point": notice.point.value},
    )
    _notify(notifier)


def _pagerduty(one: Notify, notice: Notice) -> None:
    """An incident for each point that is told; the same point again is the same incident."""
    from airflow.providers.pagerduty.notifications.pagerduty import PagerdutyNotifier

    linked = notice.page.startswith(("https://", "http://"))
    notifier = PagerdutyNotifier(
        pagerduty_events_conn_id=one.connection,
        summary=notice.title,
        severity=notice.severity,
        source=notice.service,
        component=notice.kind,
        class_type=notice.point.value,
        dedup_key=notice.id[:255],
        custom_details=dict(notice.rows),
        links=[{"href": notice.page, "text": "Tidegate's page of the operation"}] if linked else None,
    )
    _notify(notifier)


_SEND: Mapping[str, Send] = {
    "slack": _slack,
    "slack_webhook": _slack_webhook,
    "smtp": _smtp,
    "sns": _sns,
    "pagerduty": _pagerduty,
}
