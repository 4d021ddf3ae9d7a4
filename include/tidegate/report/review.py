"""What is drafted of an operation once it is over, for those who look back: what happened, what was seen and by what,
who decided what, where the time went, what is worth doing. From the journal alone, so two drafts of it are the same.

It blames nobody: people appear where they asked, signed or held, with the reason that they gave, and what went wrong is
told of steps, gates and signals. The form follows J. Allspaw's and Google's writing on blameless postmortems (Site
Reliability Engineering, 2016, chapter 15); people fill in what no journal knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tidegate.journal.model import EventKind
from tidegate.policy.people import Owners

SLOWEST = 5  # steps that are named
WORTH_ASKING = 0.25  # of the whole time: people's wait above it is a follow-up
_DECISIONS = {
    EventKind.APPROVAL_GIVEN: "said yes",
    EventKind.APPROVAL_REFUSED: "said no",
    EventKind.HELD: "paused it",
    EventKind.RESUMED: "lifted the pause",
    EventKind.OVERRIDDEN: "set a rule aside",
    EventKind.LEDGER_CLOSED: "closed lost writes",
}
_TOLD = {
    EventKind.OPERATION_OPENED: "asked for",
    EventKind.STOP_LOSS: "the loss is stopped",
    EventKind.TURNED_BACK: "it turns back",
    EventKind.STEP_FAILED: "a step failed",
    EventKind.GATE_FAILED: "a gate gave up",
    EventKind.APPROVAL_REQUESTED: "people are asked",
    EventKind.RUNG_JUDGED: "a rung is judged",
    EventKind.DATA_CHECKED: "the data is checked",
    EventKind.LEASE_TAKEN: "somebody else carries on",
    EventKind.OBJECTIVES_MEASURED: "the time is measured",
    EventKind.NOTE: "noted",
    EventKind.OPERATION_CLOSED: "it is over",
    **_DECISIONS,
}


@dataclass(frozen=True)
class Moment:
    """``after``: seconds since it was asked for. ``who``: a person, or the part of the system that wrote it."""

    after: float
    who: str
    what: str
    words: str


@dataclass(frozen=True)
class Spent:
    """How long a node took, from when the one before it was settled. ``waited``: it is a gate or an approval."""

    node: str
    seconds: float
    waited: bool


@dataclass(frozen=True)
class FollowUp:
    """Something worth doing. ``id``: within the operation. ``owner``: as the policy names who answers for it."""

    id: str
    owner: str
    what: str
    because: str


@dataclass(frozen=True)
class Review:
    """Everything that a draft says. ``document``: the operation's own, as its page has it."""

    document: Mapping[str, Any]
    timeline: tuple[Moment, ...]
    seen_by: tuple[str, ...]
    decisions: tuple[Moment, ...]
    spent: tuple[Spent, ...]
    well: tuple[str, ...]
    not_well: tuple[str, ...]
    follow_ups: tuple[FollowUp, ...]


def review(document: Mapping[str, Any], owners: Owners) -> Review:
    """``document``: of :func:`tidegate.report.document.operation_document`. Pure."""
    timeline = tuple(_moments(document))
    spent = tuple(_spent(document))
    words = {*_DECISIONS.values(), "asked for"}
    return Review(
        document,
        timeline,
        tuple(_seen_by(document)),
        tuple(one for one in timeline if one.what in words),
        spent,
        tuple(_well(document)),
        tuple(_not_well(document)),
        tuple(_numbered(_follow_ups(document, spent, owners))),
    )


def _moments(document: Mapping[str, Any]) -> Iterator[Moment]:
    about, runs = document["operation"], iter(document["checks"])
    for row in document["log"]:
        kind = EventKind(row["kind"])
        words = _checked(next(runs)) if kind is EventKind.DATA_CHECKED else str(row["words"])
        if kind is EventKind.OPERATION_OPENED:
            yield Moment(float(row["after"]), str(about["requester"]), _TOLD[kind], str(about["reason"]))
        elif kind in _TOLD:
            said = ": ".join(part for part in (str(row["node"]), words) if part)
            yield Moment(float(row["after"]), str(row["actor"]), _TOLD[kind], said)


