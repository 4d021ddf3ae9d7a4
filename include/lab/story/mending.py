"""A person who does what the journal says has to be done, and lets the run go on."""

from __future__ import annotations

from dataclasses import dataclass
from subprocess import Popen

import psycopg

from lab.airflow_api import AirflowApi
from lab.story.desk import Desk
from lab.story.scenario import Scenario
from lab.story.stage import Stage
from tidegate.errors import NotSettled
from tidegate.model.operation import OperationState

_RED = ("failed", "upstream_failed")


@dataclass
class Mender:
    """Acts once, when the run has ended and its operation has not."""

    stage: Stage
    scenario: Scenario
    done: bool = False

    def act(self, cat: AirflowApi, dag_id: str, run_id: str, desk: Desk, asked: tuple[Popen[bytes], str]) -> bool:
        """Whether there was something to mend. ``asked``: the command that follows the run, and its request's id: it
        is let end first, so that it tells that a person is needed. Raises :class:`NotSettled` if the journal does not
        name the statement."""
        wanted, view = self.scenario.mended_by, self.stage.operation(run_id)
        if wanted is None or self.done or view is None or view.state is OperationState.CLOSED:
            return False
        if not any(wanted in words for words in view.failures.values()):
            raise NotSettled(f"the journal does not say {wanted!r}", next_step=str(view.failures))
        desk.ended(*asked)
        with psycopg.connect(self.stage.primary_url("shop")) as connection:
            connection.execute(wanted)
        red = [task for task, instance in cat.tasks(dag_id, run_id).items() if instance["state"] in _RED]
        cat.clear(dag_id, run_id, red, only_failed=True)
        self.done = True
        return True
