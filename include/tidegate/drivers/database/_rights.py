"""Whether the log-ins that move a region's database may do what they will be asked for: tried without effect."""

from __future__ import annotations

import contextlib
from typing import Any

from tidegate.drivers.database import _admin
from tidegate.drivers.database._moves import Wiring
from tidegate.errors import Refused

# A superuser may everything: each of these says so.
_MAY = """
SELECT has_function_privilege('pg_catalog.pg_promote(boolean, integer)', 'EXECUTE'),
  has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE'),
  has_parameter_privilege('default_transaction_read_only', 'ALTER SYSTEM'),
  has_parameter_privilege('synchronous_standby_names', 'ALTER SYSTEM'),
  pg_has_role('pg_signal_backend', 'USAGE'), pg_has_role('pg_monitor', 'USAGE'),
  has_database_privilege(current_database(), 'CREATE') OR to_regnamespace('tidegate') IS NOT NULL"""
_WORDS = (
    "execute pg_promote",
    "execute pg_reload_conf",
    "alter system set default_transaction_read_only",
    "alter system set synchronous_standby_names",
    "end sessions (pg_signal_backend)",
    "see sessions (pg_monitor)",
    "make the schema tidegate",
)
_NOTE = "SELECT to_regclass('tidegate.database_epoch') IS NOT NULL AND NOT pg_is_in_recovery()"
_TRY = "UPDATE tidegate.database_epoch SET epoch = epoch WHERE service = %s"


def rights(wiring: Wiring, region: str) -> str:
    """See :class:`~tidegate.drivers.ready.KnowsRights`. The note of the epoch is written in a transaction that is
    rolled back; the power switch and the control are asked what they would be asked first."""
    credential, power = wiring.admin(region), wiring.power(region)
    if power is None:
        raise Refused(f"no power switch stands outside {region}", next_step="name one in drivers.database.power")
    if not power.look().on:
        raise Refused(f"the power switch says that {region} is off", next_step="tidegate reprotect turns it on")
    wiring.control(region).knows_programs()
    _admin.asked(
        credential, f"rights of the admin log-in in {region}", lambda c: _may(c, wiring, region), changes=False
    )
    return "the admin log-in may move it, its control has the programs, its power switch answers"


def clock(wiring: Wiring, region: str) -> float:
    """See :class:`~tidegate.drivers.ready.TellsTime`."""
    asked = "SELECT extract(epoch FROM clock_timestamp())::float8"
    row = _admin.asked(
        wiring.resolve(wiring.regions[region]), "its time", lambda c: c.execute(asked).fetchone(), changes=False
    )
    return float(row[0])


def _may(connection: Any, wiring: Wiring, region: str) -> None:
    lacking = [words for words, may in zip(_WORDS, connection.execute(_MAY).fetchone(), strict=True) if not may]
    if lacking:
        raise Refused(
            f"the admin log-in in {region} may not {', '.join(lacking)}",
            next_step="grant it, as docs/explanation/moving-the-database.md has it",
        )
    if connection.execute(_NOTE).fetchone()[0]:
        with contextlib.suppress(_Undone), connection.transaction():
            connection.execute(_TRY, (wiring.service,))
            raise _Undone


class _Undone(Exception):  # not an error: it rolls the trial back
    pass
