"""Whom an operation tells how it stands, by what, and when: the providers' own notifiers do it, in Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from tidegate.model.notice import Point
from tidegate.policy.base import Part
from tidegate.policy.problem import Problem, repeated

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy

Kind = Literal["slack", "slack_webhook", "smtp", "sns", "pagerduty"]
At = Literal[
    "declared", "needs_approval", "stage_done", "stuck", "turned_back", "missed_objective", "finished"
]  # the values of Point
Reference = Annotated[str, StringConstraints(pattern=r"^conn://[a-z][a-z0-9_]{0,62}$")]
Channel = Annotated[str, StringConstraints(pattern=r"^[#@]?[A-Za-z0-9._-]{1,80}$")]
Mail = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,]{1,64}@[^@\s<>,]{1,255}$")]
Arn = Annotated[str, StringConstraints(pattern=r"^arn:[a-z0-9-]+:sns:[a-z0-9-]*:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$")]
AwsRegion = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]

PACKAGES = {
    "slack": "apache-airflow-providers-slack",
    "slack_webhook": "apache-airflow-providers-slack",
    "smtp": "apache-airflow-providers-smtp",
    "sns": "apache-airflow-providers-amazon",
    "pagerduty": "apache-airflow-providers-pagerduty",
}
_NEEDS = {"slack": ("channel",), "smtp": ("recipients",), "sns": ("topic",)}
_MAY = {"smtp": ("sender",), "sns": ("region",)}
_KEYS = {"channel": "channel", "recipients": "recipients", "topic": "topic", "sender": "from", "region": "region"}


class Notify(Part):
    """One receiver.

    ``kind``: `slack` (an app's token; the channel stands here), `slack_webhook` (the channel is the webhook's), `smtp`,
    `sns` or `pagerduty`. ``to``: the Airflow connection by which it is reached. ``at``: the points at which it is told:
    `declared`, `needs_approval`, `stage_done`, `stuck`, `turned_back`, `missed_objective`, `finished`. ``channel``: of
    Slack. ``recipients``: of mail. ``from``: the mail's sender; left out, the connection's. ``topic``: ARN of the SNS
    topic. ``region``: its AWS region; left out, the connection's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    kind: Kind
    to: Reference
    at: Annotated[tuple[At, ...], Field(min_length=1, max_length=7)]
    channel: Channel | None = None
    recipients: Annotated[tuple[Mail, ...], Field(max_length=50)] = ()
    sender: Annotated[Mail | None, Field(alias="from")] = None
    topic: Arn | None = None
    region: AwsRegion | None = None

    @property
    def connection(self) -> str:
        """Airflow's id of it."""
        return self.to.removeprefix("conn://")

    def told_at(self, point: Point) -> bool:
        return point.value in self.at


def notices_of(policy: Policy) -> Iterator[Problem]:
    """What must hold of ``notify``. Pure."""
    for name, one in policy.notify.items():
        at = ("notify", name)
        for problem in repeated("at", one.at):
            yield Problem(problem.message, (*at, *problem.at))
        needs, may = _NEEDS.get(one.kind, ()), _MAY.get(one.kind, ())
        for field, key in _KEYS.items():
            given = bool(getattr(one, field))
            if field in needs and not given:
                yield Problem(f"{one.kind} needs {key}", at, f"add {key}: …", key=True)
            elif given and field not in (*needs, *may):
                takes = ", ".join(_KEYS[other] for other in (*needs, *may)) or "nothing but to and at"
                yield Problem(f"{one.kind} takes no {key}", (*at, key), f"it takes {takes}", key=True)


def missing_packages(policy: Policy) -> Iterator[Problem]:
    """Receivers whose provider is not installed here, and what to install. A look at what is installed, no import."""
    for name, one in policy.notify.items():
        package = PACKAGES[one.kind]
        if not _installed(package):
            message = f"nobody is told by {name!r}: {one.kind} needs the package {package}, which is not installed here"
            hint = f"pip install {package} (or tidegate[notices]) wherever Airflow's workers and triggerer run"
            yield Problem(message, ("notify", name, "kind"), hint)


def _installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def lint_notices(policy: Policy) -> Iterator[tuple[str, str, tuple[str | int, ...], str]]:
    """Allowed, and unwise: rule, message, place, hint. Pure."""
    if not policy.notify:
        return
    told = {point for one in policy.notify.values() for point in one.at}
    for point in (Point.NEEDS_APPROVAL, Point.STUCK):
        if point.value not in told:
            message = f"nobody is told when an operation is at the point {point}"
            yield "notify-nobody", message, ("notify",), f"add {point} to somebody's at"
