"""What one PostgreSQL says of itself, in one question, and how far a standby is behind the one primary."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from tidegate.drivers.credentials import Credential
from tidegate.drivers.database._address import libpq, sqlalchemy_url, why
from tidegate.drivers.database._cut import cut_off
from tidegate.drivers.database.contract import DatabaseState

CONNECT_SECONDS = 2  # libpq rounds 1 up to 2
LOOKING = "tidegate-look"  # application name
ANSWER_SECONDS = 2.0  # for the one question that is asked once connected

# A standby forgets how far it had received when it is started, and then counts from the beginning of a file: what it
# has replayed it has received. A primary's timeline is in the name of the file that it writes; its control file learns
# it at the next checkpoint. What the log-in may not see is null.
QUESTION = """
SELECT recovering, position - '0/0'::pg_lsn,
  CASE WHEN recovering THEN greatest(pg_last_wal_receive_lsn(), position) - '0/0'::pg_lsn END,
  CASE WHEN recovering
    THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver), (pg_control_checkpoint()).timeline_id)
    ELSE ('x' || left(pg_walfile_name(position), 8))::bit(32)::int END,
  CASE WHEN recovering THEN (SELECT count(*) > 0 AND bool_and(status = 'streaming') FROM pg_stat_wal_receiver) END,
  CASE WHEN recovering AND position < pg_last_wal_receive_lsn()
    THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8
    WHEN recovering THEN 0 END,
  (SELECT setting = 'on' AND source = 'configuration file' FROM pg_settings
    WHERE name = 'default_transaction_read_only'),
  CASE WHEN NOT recovering THEN
    ARRAY(SELECT application_name FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')) END,
  ARRAY(SELECT slot_name::text FROM pg_replication_slots WHERE NOT temporary ORDER BY 1),
  ARRAY(SELECT datname::text FROM pg_database WHERE starts_with(datname, 'tidegate_proof_') ORDER BY 1),
  ARRAY(SELECT slot_name::text FROM pg_replication_slots WHERE NOT temporary AND NOT active ORDER BY 1)
FROM (SELECT r AS recovering, CASE WHEN r THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS position
      FROM pg_is_in_recovery() AS r) AS here
"""


@dataclass(frozen=True)
class Answer:
    """``waits_for``: the standbys that a primary says it waits for, by the name under which they announce
    themselves."""

    state: DatabaseState
    waits_for: tuple[str, ...] = ()


def ask(credentials: Mapping[str, Credential]) -> dict[str, Answer]:
    """Every region at once."""
    with ThreadPoolExecutor(len(credentials)) as pool:
        asked = {region: pool.submit(_ask_one, region, c) for region, c in credentials.items()}
        return {region: future.result() for region, future in asked.items()}


def observe(credentials: Mapping[str, Credential]) -> dict[str, DatabaseState]:
    """See :meth:`~tidegate.drivers.database.postgres.PostgresDatabase.observe`."""
    answers = ask(credentials)
    writers = [region for region, answer in answers.items() if answer.state.role == "primary"]
    if len(writers) == 1 and any(a.state.role == "standby" for a in answers.values()):
        head = ask({writers[0]: credentials[writers[0]]})[writers[0]]
        return {region: _beside(answer.state, head) for region, answer in answers.items()}
    return {region: answer.state for region, answer in answers.items()}


def _beside(state: DatabaseState, head: Answer) -> DatabaseState:
    if state.role != "standby" or head.state.role != "primary":
        return state
    state = replace(state, synchronous=state.region in head.waits_for)
    if state.position is None or head.state.position is None:
        return state
    return replace(state, lag_bytes=max(0, head.state.position - state.position))


def _ask_one(region: str, credential: Credential) -> Answer:
    import psycopg

    uri = libpq(sqlalchemy_url(credential))
    try:
        with (
            psycopg.connect(
                uri, connect_timeout=CONNECT_SECONDS, autocommit=True, application_name=LOOKING
            ) as connection,
            cut_off(connection, ANSWER_SECONDS),
        ):
            row = connection.execute(QUESTION).fetchone()
    except psycopg.Error as error:
        return Answer(DatabaseState(region, "unreachable", why=why(error, credential)))
    assert row is not None  # one row of a function that gives one
    return _answer(region, *row)


def _answer(
    region: str,
    recovering: bool,
    position: int | None,
    received: int | None,
    timeline: int | None,
    streaming: bool | None,
    seconds: float | None,
    read_only: bool,
    waits_for: list[str] | None,
    slots: list[str],
    scratch: list[str],
    idle: list[str],
) -> Answer:
    state = DatabaseState(
        region,
        "standby" if recovering else "primary",
        timeline=timeline,
        position=None if position is None else int(position),
        received=None if received is None else int(received),
        lag_seconds=None if seconds is None else max(0.0, seconds),
        streaming=streaming,
        read_only=bool(read_only) and not recovering,
        slots=tuple(slots),
        scratch=tuple(scratch),
        idle=tuple(idle),
    )
    return Answer(state, tuple(waits_for or ()))
