"""The lab's Airflow, for real: its processes, its people, and the client that acts like a person."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import processes
from lab.airflow_api import AirflowApi, await_value
from lab.estate import Lab
from tests.support.lab import running_lab, until
from tidegate.errors import Rejected

pytestmark = [pytest.mark.real, pytest.mark.airflow, pytest.mark.timeout(600)]
DAG = """
from airflow.sdk import dag, task
from airflow.providers.standard.operators.hitl import ApprovalOperator


@dag(schedule=None, catchup=False, params={"word": "none"})
def asks():
    @task
    def says(params=None):
        print(f"the word is {params['word']}")
        if params["word"] == "wrong":
            raise ValueError("wrong word")

    approve = ApprovalOperator(task_id="approve", subject="?", assigned_users=[{"id": "ann", "name": "ann"}])
    says() >> approve


asks()
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    dags = tmp_path_factory.mktemp("dags")
    (dags / "asks.py").write_text(DAG)
    with running_lab(tmp_path_factory.mktemp("lab"), airflow=True, dags=dags, expected=("asks",)) as lab:
        yield lab


@pytest.fixture
def cat(lab: Lab) -> Iterator[AirflowApi]:
    with lab.airflow("cat") as api:
        api.unpause("asks")
        yield api


def test_a_person_triggers_and_another_approves(lab: Lab, cat: AirflowApi) -> None:
    run = cat.trigger("asks", {"word": "tide"})
    await_value(lambda: cat.pending_approvals("asks", run) or None, 120, "nobody was asked")
    with pytest.raises(Rejected, match="403"):
        cat.answer("asks", run, "approve")
    with lab.airflow("vic") as vic, pytest.raises(Rejected, match="403"):
        vic.trigger("asks")
    with lab.airflow("ann") as ann:
        ann.answer("asks", run, "approve")
    assert cat.await_run("asks", run, 120) == "success"
    assert "the word is tide" in cat.log("asks", run, "says")
    assert {t: s["state"] for t, s in cat.tasks("asks", run).items()} == {"says": "success", "approve": "success"}


def test_a_failed_task_can_be_marked_and_cleared(cat: AirflowApi) -> None:
    run = cat.trigger("asks", {"word": "wrong"}, run_id="wrong-word")
    assert run == "wrong-word"
    assert cat.await_run("asks", run, 120) == "failed"
    cat.clear("asks", run, ["says"])
    assert cat.await_run("asks", run, 120) == "failed"
    assert cat.tasks("asks", run)["says"]["try_number"] == 2
    cat.mark("asks", run, "says", "success")
    assert cat.tasks("asks", run)["says"]["state"] == "success"


def test_everything_listens_on_loopback_only(lab: Lab) -> None:
    ours = {pid for place in ("third", "east", "west") for pid in processes.members(lab.session(place))}
    addresses = {address for pid in ours for address in _listening(pid)}
    assert addresses, "nothing listens at all"
    assert {a for a in addresses if a != "0100007F"} == set()


def test_a_killed_scheduler_comes_back_and_leaves_no_idle_worker(lab: Lab) -> None:
    control, session = lab.control(), lab.session("third")
    killed = control.pid("airflow-scheduler")
    assert len(_group(session, killed)) > 1, "it has workers"
    os.kill(killed, signal.SIGKILL)
    until(lambda: _running(lab, "airflow-scheduler") not in (0, killed), 60, "it was not started again")
    until(lambda: not _group(session, killed), 60, "its idle workers are still there")


def _running(lab: Lab, name: str) -> int:
    control = lab.control()
    return control.pid(name) if control.states()[name] == "RUNNING" else 0


def _group(session: processes.Session, group: int) -> list[int]:
    return [
        p.pid for p in processes.all_processes() if p.session == session.pid and p.group == group and p.state != "Z"
    ]


def _listening(pid: int) -> list[str]:
    """Addresses (as the kernel writes them) of the process's listening TCP sockets."""
    try:
        links = [link for fd in (Path("/proc") / str(pid) / "fd").iterdir() if (link := _target(fd))]
        tables = [(Path("/proc") / str(pid) / "net" / name).read_text() for name in ("tcp", "tcp6")]
    except OSError:
        return []  # gone meanwhile
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return [row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes]


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""  # closed meanwhile


def test_the_probe_of_addresses_sees_a_socket_that_is_not_on_loopback() -> None:
    with socket.create_server(("", 0)):
        assert "00000000" in _listening(os.getpid())
