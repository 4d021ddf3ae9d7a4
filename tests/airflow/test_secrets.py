"""Releases with secrets in Airflow: from Secrets Manager (a moto server), and from Airflow's own connections.

The values are then searched for wherever a run leaves bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import moto as moto_server
from tests.support.airflow_runs import run
from tests.support.estate import Rig, build, quick_policy
from tests.support.marker import Search
from tests.support.moto import Moto
from tidegate.drivers.vault import Secret
from tidegate.errors import Refused, Rejected, Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, Outcome
from tidegate.model.release import SecretVersion
from tidegate.model.topology import Arm, Slot
from tidegate.report.page import operation_html

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]
OLD, NEW = SecretVersion("receipt_key", "1"), SecretVersion("receipt_key", "2")
VALUES = {OLD: "opal/otter+5151?=%&first", NEW: "ruby/raven+7272?=%&second"}
SETTINGS = {
    "1.0.0": {"configuration": b'{"delivery_days": 3}', "secrets": {"receipt_key": "1"}},
    "1.1.0": {"configuration": b'{"delivery_days": 2}', "secrets": {"receipt_key": "2"}},
}
PROMOTE = {"version": "1.1.0", "reason": "the story of a test"}
ROLL_BACK = {"target": "1.0.0", "reason": "customers complain"}


@pytest.fixture
def moto(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moto]:
    """Airflow's secrets backend, holding both versions."""
    from airflow.sdk.configuration import clear_secrets_backends_cache

    with moto_server.running(tmp_path_factory.mktemp("moto")) as server:
        for which, value in VALUES.items():
            server.put(which.entry, value)
        for name, value in server.settings().items():
            monkeypatch.setenv(name, value)
        clear_secrets_backends_cache()
        yield server
    clear_secrets_backends_cache()


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Version 1 in the environment, version 2 in the metadata database."""
    from airflow.models import Connection
    from airflow.utils.session import create_session

    monkeypatch.setenv("AIRFLOW_CONN_RECEIPT_KEY__1", f'{{"conn_type": "generic", "password": "{VALUES[OLD]}"}}')
    with create_session() as session:
        session.add(Connection(conn_id=NEW.entry, conn_type="generic", password=VALUES[NEW]))
    yield
    with create_session() as session:
        session.query(Connection).filter(Connection.conn_id == NEW.entry).delete()


@pytest.fixture(params=["moto", "connections"])
def store(request: pytest.FixtureRequest) -> str:
    request.getfixturevalue(request.param)
    return str(request.param)


def rig_of(tmp_path: Path) -> Rig:
    """A short promotion. What runs at first was put there by others; from then on Airflow's vault is asked."""
    from tidegate.workflow import vault

    policy = quick_policy()
    evidence = {weight: policy.promotion.evidence[weight] for weight in (2500, 10_000)}
    policy = quick_policy(steps=(2500, 10_000), later_steps=(10_000,), evidence=evidence)
    rig = build(tmp_path, policy, settings=SETTINGS, vault=lambda which: Secret(which, VALUES[which]))
    object.__setattr__(rig.world.estate.site, "vault", vault.from_airflow)
    return rig


def sealed(rig: Rig, slot: Slot) -> list[str]:
    return sorted({v for region in ("east", "west") for v in rig.compute.sealed(Arm(region, slot)).values()})


def read(rig: Rig, operation: str) -> list[tuple[str, str, tuple[str, ...]]]:
    events = rig.world.journal.events("shop", operation=operation)
    rows = [e for e in events if e.kind is EventKind.SECRET_READ]
    assert all(e.actor and e.operation == operation for e in rows)
    return [(e.body["version"], e.body["node"], tuple(e.body["regions"])) for e in rows]


