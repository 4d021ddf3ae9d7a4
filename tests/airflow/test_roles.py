"""Who may do what: every role, every action, over Airflow's API, Tidegate's pages and the command line.

One person of each role does each thing for real; what came of it is the table of ``docs/reference/roles.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.airflow_runs import blueprint_of, context, loaded_of
from tests.support.estate import ROOT, Rig, build, quick_policy
from tidegate.engine import control
from tidegate.engine.adoption import ask_adoption
from tidegate.engine.approve import give_approval
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import drive
from tidegate.engine.turn import turn_back
from tidegate.engine.view import OperationView
from tidegate.errors import Forbidden
from tidegate.model.operation import OperationKind
from tidegate.model.roles import Action
from tidegate.policy.schema import Approval, Policy, Roles

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]

PEOPLE: Mapping[str, tuple[str | None, str | None]] = {  # what one is -> name, role in Airflow's auth manager
    "viewer": ("vic", "viewer"),
    "operator": ("cat", "op"),
    "approver": ("ann", "op"),
    "platform": ("pat", "op"),
    "auditor": ("aud", "viewer"),
    "operator who is a viewer in Airflow": ("olly", "viewer"),
    "an operator of Airflow without a role": ("out", "op"),
    "nobody (not logged in)": (None, None),
}
ROLES = Roles(
    viewer=("vic",), operator=("cat", "olly", "ron"), approver=("ann",), platform=("pat", "pam"), auditor=("aud",)
)
NODE = "wave-1.approve-5"
DOC = ROOT / "docs" / "reference" / "roles.md"
BUILT = ROOT / "build" / "ui" / "roles.md"

#                                       read   request    control    approve    adopt      audit
EXPECTED = {
    "Airflow's REST API": {
        "viewer":                       "yes   403        403        403        –          –",
        "operator":                     "yes   yes        yes        refused    –          –",
        "approver":                     "yes   refused    refused    yes        –          –",
        "platform":                     "yes   yes        yes        refused    –          –",
        "auditor":                      "yes   403        403        403        –          –",
        "operator who is a viewer in Airflow":
                                        "yes   403        403        403        –          –",
        "an operator of Airflow without a role":
                                        "yes   refused    refused    refused    –          –",
        "nobody (not logged in)":       "401   401        401        401        –          –",
    },
    "Tidegate's pages": {
        "viewer":                       "yes   403        403        403        403        403",
        "operator":                     "yes   yes        yes        403        403        403",
        "approver":                     "yes   403        403        yes        403        403",
        "platform":                     "yes   yes        yes        403        yes        403",
        "auditor":                      "yes   403        403        403        403        yes",
        "operator who is a viewer in Airflow":
                                        "yes   403        403        403        403        403",
        "an operator of Airflow without a role":
                                        "403   403        403        403        403        403",
        "nobody (not logged in)":       "401   401        401        401        401        401",
    },
    "The command line, by the name stated": {
        "viewer":                       "–     –          refused    refused    refused    refused",
        "operator":                     "–     –          yes        refused    refused    refused",
        "approver":                     "–     –          refused    yes        refused    refused",
        "platform":                     "–     –          yes        yes        yes        refused",
        "auditor":                      "–     –          refused    refused    refused    yes",
        "operator who is a viewer in Airflow":
                                        "–     –          yes        refused    refused    refused",
        "an operator of Airflow without a role":
                                        "–     –          refused    refused    refused    refused",
        "nobody (not logged in)":       "–     –          refused    refused    refused    refused",
    },
}  # fmt: skip

HEAD = """\
# Roles: who may do what

<!-- Made by tests/airflow/test_roles.py, in which one person of each role does each thing. Edit that test. -->

Airflow says who somebody is, and whether they may touch the DAG. The policy's `roles` say what that person is to this
service. **Both have to say yes**. The engine asks the policy itself before it requests, controls, approves or adopts,
whichever way that came in. Reading is asked on Tidegate's pages; `tidegate audit show`, `status` and `catalog` read the
journal directly and ask no role: who holds the journal's address is trusted. A policy without `roles` leaves it to
Airflow alone.

| role | may |
|---|---|
{roles}

`yes`: done. `401`, `403`: Airflow, or the page, refused it. `refused`: Airflow let the person, the engine did not;
nothing changed, and the run says whom to ask. `–`: there is no such thing there.
"""
TAIL = """\
## What this proves, and what it does not

