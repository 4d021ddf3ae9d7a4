"""A review drafted of operations that were really played: on the memory estate, from their journal alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import ROOT, Rig, build
from tests.support.moving import both_sign, move, moving_policy
from tests.support.operations import promote
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.model.operation import OperationKind, Outcome
from tidegate.policy.people import Owners
from tidegate.report.document import operation_document
from tidegate.report.review import Review, markdown, review
from tidegate.report.review_page import review_html

OWNERS = Owners(release="team-a", rollback="team-b", failover="sre-c", dashboard="sre-d")


def drafted(rig: Rig, operation: str) -> Review:
    return review(operation_document(rig.world.journal, "shop", operation, rig.clock.now()), OWNERS)


def test_a_release_that_was_caught(tmp_path: Path) -> None:
    rig = build(tmp_path)
    rig.users.error_rate["1.1.0"] = {"checkout": 0.4}
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.ROLLED_BACK
    found = drafted(rig, view.id)

    (seen,) = found.seen_by
    assert "the guard: errors" in seen
    assert (found.timeline[0].who, found.timeline[0].what) == ("cat", "asked for")
    assert {"the loss is stopped", "it is over"} <= {one.what for one in found.timeline}
    assert any(line.startswith("traffic was safe ") for line in found.well)
    assert any(line.startswith("it turned back: errors") for line in found.not_well)
    (first, *_) = found.follow_ups
    assert (first.id, first.owner) == ("F1", "team-a")
    assert first.what.startswith("find out why 1.1.0 did that") and first.because == view.why_back
    whole = max(n["after"] for s in found.document["plan"]["stages"] for n in s["nodes"] if n["after"])
    assert 0 < sum(one.seconds for one in found.spent) <= whole + 1
    stop = next(one for one in found.spent if one.node == "return.stop-loss")
    assert stop.seconds < 1, "what was before its intent is counted to it"

    text = markdown(found, OWNERS)
    assert text == markdown(drafted(rig, view.id), OWNERS), "the same rows are another draft"
    assert "# 1.1.0 was caught and rolled back" in text and "| F1 | team-a |" in text
    assert all(line.count("|") == line.replace("\\|", "").count("|") for line in text.splitlines() if line[:2] == "| ")


def test_a_failover_for_which_people_were_waited_for(tmp_path: Path) -> None:
    rig = build(tmp_path, moving_policy())
    rig.database.power_off("east")
    ask = both_sign(rig.world)

    def slowly(view: Any, node: Any) -> None:
        rig.clock.sleep(15)
        ask(view, node)

    view = move(rig, OperationKind.FAILOVER, "west", ask=slowly)
    assert view.outcome is Outcome.FAILED_OVER
    found = drafted(rig, view.id)
    assert [(one.who, one.what) for one in found.decisions] == [
        ("cat", "asked for"),
        ("ann", "said yes"),
        ("ben", "said yes"),
    ]
    assert found.seen_by[-1].startswith("the loss of the writer: ")
    waited = next(one for one in found.follow_ups if "people were waited for" in one.what)
    assert waited.owner == "sre-c"
    assert found.spent[0].waited, "the people took longest"
    assert "## Against the objectives" in markdown(found, OWNERS)
    page = review_html(found, OWNERS)
    assert "Time without the service, and what is lost" in page and "people were waited for" in page


def test_what_went_as_planned_proposes_nothing(tmp_path: Path) -> None:
    rig = build(tmp_path)
    found = drafted(rig, promote(rig, "1.1.0").id)
    assert (found.follow_ups, found.seen_by, found.not_well) == ((), (), ())
    assert "None by rule." in markdown(found, OWNERS)


def test_nothing_of_the_journal_s_becomes_markup(tmp_path: Path) -> None:
    rig = build(tmp_path)
    rig.users.error_rate["1.1.0"] = {"checkout": 0.4}
    found = drafted(rig, promote(rig, "1.1.0").id)
    about = {**found.document["operation"], "reason": "a | b\nc <script>x</script>"}
    again = review({**found.document, "operation": about}, OWNERS)
    assert "a \\| b c" in markdown(again, OWNERS)
    assert "<script>x" not in review_html(again, OWNERS)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    rig = build(tmp_path)
    view = promote(rig, "1.1.0")
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    assert main(["report", "shop"]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("# 1.1.0 is promoted")
    for name in ("review.md", "review.html"):
        assert main(["report", "shop", view.id, "--out", str(tmp_path / name)]) == ExitCode.OK
        assert "1.1.0 is promoted" in (tmp_path / name).read_text()
    capsys.readouterr()
    assert main(["report", "shop", "--out", str(tmp_path / "review.pdf")]) == ExitCode.REFUSED
    assert main(["report", "shop", view.id[:-1]]) == ExitCode.REFUSED
    assert view.id in capsys.readouterr().err
    assert rig.world.journal.verify("shop") == []
