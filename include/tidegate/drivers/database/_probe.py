"""The question that a vantage point asks of one server, several times a second: to log in.

No statement is sent. A server tells its role while a log-in is made (``in_hot_standby``, since PostgreSQL 14), and the
time limit of a log-in holds for a frozen server too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from tidegate.drivers.credentials import Credential, Resolver
from tidegate.drivers.database.contract import DatabaseState
from tidegate.errors import Refused, Rejected, TidegateError
from tidegate.redaction import redact

CONNECT_SECONDS = 2  # libpq rounds 1 up to 2
HOLD_SECONDS = 30.0  # a connection's address is resolved anew so often: a secrets backend is not asked at every look

_GOING = ("the database system is starting up", "the database system is shutting down", "not yet accepting connections")


class Probes:
    """``regions``: region -> ``conn://name``. ``url``: of a credential, as libpq takes it."""

    def __init__(self, regions: Mapping[str, str], resolve: Resolver, url: Callable[[Credential], str]) -> None:
        self._regions, self._resolve, self._url = dict(regions), resolve, url
        self._held: dict[str, tuple[float, Credential]] = {}

    def probe(self, region: str) -> DatabaseState:
        """See the contract. A log-in that is refused is tried once more with the address resolved anew."""
        if region not in self._regions:
            raise Refused(f"no database in {region!r}", next_step=f"regions: {', '.join(self._regions)}")
        try:
            return self._ask(region, self._credential(region))
        except Rejected:
            self._held.pop(region, None)
            return self._ask(region, self._credential(region))

    def _credential(self, region: str) -> Credential:
        """The one held serves on while nobody can say what it is now: probing must not depend on Airflow."""
        at, held = self._held.get(region, (0.0, None))
        if held is not None and time.monotonic() - at < HOLD_SECONDS:
            return held
        try:
            found = self._resolve(self._regions[region])
        except TidegateError:
            if held is None:
                raise
            found = held
        self._held[region] = time.monotonic(), found
        return found

    def _ask(self, region: str, credential: Credential) -> DatabaseState:
        import psycopg

        try:
            with psycopg.connect(self._url(credential), connect_timeout=CONNECT_SECONDS) as connection:
                said = connection.info.parameter_status("in_hot_standby")
                quiet = connection.info.parameter_status("default_transaction_read_only") == "on"
        except psycopg.Error as error:
            words = redact(_first_line(error))
            if "FATAL:" in words and not any(state in words for state in _GOING):
                raise Rejected(f"the database in {region} answers, and refuses: {words}") from None
            return DatabaseState(region, "unreachable", why=words)
        return DatabaseState(region, "standby" if said == "on" else "primary", read_only=quiet and said != "on")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
