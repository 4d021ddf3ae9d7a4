"""All services on one page, and one service with its history: what needs a person stands first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.report.markup import Markup, join, table, tag
from tidegate.report.shell import age, page, when

EVERY = 4.0  # seconds between two looks
_TONES = {0: "bad", 1: "ask", 2: "open", 3: "good"}


def overview_html(document: Mapping[str, Any], base: str) -> str:
    return page("Recovery", overview_body(document, base), live=f"{base}/live", every=EVERY)


def overview_body(document: Mapping[str, Any], base: str) -> Markup:
    """One card per service, the most urgent first."""
    services = document["services"]
    if not services:
        words = "No service that you may read: write a policy (tidegate init), or ask for the permission on its DAGs."
        return tag("section", tag("h1", "No service yet"), tag("p", words), class_="card top")
    urgent = [row for row in services if row["urgency"] <= 1]
    words = ", ".join(row["service"] for row in urgent)
    title = f"{len(urgent)} of {len(services)} need somebody: {words}" if urgent else "Nothing needs anybody"
    return join([tag("h1", title), [_card(row, document["at"], base) for row in services], _seen(document)])


def service_html(row: Mapping[str, Any], now: float, base: str) -> str:
    crumbs = [("Recovery", f"{base}/"), (row["service"], None)]
    live = f"{base}/services/{row['service']}/live"
    return page(row["service"], service_body(row, now, base), crumbs=crumbs, live=live, every=EVERY)


def service_body(row: Mapping[str, Any], now: float, base: str) -> Markup:
    """The service's card, then what was done to it."""
    return join([_card(row, now, base, alone=True), _operations(row, base), _catalog(row, base), _seen({"at": now})])


def _seen(document: Mapping[str, Any]) -> Markup:
    return tag("p", f"As the journal had it at {when(document['at'])}.", class_="quiet")


def _card(row: Mapping[str, Any], now: float, base: str, alone: bool = False) -> Markup:
    name: object = row["service"] if alone else tag("a", row["service"], href=f"{base}/services/{row['service']}")
    release = f"{row['stable']['version']} in slot {row['stable']['slot']}" if row["stable"] else "none adopted yet"
    facts: Sequence[tuple[str, object]] = (
        ("Release", release),
        *([("Owners", _owners(row["owners"]))] if row["owners"] else []),
        ("Last operation", _operation(row, now, base)),
        ("Guard", _guard(row["guard"])),
        ("Lease", _lease(row["lease"])),
        *([("Regions", row["vantage"])] if row["vantage"] else []),
        *([("Calls", [tag("div", words) for words in row["dependencies"]])] if row["dependencies"] else []),
        *([("After promotion", row["watch"])] if row["watch"] else []),
        ("Brakes", _brakes(row["brakes"], now)),
        ("Readiness", _ready(row["readiness"])),
        *([("Error budget", _budget(row["budget"]))] if row["budget"] else []),
    )
    needs = tag("ul", [tag("li", words) for words in row["needs"]], class_="needs") if row["needs"] else None
    return tag(
        "section",
        tag("h1" if alone else "h2", name),
        needs,
        tag("dl", [(tag("dt", word), tag("dd", value)) for word, value in facts], class_="facts"),
        tag("div", [_region(region) for region in row["regions"]], class_="grid regions"),
        class_=f"card top {_TONES[row['urgency']]}",
        id=f"service-{row['service']}",
    )


def _owners(owners: Mapping[str, str]) -> str:
    """Each once: who answers for what."""
    of: dict[str, list[str]] = {}
    for what, who in owners.items():
        of.setdefault(who, []).append(what)
    return "; ".join(f"{who}: {', '.join(what)}" for who, what in of.items())


def _operation(row: Mapping[str, Any], now: float, base: str) -> object:
    last = row["operation"]
    if last is None:
        return "none yet"
    top, at = last["headline"], last["closed_at"] or last["opened_at"]
    link = tag("a", top["title"], href=f"{base}/operations/{row['service']}/{last['id']}")
    since = f", {'since' if not last['closed_at'] else ''} {age(now - at)}{' ago' if last['closed_at'] else ''}"
    stands = last["position"]
    here = f", at {stands['node']} ({stands['done']} of {stands['of']})" if stands and stands["node"] else ""
    return [link, since.replace(",  ", ", "), here, f", asked for by {last['requester']}"]


