"""Who is left behind by a killed scheduler, and who only looks like it."""

import pytest

from lab.processes import ProcessLine
from lab.reaper import forsaken

SESSION = 100


def process(pid: int, parent: int, group: int, state: str = "S", session: int = SESSION) -> ProcessLine:
    return ProcessLine(pid, state, parent, group, session, 1)


SUPERVISOR = process(100, 1, 100)
SCHEDULER = process(200, 100, 200)
WORKER = process(201, 200, 200)
TASK = process(300, 201, 300)


@pytest.mark.parametrize(
    ("name", "processes", "expected"),
    [
        ("all is well", [SUPERVISOR, SCHEDULER, WORKER, TASK], []),
        ("idle worker of a killed scheduler", [SUPERVISOR, process(201, 1, 200)], [201]),
        ("busy worker of a killed scheduler", [SUPERVISOR, process(201, 1, 200), TASK], []),
        ("its task, worker killed: leads its own group", [SUPERVISOR, process(300, 1, 300)], []),
        ("supervisor killed: its programs lead their groups", [process(200, 1, 200), WORKER], []),
        ("helper whose group's leader has ended", [SUPERVISOR, SCHEDULER, process(202, 200, 999)], []),
        ("somebody else's session", [SUPERVISOR, process(201, 1, 200, session=7)], []),
        ("a zombie is gone already", [SUPERVISOR, process(201, 1, 200, state="Z")], []),
    ],
)
def test_forsaken(name: str, processes: list[ProcessLine], expected: list[int]) -> None:
    assert forsaken(processes, SESSION) == expected, name
