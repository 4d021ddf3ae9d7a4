"""What ``dags/policy_errors.py`` raises, so that Airflow's UI shows it as that file's import error."""

from __future__ import annotations

from pathlib import Path

from tidegate.errors import PolicyErrors
from tidegate.policy.driver_settings import SettingsOf, settings_of
from tidegate.policy.explain import from_problems
from tidegate.policy.folder import load_folder
from tidegate.policy.group_folder import load_groups
from tidegate.policy.notices import missing_packages
from tidegate.policy.requires import unknown_or_circular


def raise_errors(directory: Path, snapshots: Path, lookup: SettingsOf = settings_of) -> None:
    """Raise :class:`PolicyErrors` with everything that is wrong in any policy, and with notifiers that are not
    installed; return if all is well.

    Writes nothing. The DAG files themselves never raise for a policy: that would freeze their running work.
    """
    result = load_folder(directory, snapshots, record=False, lookup=lookup)
    groups = load_groups(directory, snapshots, record=False, found=result)
    errors = [*result.errors, *unknown_or_circular(result.policies, ()), *groups.errors]
    for one in result.policies:
        errors += from_problems(missing_packages(one.policy), one.tree, str(one.path))
    if errors:
        raise PolicyErrors(errors)