def _guard(guard: Mapping[str, Any]) -> object:
    if guard["age"] is None:
        return tag("span", "never seen", class_="alarm")
    if not guard["alive"]:
        return tag("span", f"NOT ALIVE: last beat {age(guard['age'])} ago", class_="alarm")
    if guard["blind"]:
        return tag("span", f"blind: {guard['blind']}", class_="alarm")
    return tag("span", "watches", class_="yes")


def _lease(lease: Mapping[str, Any] | None) -> object:
    if lease is None:
        return "free"
    if lease["expires_in"] < 0:
        return tag("span", f"ran out {age(-lease['expires_in'])} ago ({lease['holder']})", class_="alarm")
    return f"{lease['holder']}, {age(lease['expires_in'])} left unless renewed"


def _ready(ready: Mapping[str, Any] | None) -> object:
    if ready is None:
        return tag("span", "never asked: tidegate readiness", class_="quiet")
    never = [tag("div", f"never: {one}", class_="quiet") for one in ready["never"]]
    if not ready["ready"]:
        return [*(tag("div", one, class_="alarm") for one in ready["red"]), *never]
    words = f"yes: {ready['of'] - len(never)} of {ready['of']} green, {age(ready['age'])} ago"
    return [tag("div", words, class_="ask" if ready["stale"] else "yes"), *never]


def _budget(budget: Mapping[str, Any]) -> object:
    return tag("span", budget["words"], class_="alarm") if budget["spent"] else budget["words"]


def _brakes(brakes: Mapping[str, Any], now: float) -> object:
    names = (("pin", "pinned"), ("line", "line stopped"))
    on = [(words, brakes[name]) for name, words in names if brakes[name]]
    on += [(f"{one['version'] or one['digest']} vetoed", one) for one in brakes["vetoes"][-3:]]
    told = [tag("div", f"{words} by {one['person']}, {age(now - one['at'])} ago: {one['why']}") for words, one in on]
    return told or "none on"


def _region(region: Mapping[str, Any]) -> Markup:
    serving = [
        tag("div", tag("strong", one["version"]), f" takes {one['percent']:g} %", _bar(one["percent"]))
        for one in region["serving"]
    ]
    share = f" {region['share']:g} % of all traffic" if region["share"] is not None else ""
    return tag("div", tag("h3", region["region"], tag("small", share)), serving, _health(region), class_="cell")


def _bar(percent: float) -> Markup:
    return tag("progress", max="100", value=f"{percent:g}", aria_label=f"{percent:g} percent")


def _health(region: Mapping[str, Any]) -> Markup:
    health, old = region["health"], region["age"]
    if health is None or old is None:
        return tag("small", "no figures: no guard has counted here")
    if not health["requests"]:
        words: object = tag("span", "no requests", class_="ask")
    else:
        part = health["failed"] / health["requests"]
        tone = "yes" if not health["failed"] else "alarm" if part >= 0.01 else "ask"
        failed = tag("span", f"{part:.2%} failed" if health["failed"] else "none failed", class_=tone)
        words = [f"{region['per_second'] or 0:.0f} requests/s, ", failed, f", p99 {health['p99']:.0f} ms"]
    stale = tag("span", f" {age(old)} old", class_="alarm" if old > 5 else "quiet")
    return tag("small", words, f" in {region['window'] or 0:g} s,", stale)


def _operations(row: Mapping[str, Any], base: str) -> Markup:
    rows = [
        (
            when(one["at"]),
            tag("a", f"{one['kind']} of {one['version']}", href=f"{base}/operations/{row['service']}/{one['id']}"),
            f"asked for by {one['by']}",
        )
        for one in row["operations"]
    ]
    body = table(("When", "What", "Who"), rows, class_="stack") if rows else tag("p", "None yet.", class_="quiet")
    return tag("section", tag("h2", "Operations"), body, class_="card")


def _catalog(row: Mapping[str, Any], base: str) -> Markup:
    rows = [
        (
            when(entry["at"]),
            [tag("strong", entry["version"]), f" after {entry['replaces']}"],
            f"{entry['by']}: {entry['why']}",
            tag("code", f"rollback__{row['service']} with target {entry['replaces']}"),
        )
        for entry in row["catalog"]
    ]
    empty = tag("p", "Nothing has been promoted yet.", class_="quiet")
    head = ("When", "Release", "Why", "The way back")
    return tag("section", tag("h2", "Catalog"), table(head, rows, class_="stack") if rows else empty, class_="card")