- Airflow's API and Tidegate's pages know who is logged in. The list of a DAG's runs in Airflow itself is Airflow's:
  whoever may read the DAG there sees them, whatever the policy says.
- The command line does not: `--by` is a name that somebody states (left out, it is the operating system's account).
  The journal keeps the name and the account. Whoever holds the address of the journal's database is trusted with
  it, for reading and for writing; that is what makes it work when Airflow is gone. So keep it as you keep a password.
- `tidegate promote` and `tidegate rollback` go through Airflow's API: its table holds.
- Nobody approves what they have asked for, whatever their roles are. Approving an adoption takes an approver or a
  platform engineer; approving a step of a promotion an approver whom the policy names for it.
- A rollback that the standing guard asks for needs nobody's role. Its name, `guard`, no person may use.
"""


def policy(base: Policy) -> Policy:
    return base.model_copy(update={"roles": ROLES})


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Everybody is named in the question, so that it is the role which decides."""
    from tidegate.workflow import worlds

    names = tuple(name for name, _ in PEOPLE.values() if name)
    asked = Approval(before="5%", people=names, quorum=1, within="1h")  # type: ignore[arg-type]
    rig = build(tmp_path_factory.mktemp("roles"), policy(quick_policy(approvals=(asked,))))
    with worlds.prepared(rig.world):
        yield rig


@pytest.fixture(scope="module")
def unadopted(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    return build(tmp_path_factory.mktemp("unadopted"), policy(quick_policy()), adopted=False, guarded=False)


@pytest.fixture(scope="module")
def api(metadata: Path, rig: Rig) -> Iterator[Any]:
    """Airflow's own API server, its database holding the repository's DAGs; nobody is admin by default."""
    from airflow.api_fastapi.app import create_app
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from fastapi.testclient import TestClient

    from tidegate.ui import reading

    manager = DagBundlesManager()
    manager.sync_bundles_to_db()
    for bundle in manager.get_all_dag_bundles():
        bundle.initialize()
        bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
        sync_bag_to_db(bag, bundle.name, bundle.version)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{rig.world.estate.site.root / 'journal.sqlite'}")
        reading.reading_journal.cache_clear()
        with TestClient(create_app(), raise_server_exceptions=False) as client:
            yield client
        reading.reading_journal.cache_clear()


def login(name: str | None, role: str | None) -> dict[str, str]:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    if name is None:
        return {}
    jwt = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role))
    return {"Authorization": f"Bearer {jwt}"}


def answered(status: int) -> str:
    return "yes" if status in (200, 201) else str(status)


def by_the_engine(deed: Callable[[], Any]) -> str:
    try:
        deed()
    except Forbidden:
        return "refused"
    return "yes"


