"""What the engine asks of data checks, whoever runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tidegate.checks.model import CheckReport


class DataChecks(Protocol):
    """``specs``: JSON of :class:`~tidegate.checks.model.CheckSpec`, as a plan carries them."""

    def snapshot(self, specs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the data looks like now, as JSON. Raises ``Unreachable``, ``Rejected``, ``Refused``."""
        ...

    def elsewhere(self, url: str) -> DataChecks:
        """The same checks on another database, at this address; it has no standbys."""
        ...

    def run(
        self, specs: Sequence[Mapping[str, Any]], snapshot: Mapping[str, Any] | None, *, schema_revision: str = ""
    ) -> CheckReport:
        """Run every check against the primary. What could not be checked is in the report, not raised.

        ``schema_revision``: what the release that runs needs, "" if it names none."""
        ...
