"""The story's report: ``report.json`` for programs, ``report.html`` and a table for people."""

from __future__ import annotations

import html
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.places import REPOSITORY
from lab.story.drawing import weights_drawing

Row = Mapping[str, Any]


def write(out: Path, rows: Sequence[Row], seconds: float) -> None:
    """Both files, whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    whole = {"commit": _commit(), "machine": _machine(), "seconds": round(seconds, 1), "scenarios": list(rows)}
    _replace(out / "report.json", json.dumps(whole, indent=2, ensure_ascii=False))
    _replace(out / "report.html", _page(whole))


def table(rows: Sequence[Row]) -> str:
    """What a person reads in the terminal."""
    head = ("scenario", "ended", "rung", "ok", "requests", "failed", "sessions", "orders", "verdict", "total", "in")
    under = ("", "", "", "", "", "requests", "broken", "lost", "to safe", "", "Airflow")
    body = [_cells(row) for row in rows]
    widths = [max(len(str(line[i])) for line in (head, under, *body)) for i in range(len(head))]
    lines = [_line(line, widths) for line in (head, under)]
    lines.append("-" * len(lines[0]))
    for row, cells in zip(rows, body, strict=True):
        lines.append(_line(cells, widths))
        if "until_orders" in row["seconds"]:
            lines.append(f"    {_back(row['seconds'])}")
        if not row["ok"]:
            lines.append(f"    {row['why']}")
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    seconds = row["seconds"]
    return (
        row["name"],
        row["outcome"] or "?",
        row["rung"] or "–",
        "yes" if row["ok"] else "NO",
        _figure(row["requests"]),
        _figure(row["failed_requests"]),
        _figure(row["sessions_broken"]),
        _figure(row["orders_lost"]),
        _figure(seconds["verdict_to_safe"], "s"),
        _figure(seconds["total"], "s"),
        _figure(seconds["in_airflow"], "s"),
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, rest = cells[:4], cells[4:]
    left = [str(c).ljust(w) for c, w in zip(first, widths[:4], strict=True)]
    return "  ".join([*left, *(str(c).rjust(w) for c, w in zip(rest, widths[4:], strict=True))]).rstrip()


def _figure(value: float | None, unit: str = "") -> str:
    """A dash for what was not measured: never a zero."""
    return "–" if value is None else f"{value:g}{' ' + unit if unit else ''}"


def _commit() -> str | None:
    if not (REPOSITORY / ".git").exists():
        return None  # an image holds no history, and no git
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() or None


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _replace(path: Path, text: str) -> None:
    temporary = path.with_suffix(path.suffix + ".new")
    temporary.write_text(text)
    temporary.replace(path)


_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #cf222e; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; } td.n, th.n { text-align: right; } td.n { white-space: nowrap; }
.ok { color: var(--good); font-weight: 600; } .no { color: var(--bad); font-weight: 600; }
section { margin-top: 2.5rem; } details { margin-top: .8rem; } summary { cursor: pointer; }
.wide { overflow-x: auto; } .soft { opacity: .75; } svg { max-width: 100%; height: auto; }
@media (max-width: 40rem) { body { font-size: 15px; margin: 1rem auto; } }
"""


def _page(whole: Mapping[str, Any]) -> str:
    rows = whole["scenarios"]
    good = sum(bool(r["ok"]) for r in rows)
    machine = whole["machine"]
    size = f"{machine['cores']} cores, {machine['memory_gb']} GB"
    about = f"commit {str(whole['commit'])[:12]} · {size} · {whole['seconds']} s"
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Tidegate: {good} of {len(rows)} scenarios ended as they should</title><style>{_STYLE}</style>"
        f"<h1>{good} of {len(rows)} scenarios ended as they should</h1><p class=soft>{_text(about)}</p>"
        f"{_summary(rows)}{''.join(_section(r) for r in rows)}</html>"
    )