class OverTheApi:
    """Airflow's routes; what they let through is then done by the task itself, in the run's person's name."""

    def __init__(self, api: Any, rig: Rig) -> None:
        self.api, self.rig = api, rig

    def read(self, name: str | None, role: str | None) -> str:
        return answered(self.api.get("/api/v2/dags/promote__shop/dagRuns", headers=login(name, role)).status_code)

    def triggered(self, dag: str, conf: Mapping[str, Any], name: str | None, role: str | None) -> Any:
        body = {"logical_date": None, "conf": conf}
        return self.api.post(f"/api/v2/dags/{dag}/dagRuns", json=body, headers=login(name, role))

    def request(self, name: str | None, role: str | None) -> str:
        from tidegate.workflow.bind import BindOperator

        params = {"version": "1.1.0", "reason": "a test"}
        answer = self.triggered("promote__shop", params, name, role)
        if answer.status_code != 200:
            return answered(answer.status_code)
        bind = BindOperator(task_id="bind", blueprint=blueprint_of(self.rig))
        run = context(answer.json()["dag_run_id"], dag_run=run_of(answer), params=params)
        return by_the_engine(lambda: self.ended(bind.execute(run)))

    def ended(self, operation: str) -> None:
        turn_back(self.rig.world, operation, why="enough", actor="test")
        drive(self.rig.world, operation, actor="test")

    def control(self, name: str | None, role: str | None) -> str:
        from tidegate.workflow.control import ControlOperator

        view = at_the_question(self.rig)
        params = {"action": "pause", "reason": "a test"}
        answer = self.triggered("control__shop", params, name, role)
        if answer.status_code != 200:
            return answered(answer.status_code)
        task = ControlOperator(task_id="control", loaded=loaded_of(self.rig))
        run = context(answer.json()["dag_run_id"], dag_run=run_of(answer), params={"operation": None, **params})
        said = by_the_engine(lambda: task.execute(run))
        control.resume(self.rig.world, view.id, person="ron", reason="a test", actor="test")
        return said

    def approve(self, name: str | None, role: str | None) -> str:
        view = at_the_question(self.rig)
        address = self.asked_in_airflow()
        body = {"chosen_options": ["Approve"], "params_input": {}}
        answer = self.api.patch(address, json=body, headers=login(name, role))
        if answer.status_code != 200:
            return answered(answer.status_code)
        person = answer.json()["responded_by"]["id"]
        world, plan = self.rig.world, view.plan_digest
        return by_the_engine(lambda: give_approval(world, view.id, NODE, person=person, plan_digest=plan, actor="test"))

    def asked_in_airflow(self) -> str:
        """A question that Airflow would let everybody answer: then it is the engine that says no."""
        from airflow.models.hitl import HITLDetail
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import select

        made = self.triggered("promote__shop", {"version": "1.1.0", "reason": "a test"}, "ron", "op").json()
        run = made["dag_run_id"]
        everybody = [{"id": name, "name": name} for name, _ in PEOPLE.values() if name]
        with create_session() as session:
            query = select(TaskInstance).where(
                TaskInstance.dag_id == "promote__shop", TaskInstance.run_id == run, TaskInstance.task_id == "bind"
            )
            found = session.scalars(query).one()
            detail = HITLDetail(
                ti_id=found.id, options=["Approve", "Reject"], subject="a test", multiple=False, assignees=everybody
            )
            detail.params = {}
            session.add(detail)
        return f"/api/v2/dags/promote__shop/dagRuns/{run}/taskInstances/bind/-1/hitlDetails"

    def adopt(self, name: str | None, role: str | None) -> str:
        return "–"

    audit = adopt


class OnThePages:
    """Tidegate's own routes for reading and control; for what has no route yet the dependency that it would have."""

    def __init__(self, api: Any, rig: Rig) -> None:
        from fastapi import Depends, FastAPI
        from fastapi.testclient import TestClient

        from tidegate.workflow.access import may

        self.api, self.rig = api, rig
        routes = FastAPI()
        for action in Action:
            routes.post(f"/{action.value}/{{service}}")(_named(Depends(may(action))))
        self.routes = TestClient(routes, raise_server_exceptions=False)

    def read(self, name: str | None, role: str | None) -> str:
        return answered(self.api.get("/tidegate/services/shop", headers=login(name, role)).status_code)

    def control(self, name: str | None, role: str | None) -> str:
        view = at_the_question(self.rig)
        address, headers = f"/tidegate/api/operations/shop/{view.id}/pause", {"Origin": "http://testserver"}
        answer = self.api.post(address, json={"reason": "a test"}, headers={**headers, **login(name, role)})
        control.resume(self.rig.world, view.id, person="ron", reason="a test", actor="test")
        return answered(answer.status_code)

    def __getattr__(self, action: str) -> Callable[[str | None, str | None], str]:
        return lambda name, role: self.write(action, name, role)

    def write(self, action: str, name: str | None, role: str | None) -> str:
        answer = self.routes.post(f"/{action}/shop", headers=login(name, role))
        if answer.status_code == 200:
            assert answer.json() == name, "the dependency gives the name"
        return answered(answer.status_code)


def _named(person: Any) -> Callable[..., Any]:
    def route(name: str = person) -> str:
        return name

    return route


