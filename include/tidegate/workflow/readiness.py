"""``readiness__<service>``: could the service go back now, and could it move to its other region? Asked by the hour,
every few minutes where it can move, and by whoever triggers it. No operation and no lease: it only looks, and goes red
where the answer is no."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from tidegate.engine import readiness
from tidegate.engine.readiness_item import State
from tidegate.policy.load import Loaded
from tidegate.redaction import cleansed
from tidegate.report.glass_bundle import refresh, signed_heads
from tidegate.workflow.identity import actor
from tidegate.workflow.owner_tag import owner_tag
from tidegate.workflow.worlds import world_of

if TYPE_CHECKING:
    from airflow.sdk import Context

_TELL = {State.READY: logging.INFO, State.NEVER: logging.WARNING, State.NOT_READY: logging.ERROR}
EVERY = "23 * * * *"  # not with everything else that begins on the hour
EVERY_FEW_MINUTES = "3-58/5 * * * *"  # where a region may be lost at any time
_DOC = """\
The last three baselines are fetched and verified with each region away in turn; their secrets, flags and the way down
of the schema are looked for. Where the service can move, all that a move would need is looked at too. **Red: it could
not go back, or not move, as it stands**; the log says what to do. Nothing is changed, and no operation waits for it.
By hand: `tidegate readiness {service}`.
"""


def readiness_id(service: str) -> str:
    """``readiness__shop``."""
    return f"readiness__{service}"


def service_of_readiness(dag_id: str) -> str | None:
    """Inverse of :func:`readiness_id`, None for another DAG."""
    word, _, service = dag_id.partition("__")
    return service if word == "readiness" and service else None


def build_readiness(loaded: Loaded) -> DAG:
    """One task. A run that was missed is not made up for: the answer is about now."""
    policy = loaded.policy
    dag = DAG(
        readiness_id(policy.service),
        description=f"Could {policy.service} go back{' and move' if policy.failover else ''}?",
        schedule=EVERY if policy.failover is None else EVERY_FEW_MINUTES,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        doc_md=_DOC.format(service=policy.service),
        tags={"tidegate", policy.service, "readiness", owner_tag(policy.owners.rollback)},
        default_args={"owner": policy.owners.rollback, "retries": 0},
        render_template_as_native_obj=False,
    )
    with dag:
        ReadinessOperator(loaded=loaded, task_id="readiness")
    return dag


class ReadinessOperator(BaseOperator):
    """Looks, tells every item, and fails if one is red."""

    template_fields = ()
    ui_color = "#dcefe4"

    def __init__(self, *, loaded: Loaded, **kwargs: Any) -> None:
        super().__init__(do_xcom_push=False, **kwargs)
        self.loaded = loaded

    def execute(self, context: Context) -> None:
        with cleansed():
            world = world_of(self.loaded)
            said = refresh(self.loaded, world.journal, world.estate.site.root, signed_heads())
            found = readiness.assess(world, actor=actor(context))
        if said:
            self.log.error("%s", said)
        for item in found.items:
            away = f" with {item.away} away" if item.away else ""
            tell = _TELL[item.state]
            self.log.log(tell, "%s %s%s: %s", item.of or self.loaded.policy.service, item.what, away, item.why)
            if not item.ready:
                self.log.log(tell, "What next? %s.", item.do)
        if not found.ready:
            raise AirflowFailException("It is not ready as it stands. Did anything change? No.")
        self.log.info("It is ready. Did anything change? No.")
