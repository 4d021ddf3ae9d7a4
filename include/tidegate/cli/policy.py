"""``tidegate lint`` and ``tidegate schema``."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.complaint import as_text, policy_error
from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.writing import give_out
from tidegate.errors import PolicyError, PolicyErrors
from tidegate.policy.lint import GateView, Report, lint, spoken
from tidegate.policy.lint_groups import lint_groups
from tidegate.policy.load import Loaded, load_policy
from tidegate.policy.places import policy_folder
from tidegate.policy.quantities import proportion_text


def register(app: typer.Typer) -> None:
    app.command("lint")(lint_command)
    app.command("schema")(schema)


def lint_command(
    paths: Annotated[list[Path] | None, typer.Argument(help="Policy files or directories of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail as well.")] = False,
) -> None:
    """Check policies, and tell what their gates buy. Exits with 3 if one cannot be used or a gate cannot work."""
    reports: list[Report] = []
    errors: list[PolicyError] = []
    given = paths or [policy_folder()]
    loaded: list[Loaded] = []
    for path in _files(given):
        try:
            loaded.append(load_policy(path))
            reports.append(lint(loaded[-1]))
        except PolicyErrors as error:
            errors.extend(error.errors)
    errors += _twice(reports)
    groups = lint_groups(given, loaded)
    errors += groups.errors
    if groups.words and not as_json:
        typer.echo("\n".join(groups.words))
    if as_json or reports:
        typer.echo(_json(reports, errors) if as_json else _words(reports))
    if errors and not as_json:
        typer.echo(as_text(PolicyErrors(errors)), err=True)
    warned = any(f.severity != "info" for r in reports for f in r.findings)
    if errors or not all(r.usable for r in reports) or (strict and warned):
        raise typer.Exit(ExitCode.POLICY)


def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="The reference page instead.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
) -> None:
    """Print the JSON Schema of a policy, for editors (draft 2020-12)."""
    from tidegate.policy.reference import json_schema_text
    from tidegate.policy.reference_page import reference_markdown

    give_out(reference_markdown() if markdown else json_schema_text(), output)


def _files(paths: list[Path]) -> list[Path]:
    """Raises :class:`PolicyError` for a directory without policies: nothing checked is not all well."""
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        found = sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml") and not p.name.startswith("."))
        if not found:
            raise PolicyError("holds no policy", file=str(path), next_step="name a directory with *.yaml files")
        files += found
    return files


def _twice(reports: list[Report]) -> list[PolicyError]:
    files: dict[str, list[str]] = {}
    for report in reports:
        files.setdefault(report.service, []).append(report.file)
    return [
        PolicyError(f"the service {service!r} is defined in {' and '.join(names)}", file=names[-1])
        for service, names in files.items()
        if len(set(names)) > 1
    ]


def _json(reports: list[Report], errors: list[PolicyError]) -> str:
    value = {"policies": [asdict(r) for r in reports], "errors": [policy_error(e) for e in errors]}
    return json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    """JSON has no infinity: what never comes is null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _words(reports: list[Report]) -> str:
    return "\n\n".join("\n".join(_report(report)) for report in reports)


def _report(report: Report) -> list[str]:
    lines = [f"{report.service} ({report.file})"]
    for finding in report.findings:
        hint = f"; {finding.hint}" if finding.hint else ""
        lines.append(f"  {finding.severity:7} {finding.line}:{finding.column} {finding.rule}: {finding.message}{hint}")
    total = sum(report.alphas.values())
    parts = ", ".join(f"{name} {alpha:.3%}" for name, alpha in report.alphas.items())
    lines.append(f"  false alarms: at most {total:.2%} of good releases, all signals and looks together ({parts})")
    if report.gates:
        lines.append("  gates, if the candidate is as good as stable, at the traffic declared:")
        lines += [f"    {line}" for line in _table([_HEAD, *map(_row, report.gates)])]
        lines.append("  sees: smallest fault found with 80% chance by the time the gate opens, in the class named;")
        lines.append("  2% fault: chance that it is found by then, and how soon it is at this weight, in the mean;")
        lines.append("  holds: a fault of that size keeps the gate shut, found or not")
    return lines


_HEAD = ("wave", "region", "weight", "opens after", "waits for", "sees", "2% fault", "holds")


def _row(gate: GateView) -> tuple[str, ...]:
    blank = ("objectives only", "–") if gate.power is None else (_sees(gate), _finds(gate))
    holds = f"above {proportion_text(gate.holds)}" if gate.holds is not None else "–"
    return (str(gate.wave), gate.region, gate.weight, spoken(gate.seconds), gate.slowest, *blank, holds)


def _sees(gate: GateView) -> str:
    if gate.smallest_fault is None:
        return f"none in {gate.endpoint}"
    return f"{gate.smallest_fault:.2%} in {gate.endpoint}"


def _finds(gate: GateView) -> str:
    return f"{gate.power:.0%}, {spoken(gate.find if gate.find is not None else math.inf)}"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
