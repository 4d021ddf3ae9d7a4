"""RTO and RPO in words: what is gone and expected while it runs, met or missed by how much after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tidegate.model.operation import OperationKind
from tidegate.model.recovery import Loss, Recovery


def objectives_document(found: Recovery | None) -> dict[str, Any] | None:
    """JSON, with the words of pages and of the command line; None for an operation that takes nothing from users."""
    return None if found is None else {**found.to_json(), "rto_words": rto_words(found), "rpo_words": rpo_words(found)}


def rto_words(found: Recovery) -> str:
    """One line. Whatever is missed is said first."""
    target = "no RTO in the policy" if found.rto_target is None else f"RTO {found.rto_target:g} s"
    if found.proved or found.closed:
        return _after(found, target)
    if found.back:
        return f"{target}: back after {found.gone:.1f} s, not proved by a write yet"
    forecast = "" if found.forecast is None else f"forecast {found.forecast:.1f} s ({found.forecast_by})"
    if found.kind == OperationKind.SWITCHOVER.value and not found.gone:
        return f"{target}: users are served; the pause of their writes: {forecast}"
    missed = " MISSED" if found.rto_met is False else ""
    waited = f", {found.waited:.1f} s of it for people" if found.waited else ""
    return f"{target}{missed}: {found.gone:.1f} s gone{waited}, {forecast}"


def _after(found: Recovery, target: str) -> str:
    waited = f", human wait {found.waited:.1f} s of it" if found.waited else ""
    if not found.proved:
        return f"{target} MISSED: it never gave the service back{waited}"
    if found.rto_target is None:
        return f"back after {found.gone:.1f} s ({target}){waited}"
    of = f"{found.gone:.1f} s of {found.rto_target:g} s{waited}"
    return f"RTO met: {of}" if found.rto_met else f"RTO MISSED by {found.gone - found.rto_target:.1f} s: {of}"


def rpo_words(found: Recovery) -> str:
    """One line."""
    target = "no RPO in the policy" if found.rpo_target is None else f"RPO {found.rpo_target:g} s"
    words = loss_words(found.loss)
    if found.kind == OperationKind.SWITCHOVER.value and not found.loss.exact:
        return f"{target}: a switchover moves nothing before the other side has everything"
    if found.rpo_met is None or found.rpo_target is None:
        return f"{target}: {words}"
    return f"RPO met: {words}, {found.rpo_target:g} s allowed" if found.rpo_met else f"{larger(found)}: {words}"


def larger(found: Recovery) -> str:
    """That the loss is larger than the objective allows, empty if it is not, or not known to be."""
    if found.rpo_met is not False:
        return ""
    may = "IS" if found.loss.exact and found.loss.bytes else "MAY BE"
    return f"THE LOSS {may} LARGER THAN THE RPO of {found.rpo_target:g} s"


def loss_words(loss: Loss) -> str:
    """What the new primary lacks, as far as it was measured."""
    if loss.nothing:
        return "nothing that was acknowledged is lost"
    if loss.bytes is None and loss.seconds is None:
        return "NOT KNOWN what is lost"
    size = f"{'' if loss.exact else 'at least '}{loss.bytes:,} bytes of log" if loss.bytes else ""
    within = "" if loss.seconds is None else f"what was written in {loss.seconds:.1f} s at most"
    return ", ".join(part for part in (size, within) if part) or "NOT KNOWN exactly what is lost"


def stage_words(found: Recovery) -> str:
    """``detect 0.8 s, decide 0.1 s, …``, one after the other; what is no part of the RTO in brackets."""
    told = [f"{s.name} {s.seconds:.1f} s{' so far' if s.running else ''}" for s in found.stages]
    green = "" if found.green is None else f"; alarms green again after {found.green:.1f} s"
    shown = (words if stage.counts else f"({words})" for stage, words in zip(found.stages, told, strict=True))
    return f"{', '.join(shown)}{green}"


def history_lines(service: str, found: Iterable[Recovery]) -> Iterator[str]:
    """For the command line: newest last, two lines each."""
    for one in found:
        at = datetime.fromtimestamp(one.began, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        yield f"{at}  {one.kind:10}  {rto_words(one)}"
        yield f"{'':20}  {'':10}  {rpo_words(one)}"
        yield f"{'':20}  {'':10}  {stage_words(one)}; {one.known_by} ({one.operation})"


def status_lines(document: Mapping[str, Any] | None) -> Iterator[str]:
    """What ``tidegate status`` shows of the operation's objectives."""
    if document is None:
        return
    yield f"  users without it:     {document['rto_words']}"
    yield f"  what is lost:         {document['rpo_words']}"
    yield f"  where the time went:  {stage_words(Recovery.from_json(document))}"