def _seen_by(document: Mapping[str, Any]) -> Iterator[str]:
    """What noticed that something was wrong, with its reason; nothing if nothing was."""
    for row in document["log"]:
        if row["kind"] in (EventKind.STOP_LOSS, EventKind.GATE_FAILED):
            what = "the guard" if row["kind"] == EventKind.STOP_LOSS else f"the gate {row['node']}"
            yield f"{row['after']:.1f} s: {what}: {row['words']}"
    if found := document["objectives"]:
        yield f"the loss of the writer: {found['known_by']}"


def _checked(run: Mapping[str, Any]) -> str:
    bad = _bad(run)
    return f"{len(run['results'])} checks, " + (f"violated: {', '.join(bad)}" if bad else "none violated")


def _spent(document: Mapping[str, Any]) -> Iterator[Spent]:
    """By when nodes were settled, so that a wait is counted to what was waited for. A step's own time begins with its
    intent: what was before that is nobody's."""
    begun = {row["node"]: float(row["after"]) for row in document["log"] if row["kind"] == EventKind.STEP_INTENDED}
    nodes = [node for stage in document["plan"]["stages"] for node in stage["nodes"]]
    settled = sorted((n for n in nodes if n["after"] is not None and not n["nothing_to_do"]), key=lambda n: n["after"])
    start: dict[str, Any] = {"after": 0.0}
    rows = [
        Spent(
            now["id"], round(now["after"] - max(before["after"], begun.get(now["id"], 0.0)), 1), now["type"] != "step"
        )
        for before, now in pairwise([start, *settled])
    ]
    yield from sorted(rows, key=lambda one: -one.seconds)


def _well(document: Mapping[str, Any]) -> Iterator[str]:
    about, found = document["operation"], document["objectives"]
    if found and found["rto_met"]:
        yield found["rto_words"]
    if found and found["rpo_met"]:
        yield found["rpo_words"]
    stopped = next((row for row in document["log"] if row["kind"] == EventKind.STOP_LOSS), None)
    safe = next((r for r in document["log"] if r["kind"] == "step_verified" and r["node"] == "return.stop-loss"), None)
    if stopped and safe:
        seconds = max(0.1, safe["after"] - stopped["after"])
        yield f"traffic was safe {seconds:.1f} s after the verdict at most, and nobody had to do anything"
    if document["checks"] and not any(_bad(run) for run in document["checks"][-1:]):
        yield f"the last run of the data checks found nothing ({len(document['checks'][-1]['results'])} checks)"
    if not about["changed"]:
        yield "nothing was touched"


def _not_well(document: Mapping[str, Any]) -> Iterator[str]:
    found = document["objectives"]
    if found and found["rto_met"] is False:
        yield found["rto_words"]
    if found and found["rpo_met"] is False:
        yield found["rpo_words"]
    if document["operation"]["why_back"]:
        yield f"it turned back: {document['operation']['why_back']}"
    for row in document["log"]:
        if row["kind"] in (EventKind.STEP_FAILED, EventKind.GATE_FAILED):
            yield f"{row['node']}: {row['words']}"
    for run in document["checks"]:
        yield from (f"after {run['node']}: {one} was violated" for one in _bad(run))


def _bad(run: Mapping[str, Any]) -> list[str]:
    return [str(one["id"]) for one in run["results"] if one["status"] == "violated"]


