"""Python and the packages that Tidegate's own metadata asks for, and room on the disk."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from tidegate.doctor.finding import Finding, missing, ok, warn
from tidegate.journal.migrations import HEAD_REVISION
from tidegate.policy.schema import VERSION

ONLY_FOR_DAGS = ("apache-airflow",)  # and its providers: break-glass does without
LEAST, LITTLE = 200 * 1024**2, 1024**3  # bytes
Installed = Callable[[str], str]


def versions(installed: Installed = metadata.version) -> str:
    """Of Tidegate itself, and of what it writes and reads."""
    try:
        package = installed("tidegate")
    except metadata.PackageNotFoundError:
        package = "(from its source, not installed)"
    return f"tidegate {package}, journal revision {HEAD_REVISION}, policy format {VERSION}"


def software(installed: Installed = metadata.version) -> Iterator[Finding]:
    """Versions installed against versions asked for. No package is imported."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    try:
        wanted, requires = metadata.metadata("tidegate")["Requires-Python"] or "", metadata.requires("tidegate") or []
    except metadata.PackageNotFoundError:
        why = "versions of what it needs cannot be compared"
        yield warn("software", "Tidegate runs from its source, not as a package", why, "pip install -e .")
        return
    here = ".".join(map(str, sys.version_info[:3]))
    if SpecifierSet(wanted).contains(here):
        yield ok("python", f"{here} ({wanted})")
    else:
        yield missing("python", f"{here}, and {wanted} is needed", "nothing runs on it", "make setup, with that Python")
    for text in requires:
        requirement = Requirement(text)
        if requirement.marker is None and str(requirement.specifier):
            yield _package(requirement.name, str(requirement.specifier), installed)


def _package(name: str, wanted: str, installed: Installed) -> Finding:
    from packaging.specifiers import SpecifierSet

    dags = name.startswith(ONLY_FOR_DAGS)
    try:
        found = installed(name)
    except metadata.PackageNotFoundError:
        why = "no DAG runs here; break-glass does" if dags else "parts of Tidegate cannot be imported"
        return (warn if dags else missing)(name, "not installed", why, f"pip install '{name}{wanted}'")
    if SpecifierSet(wanted).contains(found, prereleases=True):
        return ok(name, found)
    return warn(
        name, f"{found}, tested with {wanted}", "another version may behave otherwise", f"pip install '{name}{wanted}'"
    )


def disk(home: Path) -> Finding:
    """Where the journal, policies' last good states and unpacked releases go."""
    place = next(p for p in (home, *home.parents) if p.exists())
    free = shutil.disk_usage(place).free
    says, why = f"{free / 1024**3:.1f} GB free at {home}", "a full disk stops the journal, and with it every operation"
    if free < LEAST:
        return missing("disk", says, why, f"df -h {place}")
    return warn("disk", says, why, f"df -h {place}") if free < LITTLE else ok("disk", says)
