"""Guards of reads only, while nobody can take a write: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_SCENARIO = "scenarios/test_reads_only.py"
_CONTRACT = "contracts/test_traffic_writes.py"

READS_ONLY_GUARDS: tuple[Guard, ...] = (
    *of(
        3,
        _CONTRACT,
        "drivers/traffic/memory.py",
        (
            "reads only: who stops writes late is refused",
            'refuse_stale("whether writes are taken", self._writes.epoch, token.epoch, token.operation)',
            "pass",
            "test_who_stops_writes_late_is_refused_once_they_are_taken_again[memory]",
        ),
    ),
    *of(
        3,
        _CONTRACT,
        "drivers/traffic/envoy.py",
        (
            "reads only: who stops writes late is refused by the file",
            "if now.epoch > token.epoch:",
            "if False:",
            "test_who_stops_writes_late_is_refused_once_they_are_taken_again[envoy]",
        ),
        (
            "reads only: routes that are written anew keep it",
            "document = route_file.render(standing, self._settings.session_cookie, self._endpoints)",
            "document = route_file.render(route_file.Standing(routed), self._settings.session_cookie)",
            "test_reads_go_on_and_every_write_is_answered_by_the_router[envoy]",
        ),
    ),
    *of(
        0,
        _CONTRACT,
        "drivers/traffic/_envoy_file.py",
        (
            "reads only: what reads is named, and not what writes",
            '"|".join(READING)}}, "invert_match": True}',
            '"POST|PUT|PATCH|DELETE"}}}',
            "test_reads_go_on_and_every_write_is_answered_by_the_router[envoy]",
        ),
    ),
    *of(
        11,
        _SCENARIO,
        "engine/writes.py",
        (
            "reads only: an older command loses",
            "return txn.append(EventKind.WRITES_STARTED, body, actor=actor).seq, True",
            "return (txn.append(EventKind.WRITES_STARTED, body, actor=actor) and rows[-1].seq), True",
            "test_an_older_command_that_arrives_late_loses",
        ),
        (
            "reads only: told on the first page until it is undone",
            "found = _stopped(event) if event.kind is EventKind.WRITES_STOPPED else None",
            "found = None",
            "test_it_is_on_record_told_on_the_first_page_and_undone",
        ),
    ),
)
