"""How the kept journals were made: operations run, and cut off, by the code of an older commit.

    git worktree add /tmp/old COMMIT
    PYTHONPATH=/tmp/old/include:/tmp/old python tests/corpus/make.py part-1
    git worktree remove /tmp/old

Each case becomes a directory below ``tests/corpus/<name>/``: ``journal.sql``, which is the whole SQLite file as that
code's own migrations made it, and ``estate.json``, which is how router, slots, releases and access log stood when the
process went away. ``tests/scenarios/test_old_journals.py`` carries them on with the code of today. Made once and kept:
a case is never made anew with newer code.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tidegate
from tests.support.estate import Rig, build, quick_policy
from tests.support.operations import open_promotion, open_rollback
from tidegate.drivers.artifacts.memory import store_of
from tidegate.engine.approve import give_approval
from tidegate.engine.runner import drive
from tidegate.model.traffic import TOTAL
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.rollback import rollback_plan
from tidegate.policy.load import load_policy
from tidegate.policy.schema import Approval, Bake, StepEvidence

HERE = Path(__file__).parent


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Cut:
    """Kills the process right after the commit of a row: ``kind``, and the node that it is about ("" for any)."""

    kind: str
    node: str = ""

    def __call__(self, event: Any) -> None:
        if event.kind == self.kind and self.node in ("", event.body.get("node")):
            raise Killed


def promoted(rig: Rig) -> None:
    drive(rig.world, open_promotion(rig, "1.1.0").id, actor="old", ask=lambda view, node: answer(rig, view, node))


def answer(rig: Rig, view: Any, node: Any) -> None:
    give_approval(rig.world, view.id, node.id, person="ann", plan_digest=view.plan_digest, actor="old")


def caught(rig: Rig) -> None:
    rig.users.error_rate["1.2.0"] = {"checkout": 1.0, "browse": 1.0}
    drive(rig.world, open_promotion(rig, "1.2.0").id, actor="old")


def rolled_back(rig: Rig) -> None:
    promoted(rig)
    drive(rig.world, open_rollback(rig, "1.0.0").id, actor="old")


@dataclass(frozen=True)
class Case:
    """``cut`` None: to its end. ``asks``: with an approval before full weight."""

    run: Callable[[Rig], None]
    cut: Cut | None = None
    asks: bool = False


CASES = {
    "promoted": Case(promoted),
    "caught": Case(caught),
    "rolled-back": Case(rolled_back),
    "open-before-anything": Case(promoted, Cut("operation_opened")),
    "open-mid-canary": Case(promoted, Cut("step_verified", "wave-1.shift-25")),
    "open-shift-intended": Case(promoted, Cut("step_intended", "wave-1.shift-100")),
    "open-awaiting-approval": Case(promoted, Cut("approval_requested"), asks=True),
    "open-approved": Case(promoted, Cut("gate_opened", "wave-1.approve-100"), asks=True),
    "open-stop-declared": Case(caught, Cut("stop_loss")),
    "open-stopped": Case(caught, Cut("step_verified", "return.stop-loss")),
    "open-certified": Case(promoted, Cut("step_verified", "certify.baseline")),
    "open-rollback": Case(rolled_back, Cut("step_verified", "return.shift-50")),
}


def policy(asks: bool) -> Any:
    asked = Approval.model_validate({"before": "100%", "from": ["ann", "ben"], "quorum": 1, "within": "10m"})
    return quick_policy(
        steps=(2500, TOTAL),
        later_steps=(TOTAL,),
        evidence={2500: StepEvidence(requests=3), TOTAL: StepEvidence(requests=3)},
        bake=Bake.model_validate({"lasts": "1s", "requests": 3}),
        warm_up=0.1,
        approvals=(asked,) if asks else (),
    )


def make(name: str, case: Case, target: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        rig = build(Path(directory), policy(case.asks))
        rig.users.rate = 40.0
        rig.world.journal._after_commit = case.cut
        try:
            case.run(rig)
            assert case.cut is None, f"{name}: never came to {case.cut}"
        except Killed:
            pass
        target.mkdir(parents=True)
        (target / "estate.json").write_text(json.dumps(estate(rig), separators=(",", ":")) + "\n")
        with sqlite3.connect(Path(directory) / "journal.sqlite") as journal:
            (target / "journal.sql").write_text("\n".join(journal.iterdump()) + "\n")


def estate(rig: Rig) -> dict[str, Any]:
    """Everything outside the journal, as it was left."""
    route = rig.traffic.observe()
    return {
        "at": rig.clock.now(),
        "policy": rig.world.policy.model_dump(mode="json", by_alias=True),
        "route": {"epoch": route.epoch, "split": str(route.split)},
        "slots": {arm.name: slot(rig, arm) for arm in rig.arms()},
        "releases": releases(rig),
        "errors": rig.users.error_rate,
        "log": log(rig),
    }


def slot(rig: Rig, arm: Any) -> dict[str, Any]:
    epoch, version = rig.compute._told.get(arm, (0, None))
    return {"epoch": epoch, "version": version, "instances": len(rig.compute.observe(arm).instances)}


def releases(rig: Rig) -> dict[str, Any]:
    """By version: the signed manifest and the files beside it; the test's keys stay out, and sign anew."""
    found: dict[str, Any] = {}
    for (version, name), data in store_of(rig.world.estate.site).files.items():
        if version and name == "envelope.json":
            manifest = json.loads(base64.b64decode(json.loads(data)["payload"]))
            found.setdefault(version, {"files": {}})["manifest"] = manifest
        elif version:
            found.setdefault(version, {"files": {}})["files"][name] = base64.b64encode(data).decode()
    return found


def log(rig: Rig) -> dict[str, Any]:
    """The access log: how many lines the guard had saved, and the lines after them."""
    lease = rig.world.journal.head("shop").lease
    saved = rig.world.journal.evidence("shop", lease.operation, "judge-checkpoint") if lease else None
    read = int(saved["cursor"]) if saved else len(rig.metrics._log)
    rows = [
        [o.at, o.arm.name, o.session, o.endpoint, o.status, o.milliseconds, o.epoch, str(o.split)]
        for o in rig.metrics._log[read:]
    ]
    return {"read": read, "rows": rows}


def keep_policy(target: Path) -> None:
    """The sample policy, and what that code made of it: an open run goes on only while that stays the same."""
    source = Path(tidegate.__file__).parents[2] / "dags" / "policies" / "shop.yaml"
    loaded = load_policy(source)
    plans = {p.kind.value: p.digest for p in (f(loaded.policy, loaded.digest) for f in (promotion_plan, rollback_plan))}
    target.mkdir(parents=True)
    (target / "shop.yaml").write_bytes(source.read_bytes())
    (target / "digests.json").write_text(json.dumps({"policy": loaded.digest, "plans": plans}, indent=1) + "\n")


def main(name: str) -> None:
    print(f"made by {Path(tidegate.__file__).parents[2]}")
    keep_policy(HERE / name / "policy")
    for case_name, case in CASES.items():
        make(case_name, case, HERE / name / case_name)
        print(f"  {name}/{case_name}")


if __name__ == "__main__":
    main(sys.argv[1])
