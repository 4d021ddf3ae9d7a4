"""The policies as they stand, and the connections that they name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tidegate.doctor.finding import Finding, missing, ok, warn
from tidegate.drivers.credentials import Resolver, connection_name
from tidegate.errors import TidegateError
from tidegate.policy.connections import references
from tidegate.policy.folder import FolderResult
from tidegate.policy.lint import lint
from tidegate.policy.schema import Policy

BACKEND = "AIRFLOW__SECRETS__BACKEND"
InAirflow = Callable[[str], bool]  # whether Airflow's metadata database holds a connection of that name


def policies(folder: Path, found: FolderResult) -> Iterator[Finding]:
    """Every file: usable, and without a warning of lint's."""
    for error in found.errors:
        why = "its DAGs stay on the last good policy, or there are none"
        yield missing("policy", str(error), why, f"tidegate lint {folder}")
    if not found.policies and not found.errors:
        yield missing("policy", f"{folder} holds no policy", "without one there is no DAG", "tidegate init")
    for loaded in found.policies:
        if loaded.stale:
            continue  # told above
        findings = lint(loaded).findings
        told = [f for f in findings if f.severity != "info"]
        for f in told:
            says = f"{loaded.path.name}:{f.line}: {f.message}"
            wrong = missing if f.severity == "error" else warn
            yield wrong("policy", says, f.hint or "a gate may not do what it is for", f"tidegate lint {loaded.path}")
        if not told:
            notes = f" ({len(findings)} note{'' if len(findings) == 1 else 's'})" if findings else ""
            yield ok("policy", f"{loaded.policy.service}: usable; lint has no errors or warnings{notes}")


def connections(
    policy: Policy, resolve: Resolver, environment: Mapping[str, str], in_airflow: InAirflow | None
) -> Iterator[Finding]:
    """Names only, never a value. Break-glass has no metadata database to ask: what only that holds is not there when it
    is needed."""
    good: list[str] = []
    for reference in references(policy):
        name = connection_name(reference)
        variable = f"AIRFLOW_CONN_{name.upper()}"
        try:
            resolve(reference)
        except TidegateError:
            yield _unresolved(policy.service, name, environment.get(BACKEND, ""), in_airflow)
        except ValueError as error:
            says = f"{name}: {variable} cannot be read ({type(error).__name__})"
            yield missing("connection", says, "no driver can use it", f"{variable}=scheme://login:password@host:port")
        else:
            good.append(name)
    if good:
        yield ok("connection", f"{policy.service}: {', '.join(good)}")


def _unresolved(service: str, name: str, backend: str, in_airflow: InAirflow | None) -> Finding:
    mend = f"set AIRFLOW_CONN_{name.upper()} here, from the place where it is kept"
    if in_airflow is not None and _held(in_airflow, name):
        says = f"{name}: only Airflow's metadata database holds it"
        return warn("connection", says, "with Airflow gone nobody can break the glass", mend)
    if backend:
        says = f"{name}: not in this environment; {backend.rpartition('.')[2]} may hold it for Airflow"
        return warn("connection", says, "break-glass from here cannot resolve it", mend)
    return missing("connection", f"{service}: {name} is not defined here", "its driver cannot connect", mend)


def _held(in_airflow: InAirflow, name: str) -> bool:
    try:
        return in_airflow(name)
    except TidegateError:
        return False  # that Airflow does not answer is told of Airflow