def test_forward_and_back_with_its_secrets_and_they_are_left_nowhere(
    store: str, tmp_path: Path, airflow_home_dir: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    rig = rig_of(tmp_path)
    there = run(rig, monkeypatch, PROMOTE)
    assert there.view is not None
    assert (there.state, there.view.outcome) == ("success", Outcome.PROMOTED)
    assert sealed(rig, Slot.B) == [VALUES[NEW]]
    assert read(rig, there.view.id) == [
        ("2", "admit.verify", ("east", "west")),
        ("2", "wave-1.deploy", ("east",)),
        ("2", "wave-2.deploy", ("west",)),
    ]
    for region in ("east", "west"):
        rig.compute.force(Arm(region, Slot.A), "1.0.0", "", 0)  # both machines of the old slot were lost meanwhile

    back = run(rig, monkeypatch, ROLL_BACK, OperationKind.ROLLBACK)

    assert back.view is not None
    assert (back.state, back.view.outcome) == ("success", Outcome.ROLLED_BACK)
    assert sealed(rig, Slot.A) == [VALUES[OLD]]
    assert sealed(rig, Slot.B) == [VALUES[NEW]], "1.1.0 is parked as it was"
    assert [version for version, _, _ in read(rig, back.view.id)] == ["1", "1", "1"]
    pages = [operation_html(rig.world.journal, "shop", view.id) for view in (there.view, back.view)]
    out = capfd.readouterr()
    assert "admit.verify" in out.out + out.err, "the tasks' logs are in what is searched"
    for value in VALUES.values():
        search = Search(value)
        assert search.in_files(airflow_home_dir, tmp_path) == [], "databases, logs, snapshots"
        assert [name for text in (out.out, out.err, *pages) for name in search.within(text.encode())] == []
        assert search.in_processes() == []


def test_what_is_not_there_is_refused_before_any_effect(
    moto: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = rig_of(tmp_path)
    moto.remove(NEW.entry)
    ran = run(rig, monkeypatch, PROMOTE)
    assert ran.view is not None
    assert (ran.view.outcome, rig.effects()) == (Outcome.REFUSED, [])
    assert "receipt_key in version 2 is not in the vault" in ran.view.failures["admit.verify"]


def deny(moto: Moto) -> None:
    moto.deny()


def stop(moto: Moto) -> None:
    moto.stop()


def remove(moto: Moto) -> None:
    moto.remove(NEW.entry)


@pytest.mark.parametrize(("happening", "error"), [(deny, Rejected), (stop, Unreachable), (remove, Refused)])
def test_a_vault_that_does_not_give_it_is_not_passed_over(
    moto: Moto, happening: Callable[[Moto], None], error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow itself would take the value that stands in the environment under the same name."""
    from tidegate.workflow import vault

    monkeypatch.setenv("AIRFLOW_CONN_RECEIPT_KEY__2", '{"conn_type": "generic", "password": "another-store-s"}')
    assert vault.from_airflow(NEW).value == VALUES[NEW]
    happening(moto)
    with pytest.raises(error, match="receipt_key in version 2") as caught:
        vault.from_airflow(NEW)
    assert type(caught.value) is error


@pytest.mark.parametrize("ours", [True, False], ids=["our-error", "a-vendor-s"])
def test_an_error_that_quotes_a_secret_comes_out_without_it(
    ours: bool, tmp_path: Path, airflow_home_dir: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any, connections: None
) -> None:
    rig = rig_of(tmp_path)

    def apply(arm: Any, desired: Any, token: Any, fetch: Any, unseal: Any) -> None:
        (secret,) = unseal()
        basic = base64.b64encode(f"shop:{secret.value}".encode()).decode()
        text = f"POST http://shop:{secret.value}@east.example failed; sent: Authorization: Basic {basic}"
        try:
            raise ConnectionError(text)
        except ConnectionError as lost:
            if ours:
                raise Rejected(text) from lost
            raise RuntimeError(f"giving up: {text}") from lost

    monkeypatch.setattr(rig.compute, "apply", apply)
    ran = run(rig, monkeypatch, PROMOTE)

    out = capfd.readouterr()
    assert ran.state == "failed"
    assert "east.example failed" in out.out + out.err, "the error itself is told"
    search = Search(VALUES[NEW])
    assert [name for text in (out.out, out.err) for name in search.within(text.encode())] == []
    assert search.in_files(airflow_home_dir, tmp_path) == []