def _summary(rows: Sequence[Row]) -> str:
    head = [
        "scenario",
        "ended",
        "rung",
        "",
        "requests",
        "failed",
        "sessions broken",
        "orders lost",
        "verdict to safe",
        "total",
    ]
    cells = "".join(f"<th{' class=n' if i > 3 else ''}>{h}</th>" for i, h in enumerate(head))
    body = "".join(_summary_row(r) for r in rows)
    return f"<div class=wide><table><tr>{cells}</tr>{body}</table></div>"


def _summary_row(row: Row) -> str:
    cells = _cells(row)
    mark = "<span class=ok>ok</span>" if row["ok"] else "<span class=no>not ok</span>"
    left = (
        f"<td><a href='#{_text(row['name'])}'>{_text(row['title'])}</a></td><td>{_text(cells[1])}</td>"
        f"<td>{_text(cells[2])}</td><td>{mark}</td>"
    )
    return f"<tr>{left}{''.join(f'<td class=n>{_text(c)}</td>' for c in cells[4:10])}</tr>"


def _section(row: Row) -> str:
    load = row.get("load") or {}
    facts = {
        "expected": row["expected"],
        "found": row["why"],
        "reason in the journal": row.get("reason") or "–",
        "the ladder stopped at": row.get("rung") or "–",
        "load on average": _load(load, "mean"),
        "load at least": _load(load, "least"),
        "first bad answer to verdict": _figure(row["seconds"]["first_bad_to_verdict"], "s"),
        "verdict to safe": _figure(row["seconds"]["verdict_to_safe"], "s"),
        "data checks": _checks(row["checks"]),
        "time in effects, in Airflow": f"{_figure(row['seconds']['in_effects'], 's')}, "
        f"{_figure(row['seconds']['in_airflow'], 's')} of {_figure(row['seconds']['total'], 's')}",
    }
    if "until_orders" in row["seconds"]:
        facts["after the kill"] = _back(row["seconds"])
    lines = "".join(f"<tr><th>{_text(k)}</th><td>{_text(v)}</td></tr>" for k, v in facts.items())
    return (
        f"<section id='{_text(row['name'])}'><h2>{_text(row['title'])}</h2>{weights_drawing(row['timeline'])}"
        f"<table>{lines}</table><details><summary>Every journal row</summary><div class=wide><table>"
        f"{''.join(_event(e) for e in row['timeline'])}</table></div></details></section>"
    )


def _back(seconds: Row) -> str:
    """From the kill on: the users' clock for orders, the journal's for the stages."""
    parts = ("declared", "opened", *(n for n in seconds["stages"] if n.startswith("cutover.")))
    told = ", ".join(f"{name} {seconds['stages'][name]:g} s" for name in parts if name in seconds["stages"])
    return (
        f"orders are taken again {seconds['until_orders']:g} s after the kill, all is restored after "
        f"{seconds['restored']:g} s ({told})"
    )


def _checks(checks: Row) -> str:
    if checks["run"] is None:
        return "none were needed: nothing was reverted"
    gate = f", the slowest data gate {checks['gate_seconds']:g} s in Airflow" if checks.get("gate_seconds") else ""
    found = f": {', '.join(checks['violated'])}" if checks["violated"] else ""
    return (
        f"{checks['run']} run, {checks['failed']} not passed{found}; the slowest run took {checks['seconds']:g} s{gate}"
    )


def _load(load: Row, which: str) -> str:
    rate, sessions = load.get(f"requests_per_second_{which}"), load.get(f"sessions_{which}")
    return f"{_figure(rate)} requests/s, {_figure(sessions)} sessions"


def _event(event: Row) -> str:
    cells = (f"{event['at']:.2f} s", event["kind"], event["node"] or "", event["actor"], event["words"])
    return "<tr>" + "".join(f"<td>{_text(c)}</td>" for c in cells) + "</tr>"


def _text(value: object) -> str:
    return html.escape(str(value))