def _follow_ups(document: Mapping[str, Any], spent: Sequence[Spent], owners: Owners) -> Iterator[tuple[str, str, str]]:
    """Owner, what, because. Proposed by rules, so the same operation proposes the same."""
    about, found = document["operation"], document["objectives"]
    moving = bool(about.get("source"))
    back, forward = (owners.failover, owners.failover) if moving else (owners.rollback, owners.release)
    if about["why_back"] and not moving:
        candidate = about["candidate"]["version"]
        yield forward, f"find out why {candidate} did that, and add what would have shown it earlier", about["why_back"]
    if found and found["rto_met"] is False:
        counted = [s for s in found["stages"] if s["counts"]]
        longest = max(counted, key=lambda stage: float(stage["seconds"]))
        yield back, f"shorten {longest['name']}, the longest part of {longest['seconds']:.1f} s", found["rto_words"]
    if found and found["rpo_met"] is False:
        yield back, "see why the standby was so far behind, or have writes wait for it", found["rpo_words"]
    waited = sum(float(s["seconds"]) for s in found["stages"] if s["name"] == "human wait") if found else 0.0
    if found and waited > WORTH_ASKING * max(float(found["gone"]), 1.0):
        yield back, "see who was asked, and how: people were waited for", f"{waited:.1f} s of {found['gone']:.1f} s"
    failed = [row for row in document["log"] if row["kind"] == EventKind.STEP_FAILED]
    for node in dict.fromkeys(row["node"] for row in failed):
        last = [row for row in failed if row["node"] == node][-1]
        yield back, f"rehearse {node}: it failed {sum(r['node'] == node for r in failed)} times", last["words"]
    for run in document["checks"]:
        for one in _bad(run):
            yield back, f"find out how the data came to violate {one}", f"run {run['run']} after {run['node']}"
    for row in document["log"]:
        if row["kind"] == EventKind.OVERRIDDEN:
            yield forward, "see whether the rule that was set aside is the right one", f"{row['actor']}: {row['words']}"


def _numbered(found: Iterator[tuple[str, str, str]]) -> Iterator[FollowUp]:
    for number, (owner, what, because) in enumerate(found, start=1):
        yield FollowUp(f"F{number}", owner, what, because)


def markdown(found: Review, owners: Owners) -> str:
    """The draft, to be filled in by people where it says so."""
    document = found.document
    about, top = document["operation"], document["headline"]
    return "\n".join([*_head(document, owners), *_body(found), "", *_rest(about, top)]) + "\n"


def _head(document: Mapping[str, Any], owners: Owners) -> Iterator[str]:
    about, top = document["operation"], document["headline"]
    yield f"# {top['title']}"
    yield ""
    lasted = f"{_time(about['opened_at'])} to {_time(about['closed_at'])}"
    yield f"{document['service']}, {about['kind']} `{about['id']}`, {lasted}."
    yield f"Asked for by {about['requester']}: {about['reason']}"
    yield ""
    yield f"- **Did anything change?** {top['changed']}"
    yield f"- **Is it safe?** {top['safe']}"
    yield f"- **What next?** {top['next']}"
    yield f"- **Who answers for it:** release {owners.release}, rollback {owners.rollback}, failover {owners.failover}"


def _body(found: Review) -> Iterator[str]:
    document = found.document
    if objectives := document["objectives"]:
        yield from _section("Against the objectives", (objectives["rto_words"], objectives["rpo_words"]))
    yield from _section("What noticed it", found.seen_by)
    yield from ("", "## Timeline", "", "| after | who | what | |", "|---|---|---|---|")
    yield from (f"| {m.after:.1f} s | {_cell(m.who)} | {m.what} | {_cell(m.words)} |" for m in found.timeline)
    yield from _section(
        "Decisions, and by whom", (f"{m.after:.1f} s: {m.who} {m.what}: {m.words}" for m in found.decisions)
    )
    slowest = found.spent[:SLOWEST]
    yield from _section(
        "Where the time went",
        (f"{one.seconds:.1f} s {'waiting at' if one.waited else 'in'} `{one.node}`" for one in slowest),
    )
    yield from _section("What went well", found.well)
    yield from _section("What did not", found.not_well)
    yield from ("", "## Proposed follow-ups", "")
    if not found.follow_ups:
        yield "None by rule."
        return
    yield from ("| | owner | what | because |", "|---|---|---|---|")
    yield from (f"| {f.id} | {_cell(f.owner)} | {_cell(f.what)} | {_cell(f.because)} |" for f in found.follow_ups)


def _rest(about: Mapping[str, Any], top: Mapping[str, Any]) -> Iterator[str]:
    yield "## What no journal knows"
    yield ""
    yield "To be written by those who were there: what users said, what was tried beside, what was luck."
    yield ""
    yield f"Drafted from the journal's rows of `{about['id']}`."


def _section(title: str, lines: Any) -> Iterator[str]:
    told = list(lines)
    yield from ("", f"## {title}", "")
    yield from (f"- {line}" for line in told or ("nothing",))


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _time(at: float | None) -> str:
    return "now" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
