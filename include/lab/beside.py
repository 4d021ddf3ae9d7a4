"""The lab beside an Airflow and a journal that are somebody else's: other containers', in docker-compose.yaml."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lab import state
from lab.airflow_api import AirflowApi
from lab.estate import DAGS, Lab
from lab.places import REPOSITORY
from lab.progress import Progress
from lab.readiness import airflow_ready
from tidegate.errors import Refused
from tidegate.journal.settings import given_url

AIRFLOW, PEOPLE = "TIDEGATE_AIRFLOW_URL", "TIDEGATE_PEOPLE_FILE"
_OWN = ("AIRFLOW__", "AIRFLOW_HOME", "XDG_RUNTIME_DIR")  # settings of the Airflow that this lab would have started


class LabBeside(Lab):
    """The shop is this lab's; ``TIDEGATE_AIRFLOW_URL`` and ``TIDEGATE_PEOPLE_FILE`` (names and passwords as JSON) say
    where Airflow is, ``TIDEGATE_JOURNAL_FILE`` where the journal's URL is."""

    def up(self, airflow: bool = True, journal: bool = True) -> bool:
        """Nothing is started: returns once Airflow is ready. Raises :class:`Refused` if the shop is not up."""
        found = state.load(self.places.state)
        if found is None or not found.whole():
            raise Refused("the lab's container has not finished its start", next_step="docker-compose ps; logs lab")
        with self.airflow() as api:
            airflow_ready(api, DAGS, self.progress)
        return True

    def down(self, purge: bool = False) -> None:
        """Nothing was started, so nothing is ended."""

    def env(self) -> dict[str, str]:
        journal = given_url()
        if journal is None:
            raise Refused("TIDEGATE_JOURNAL_FILE is not set", next_step="name the file that holds the journal's URL")
        own = {name: value for name, value in super().env().items() if not name.startswith(_OWN)}
        return {**own, "TIDEGATE_JOURNAL": journal}

    def airflow(self, user: str = "admin") -> AirflowApi:
        passwords = json.loads(Path(os.environ[PEOPLE]).read_text())
        return AirflowApi(os.environ[AIRFLOW], user, passwords[user])


def the_lab(progress: Progress, dags: Path = REPOSITORY / "dags") -> Lab:
    """The lab of this checkout, or the one beside an Airflow that is there already; that one has its own ``dags``.

    Raises :class:`Refused` if it would have to have others."""
    if PEOPLE not in os.environ:
        return Lab(progress=progress, dags=dags)
    if dags != REPOSITORY / "dags":
        raise Refused("the Airflow beside has DAGs of its own", next_step="make e2e outside of the containers")
    return LabBeside(progress=progress)
