"""The first thing a reader wants to know of an operation that moves a service between its regions. Pure."""

from __future__ import annotations

from tidegate.engine.view import OperationView
from tidegate.model.operation import OperationKind, Outcome
from tidegate.model.traffic import TOTAL
from tidegate.plan.names import APPROVE_LOSS, PROMOTE_NODE

Lines = tuple[str, str, str, str, str]  # title, changed, safe, next, tone


def closed(view: OperationView, why: str) -> Lines:
    """How it ended."""
    source, target, service = view.binding.source, view.binding.target, view.service
    home = str(view.plan.settings["failover"]["home"])
    alone = f"NOT PROTECTED: {source} does not follow. {target} takes writes alone."
    protect = f"Once {source} is back: tidegate reprotect {service} --reason <why>. Nothing is promoted before."
    back = "Nothing." if target == home else f"Home, when you like: tidegate switchover {service} --to {home}"
    if view.outcome is Outcome.SWITCHED_OVER:
        changed = f"Yes: writes go to {target}, {source} follows. Traffic: {shares(view)}."
        return f"Switched over to {target}", changed, "Yes. Nothing was lost.", back, "good"
    if view.outcome is Outcome.FAILED_OVER:
        only = view.binding.only
        changed = f"Yes: writes go to {target}. Traffic{' as it was' if only else ''}: {shares(view)}. {loss(view)}"
        title = f"Only the {only} failed over to {target}" if only else f"Failed over to {target}"
        return title, changed, alone, protect, "good"
    if view.outcome is Outcome.REPROTECTED:
        named = view.facts.get("protect.debts", {}).get("named", ())
        rest = f" Still to be seen to: {'; '.join(str(one['what']) for one in named)}." if named else ""
        changed = f"Yes: {source} follows {target}. Traffic: {shares(view)}."
        return f"{source} protects {target} again", changed, "Yes.", f"{back}{rest}", "good"
    if view.outcome is Outcome.SUPERSEDED:
        return _superseded(view, why)
    if view.outcome is Outcome.TURNED_BACK and view.kind is OperationKind.FAILOVER:
        fenced = view.facts.get("declare.fence", {}).get("fenced")
        part = f" --only {view.binding.only}" if view.binding.only else ""
        changed = f"Yes: {source}'s database was stopped." if fenced else f"No. {source} could not be fenced."
        after = f"Ask again, and sign: tidegate failover {service} --to {target}{part} --reason <why>. It was {why}"
        safe = "NO: NOBODY TAKES WRITES, and nothing was promoted." if fenced else "Nothing was promoted."
        after += f". Meanwhile, reads only: tidegate stop-writes {service} --by <name> --reason <why>" if fenced else ""
        return f"The failover to {target} was not approved", f"{changed} {loss(view)}", safe, after, "bad"
    if view.outcome is Outcome.TURNED_BACK:
        changed = f"Yes, and it was taken back: writes go to {source}. Traffic: {shares(view)}."
        return f"The switchover to {target} turned back", changed, "Yes.", f"Find out why: {why}", "bad"
    return f"{view.kind.value.capitalize()} was refused", "No.", "Yes, nothing was touched.", why, "bad"


def _superseded(view: OperationView, why: str) -> Lines:
    words = f"Look at that one: tidegate status {view.service}"
    return f"A failover took over from this {view.kind.value}", f"It was {why}", "The failover says.", words, "bad"


def opened(view: OperationView) -> tuple[str, str, str]:
    """Title, changed and safe of one that is under way. ``safe`` says where writes go."""
    source, target = view.binding.source, view.binding.target
    verb = {OperationKind.REPROTECT: f"{source} is being protected: it will follow {target}"}.get(
        view.kind, f"{view.kind.value.capitalize()} from {source} to {target} is under way"
    )
    changed = f"Yes, and it goes on. Traffic: {shares(view)}.{turned_away(view)}" if view.touched else "Not yet."
    return verb, changed, f"{writer(view)} {asked(view)}".strip()


def writer(view: OperationView) -> str:
    """Where writes go, by what the journal shows as done."""
    source, target = view.binding.source, view.binding.target
    if view.kind is OperationKind.REPROTECT or view.verified(PROMOTE_NODE):
        return f"Writes go to {target}."
    stopped = ("cutover.quiesce", "cutover.fence", "declare.fence")
    if any(view.node(node).status != "open" for node in stopped) and not view.verified("return.writer"):
        return f"NOBODY TAKES WRITES NOW, or {source} alone, until {target} is promoted."
    if view.kind is OperationKind.FAILOVER:
        return f"{source} is thought to be lost: writes fail."
    return f"Writes go to {source}."


def asked(view: OperationView) -> str:
    """That it waits for people, if it does."""
    if APPROVE_LOSS not in view.requested or view.verified(APPROVE_LOSS):
        return ""
    return f"It waits for {view.requested[APPROVE_LOSS]['quorum']} people to sign. {loss(view)}"


def turned_away(view: OperationView) -> str:
    """That not everybody is served, while that is so."""
    told = [facts["admitted"] for facts in view.facts.values() if "admitted" in facts]
    if not told or max(told) == TOTAL:
        return ""
    return f" {max(told) / 100:g}% of the sessions are served, the others get 503 with Retry-After."


def loss(view: OperationView) -> str:
    """What was measured."""
    detail = view.node("declare.measure").detail
    return f"Loss: {detail}." if detail else ""


def shares(view: OperationView) -> str:
    """The regions' parts of the traffic as the router was left."""
    split = view.left_split
    if split is None:
        return "not known"
    return ", ".join(f"{name} {split.region_share(name) / 100:g}%" for name in view.plan.settings["region_order"])
