"""The scenarios in which the service moves between its regions. Values only."""

from __future__ import annotations

from lab.story.scenario import Disturbance, Expectation, Scenario

MOVES: tuple[Scenario, ...] = (
    Scenario(
        "switchover",
        "the service moves from east to west as planned",
        "switchover",
        {"to": "west", "reason": "east's racks are serviced"},
        Expectation("switched_over", "success", clean=True, writer="west"),
        expected="0 failed requests, 0 sessions broken, 0 orders lost; writes go to west alone",
        variant="anew",
    ),
    Scenario(
        "switchover-home",
        "and comes home",
        "switchover",
        {"to": "east", "reason": "east is back"},
        Expectation("switched_over", "success", clean=True, writer="east"),
        needs=("switchover",),
        expected="0 failed requests, 0 sessions broken, 0 orders lost; writes go to east alone",
        variant="anew",
    ),
    Scenario(
        "region-lost",
        "every process of east is killed; a person fails over, two sign for what may be lost",
        "failover",
        {"to": "west", "reason": "east is dark"},
        Expectation("failed_over", "success", writer="west", most_lost=5),
        disturbance=Disturbance.FIRST_REGION_DEAD,
        approvers=("ann", "ben"),
        expected="fenced by power, signed by two, west takes writes; what is lost is measured",
        variant="anew",
    ),
    Scenario(
        "reprotect",
        "east gets power again, and follows west",
        "reprotect",
        {"reason": "east's power is back"},
        Expectation("reprotected", "success", clean=True, writer="west"),
        needs=("region-lost",),
        expected="east's database is a standby again before anything else of it runs; 0 failed requests",
        variant="anew",
    ),
    Scenario(
        "way-home",
        "the service comes home after the failover",
        "switchover",
        {"to": "east", "reason": "home"},
        Expectation("switched_over", "success", clean=True, writer="east"),
        needs=("region-lost", "reprotect"),
        expected="0 failed requests, 0 sessions broken, 0 orders lost; writes go to east alone",
        variant="anew",
    ),
)
