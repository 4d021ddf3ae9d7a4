"""The lab itself, for real and without Airflow: what it starts, how it returns to the start, that it leaves nothing."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from lab import postgres, processes, state
from lab.deployment import Deployment, sample_policy
from lab.estate import Lab
from lab.links import LinkControl
from lab.places import Places
from lab.postgres_user import data_directory
from tests.support.lab import running_lab, until
from tidegate.drivers import registry
from tidegate.drivers.compute.contract import SlotSpec
from tidegate.drivers.token import Token
from tidegate.drivers.traffic.contract import RouteState, Traffic
from tidegate.errors import NotSettled, Refused
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split, canary_split

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab"), airflow=False) as lab:
        yield lab


def test_users_are_served_and_their_orders_reach_both_regions(lab: Lab) -> None:
    with httpx.Client(base_url=lab.edge_address(), trust_env=False) as user:
        user.get("/").raise_for_status()
        order = {"key": "7c5c4cf6-6f1a-4a43-8f6d-1c4c1d1f0001", "quantity": 2, "product": "tea"}
        assert user.post("/orders", json=order).status_code == 201
    for region in ("east", "west"):
        until(lambda region=region: _orders(lab, region) == 1, 10, f"the order is not in {region}")


def test_the_standby_takes_no_writes(lab: Lab) -> None:
    west = lab.databases().cluster("west").url(lab.site().secrets, "shop")
    with postgres.connect(west) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("insert into sessions (id, token_hash) values ('x', 'y')")


def test_what_crosses_regions_passes_its_link(lab: Lab) -> None:
    links = LinkControl(lab.site().ports["links"])
    counted = {name: link["connections"] for name, link in links.states().items()}
    assert counted["west-to-east-replication"] == 1, counted
    assert counted["west-to-east-db"] >= 2, f"west's instances write to east: {counted}"
    assert counted["east-to-west-db"] == 0, counted
    links.set("west-to-east-replication", cut=True)
    try:
        _execute(lab, "east", "insert into sessions (id, token_hash) values ('cut', 'x')")
        assert _execute(lab, "west", "select count(*) from sessions where id = 'cut'") == [(0,)]
    finally:
        links.set("west-to-east-replication", cut=False)
    query = "select count(*) from sessions where id = 'cut'"
    until(lambda: _execute(lab, "west", query) == [(1,)], 20, "the standby did not catch up")


def test_the_witness_signs_the_journals_heads(lab: Lab) -> None:
    journal = Journal(lab.env()["TIDEGATE_JOURNAL"])
    with journal.locked("shop") as transaction:
        event = transaction.append(EventKind.NOTE, {"said": "hello"}, actor="ann")
    journal.close()
    store = Path(lab.env()["TIDEGATE_HEADS"]) / "heads" / "shop.jsonl"
    until(lambda: store.exists() and event.hash in store.read_text(), 30, "the head was not signed")


def test_a_server_that_dies_is_started_again(lab: Lab) -> None:
    east = lab.control("east")
    name = next(n for n in east.states() if n.startswith("shop-"))
    before = east.pid(name)
    os.kill(before, signal.SIGKILL)

    def came_back() -> bool:
        try:
            return east.states()[name] == "RUNNING" and east.pid(name) != before
        except NotSettled:  # between the two questions it was found dead
            return False

    until(came_back, 20, f"{name} did not come back")


def test_reset_brings_back_the_start_state(lab: Lab) -> None:
    arm, policy = Arm("east", Slot.B), sample_policy()
    site = Deployment(lab.places, lab.env(), policy).site()
    compute = registry.connect("compute", policy.drivers.compute.model_dump(), site)
    traffic = registry.connect("traffic", policy.drivers.traffic.model_dump(), site)
    artifacts = registry.connect("artifacts", policy.drivers.artifacts.model_dump(), site)
    candidate = artifacts.verify("1.1.0")
    full, token = SlotSpec(candidate, 1), Token(5, "test")
    sealed = [site.vault(which) for which in candidate.secrets]
    compute.apply(arm, full, token, lambda: artifacts.fetch(candidate), lambda: tuple(sealed))
    until(lambda: compute.settled(arm, full), 30, "the candidate did not start")
    split = canary_split(policy.shares, Slot.A, {"east": 10_000})
    until(lambda: _applied(traffic, split, token), 30, "the candidate got no traffic")
    _execute(lab, "east", "insert into sessions (id, token_hash) values ('old', 'x')")
    journal = lab.places.home / "journal" / "journal.sqlite"
    (journal.parent / "mark").touch()

    lab.reset_data(fresh_journal=True)

    assert compute.observe(arm).instances == ()
    start = canary_split(policy.shares, Slot.A, {})
    until(lambda: traffic.observe() == RouteState(0, start), 10, "the routes are not those of the start")
    compute.apply(arm, SlotSpec(None, 0), Token(1, "test"), lambda: artifacts.fetch(candidate))  # epochs start anew
    assert _orders(lab, "east") == 0
    assert _execute(lab, "east", "select count(*) from sessions where id = 'old'") == [(0,)]
    assert httpx.get(f"{lab.edge_address()}/products", trust_env=False).headers["x-release"] == "1.0.0"
    assert journal.exists()
    assert not (journal.parent / "mark").exists()
    assert len(list((lab.places.home / "history").glob("journal-*/journal/mark"))) == 1, "the old journal is kept"


def test_up_while_up_changes_nothing(lab: Lab) -> None:
    before = state.load(lab.places.state)
    assert lab.up(airflow=False) is False
    after = state.load(lab.places.state)
    assert before is not None
    assert after is not None
    assert after.sessions == before.sessions


def test_down_finds_everything_though_the_supervisors_were_killed(tmp_path: Path) -> None:
    with running_lab(tmp_path, airflow=False) as lab:
        found = state.load(lab.places.state)
        assert found is not None
        for name in ("third", "east"):
            os.kill(found.sessions[name].pid, signal.SIGKILL)
            until(lambda name=name: not processes.leads(found.sessions[name]), 10, f"{name} still runs")
        assert found.anything_left(), "what they supervised runs on"
        data = data_directory(lab.places)
        servers = processes.working_in(data, "postgres")
        lab.down()
        assert not found.anything_left()
        assert processes.working_in(data, "postgres") == []
        assert servers, "there were servers to end"
        assert state.load(lab.places.state) is None
        assert not lab.places.env.exists(), "no file of addresses and secrets outlives the lab"


def test_ctrl_c_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    places = Places(tmp_path)
    env = {**os.environ, "TIDEGATE_HOME": str(tmp_path)}
    starting = subprocess.Popen(
        [sys.executable, "-m", "lab", "up", "--no-airflow"],
        env=env,
        stderr=subprocess.PIPE,
        preexec_fn=_as_in_a_terminal,
    )
    try:
        until(lambda: len(_sessions(places)) >= 2, 60, "the start did not come so far")
        sessions = _sessions(places)
        starting.send_signal(signal.SIGINT)
        _, said = starting.communicate(timeout=60)
        assert starting.returncode == 130, said
        assert [s for s in sessions if processes.members(s)] == []
        assert processes.working_in(data_directory(places), "postgres") == []
        assert state.load(places.state) is None
    finally:
        starting.kill()
        Lab(places).down(purge=True)


def _as_in_a_terminal() -> None:
    """A shell that runs the tests in the background has them ignore Ctrl-C, and so would their children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _applied(traffic: Traffic, split: Split, token: Token) -> bool:
    """Whether the edge routes so; an arm that it has not yet seen healthy is refused."""
    with contextlib.suppress(Refused):
        traffic.apply(split, token)
    return traffic.settled(split, token)


def _sessions(places: Places) -> list[processes.Session]:
    found = state.load(places.state)
    return list(found.sessions.values()) if found else []


def _orders(lab: Lab, region: str) -> int:
    return int(str(_execute(lab, region, "select count(*) from orders")[0][0]))


def _execute(lab: Lab, region: str, statement: str) -> list[tuple[object, ...]]:
    url = lab.databases().cluster(region).url(lab.site().secrets, "shop")
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