class OnTheCommandLine:
    """Names are stated, so roles in Airflow do not matter here. Exit codes 4 and 16 are refusals."""

    def __init__(self, rig: Rig, unadopted: Rig, patch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.rig, self.unadopted, self.out = rig, unadopted, tmp_path
        for find in ("find_paper", "find_world"):
            patch.setattr(f"tidegate.cli.control.{find}", lambda service: rig.world)
        patch.setattr("tidegate.cli.adoption.find_world", lambda service: unadopted.world)
        patch.setattr("tidegate.cli.trail.find_policy", lambda service: SimpleNamespace(policy=rig.world.policy))
        patch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{rig.world.estate.site.root / 'journal.sqlite'}")

    def run(self, *words: str) -> str:
        from tidegate.cli import main

        return {0: "yes", 4: "refused", 16: "refused"}[main(list(words))]

    def read(self, name: str | None, role: str | None) -> str:
        return "–"

    request = read

    def control(self, name: str | None, role: str | None) -> str:
        view = at_the_question(self.rig)
        said = self.run("pause", "shop", view.id, "--by", name or "", "--reason", "a test")
        control.resume(self.rig.world, view.id, person="ron", reason="a test", actor="test")
        return said

    def adopt(self, name: str | None, role: str | None) -> str:
        return self.run("adopt", "shop", "1.0.0", "--by", name or "", "--reason", "a test")

    def approve(self, name: str | None, role: str | None) -> str:
        asked = ask_adoption(self.unadopted.world, "1.0.0", person="pam", reason="a test", actor="pam")
        self.operation = str(asked["operation"]) if asked else self.operation
        return self.run("approve", "shop", self.operation, "--by", name or "")

    def audit(self, name: str | None, role: str | None) -> str:
        out = self.out / "audit.jsonl"
        asked = ("--service", "shop", "--from", "2001-01-01", "--to", "2100-01-01", "--heads", str(self.out))
        said = self.run("audit", "export", *asked, "--out", str(out), "--by", name or "")
        assert out.exists() is (said == "yes")
        out.unlink(missing_ok=True)
        return said


def run_of(answer: Any) -> Any:
    return SimpleNamespace(run_type="manual", triggering_user_name=answer.json()["triggering_user_name"])


class _AtTheQuestion(Exception):
    pass


def at_the_question(rig: Rig) -> OperationView:
    """One operation, requested by ``ron``, that waits for people."""
    from tidegate.workflow.identity import read

    blueprint = blueprint_of(rig)
    request = Request(OperationKind.PROMOTION, "the question", "ron", "a test", "1.1.0")
    view = open_operation(rig.world, request, blueprint.plan, actor="test")
    if NODE not in view.requested:
        with pytest.raises(_AtTheQuestion):
            drive(rig.world, view.id, actor="test", ask=_stop)
    return read(rig.world, view.id) or view


def _stop(view: OperationView, node: Any) -> None:
    raise _AtTheQuestion


Table = dict[str, dict[str, list[str]]]
ORDER = (Action.READ, Action.REQUEST, Action.ADOPT, Action.CONTROL, Action.APPROVE, Action.AUDIT)  # as it can be done


@pytest.fixture(scope="module")
def found(api: Any, rig: Rig, unadopted: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    with pytest.MonkeyPatch.context() as patch:
        cli = OnTheCommandLine(rig, unadopted, patch, tmp_path_factory.mktemp("out"))
        ways = dict(zip(EXPECTED, (OverTheApi(api, rig), OnThePages(api, rig), cli), strict=True))
        cells: dict[tuple[str, str, Action], str] = {}
        for action in ORDER:
            for surface, way in ways.items():
                for kind, (name, role) in PEOPLE.items():
                    cells[surface, kind, action] = getattr(way, action.value)(name, role)
        yield {s: {k: [cells[s, k, a] for a in Action] for k in PEOPLE} for s in ways}


@pytest.mark.parametrize("surface", EXPECTED)
def test_each_role_may_what_it_may(found: Table, surface: str) -> None:
    assert found[surface] == {kind: cells.split() for kind, cells in EXPECTED[surface].items()}


def test_only_approvers_are_asked(rig: Rig, found: Table) -> None:
    assert at_the_question(rig).requested[NODE]["people"] == ["ann"]


def test_the_table_is_the_one_in_the_docs(found: Table) -> None:
    text = page(found)
    print(text)
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    BUILT.write_text(text)
    assert text == DOC.read_text(), f"copy {BUILT.relative_to(ROOT)} to {DOC.relative_to(ROOT)}"


def page(found: Table) -> str:
    from tidegate.model.roles import MAY, Role

    roles = [f"| `{role}` | {', '.join(a.value for a in Action if a in MAY[role])} |" for role in Role]
    parts = [HEAD.format(roles="\n".join(roles))]
    for surface, rows in found.items():
        head = f"| who | {' | '.join(a.value for a in Action)} |"
        body = [f"| {kind} | {' | '.join(cells)} |" for kind, cells in rows.items()]
        parts.append("\n".join([f"## {surface}\n", head, "|---" * (len(Action) + 1) + "|", *body, ""]))
    return "\n".join([*parts, TAIL])
