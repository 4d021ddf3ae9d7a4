"""``python -m lab.group``: the group loses its region and moves, comes home in reverse, and has a member that fails
half-way; each by the commands of its runbook, without Airflow."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab import power
from lab.databases import PROGRAM
from lab.group.estates import FIRST, GROUP, OTHERS, SERVICES, Estates, write
from lab.load import records
from lab.places import REPOSITORY, here
from lab.progress import Progress, on_stdout
from tidegate.engine.view import fold_operation
from tidegate.errors import TidegateError
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal

OUT = REPOSITORY / "build" / "group"
WHO = ("--by", "cat")
LOADED_WITHIN, WARM = 60.0, 3.0  # seconds
HELD_BACK = "payments"  # whose standby does not run, when everybody is to go west


@dataclass
class Act:
    """One thing that was done to the group. ``wrong``: every reason why it was not as it has to be. ``order``: its
    members by when their own operations began."""

    name: str
    seconds: float = 0.0
    order: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Night:
    """What happens, act by act."""

    def __init__(self, estates: Estates, progress: Progress) -> None:
        self._estates, self._progress = estates, progress
        self.acts: list[Act] = []

    def play(self) -> None:
        """Every act; the later ones are not played on what an earlier one left wrong."""
        acts: Mapping[str, Callable[[Act], None]] = {
            "reprotect": self._protect,
            "failover": self._failover,
            "reprotect again": self._protect_again,
            "home": self._home,
            "one fails half-way": self._half_way,
            "mended, it goes on": self._go_on,
            "home again": self._home,
        }
        for name, plays in acts.items():
            act, began = Act(name), time.time()
            plays(act)
            act.seconds = round(time.time() - began, 1)
            act.order = self._began_since(began)
            self._ordered(act)
            self.acts.append(act)
            self._progress.say(f"  {name}: {'; '.join(act.wrong) or 'ok'} ({act.seconds} s: {', '.join(act.order)})")
            if act.wrong:
                return

    # The acts

    def _protect(self, act: Act) -> None:
        self._group(act, "reprotect", "a second database that has everything")

    def _failover(self, act: Act) -> None:
        for lab in self._estates.labs.values():
            power.cut(lab, "east")
        began = time.time()
        self._group(act, "failover", "east is dark", "--to", "west")
        self._written_in(act, "west")
        self._served(act, began)

    def _protect_again(self, act: Act) -> None:
        for lab in self._estates.labs.values():
            power.restore(lab, "east")
        self._group(act, "reprotect", "east is back")

    def _home(self, act: Act) -> None:
        self._group(act, "switchover", "home", "--to", "east")
        self._written_in(act, "east")

    def _half_way(self, act: Act) -> None:
        """The standby of one of them does not run: it cannot go, and whoever needs it is held."""
        self._estates.labs[HELD_BACK].control("west").stop(PROGRAM)
        done = self._estates.tidegate(
            *("run", "switchover", "--group", GROUP, "--to", "west", *WHO, "--reason", "maintenance"), fails=True
        )
        told = {one["service"]: one for one in self._shown()["members"]}
        expected = {HELD_BACK: "failed", FIRST: "held", "catalog": "settled"}
        act.wrong += [
            f"{name} is {told[name]['state']}, expected {state}: {told[name]['words']}"
            for name, state in expected.items()
            if told[name]["state"] != state
        ]
        if not done.returncode:
            act.wrong.append("the command ended as if everybody had moved")
        wanted = {HELD_BACK: "east", FIRST: "east", "catalog": "west"}
        if (found := self._estates.writers()) != wanted:
            act.wrong.append(f"writes go to {found}, expected {wanted}")

    def _go_on(self, act: Act) -> None:
        self._estates.labs[HELD_BACK].control("west").start(PROGRAM)
        self._estates.tidegate("run", "reprotect", HELD_BACK, *WHO, "--reason", "its standby runs again")
        self._estates.tidegate("group", "go-on", GROUP, *WHO, "--reason", f"{HELD_BACK} is mended")
        done = self._estates.tidegate("group", "carry", GROUP, *WHO, "--reason", "from here", fails=True)
        if done.returncode:
            act.wrong.append(f"it did not go on: {(done.stderr or done.stdout).strip()[-400:]}")
        self._written_in(act, "west")

    # What they are made of

    def _group(self, act: Act, verb: str, reason: str, *more: str) -> None:
        done = self._estates.tidegate("run", verb, "--group", GROUP, *more, *WHO, "--reason", reason, fails=True)
        if done.returncode:
            act.wrong.append(f"ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")

    def _written_in(self, act: Act, region: str) -> None:
        wrong = {name: at for name, at in self._estates.writers().items() if at != region}
        act.wrong += [f"{name}'s writes go to {at or 'nobody'}, expected {region}" for name, at in wrong.items()]

    def _served(self, act: Act, since: float) -> None:
        """Acknowledged orders of the loss are all there, in each service."""
        until = time.time()
        for name, lab in self._estates.labs.items():
            where, secrets = OUT / "loads" / name, lab.site().secrets
            url = lab.databases().primary().url(secrets, "tidegate")
            if lost := records.orders_lost(where, url, since - 60, until):
                act.wrong.append(f"{name}: {lost} acknowledged orders are lost")

    def _shown(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._estates.tidegate("group", "show", GROUP, "--json").stdout)
        return found

    def _ordered(self, act: Act) -> None:
        """On the way out whoever is needed is at its end before who needs it begins; on the way home the other way."""
        if act.name.startswith(("reprotect", "one fails")):
            return
        spans = self._spans(act.name)
        for other in OTHERS:
            first, then = (FIRST, other) if act.name.startswith("home") else (other, FIRST)
            if spans[first][1] > spans[then][0]:
                act.wrong.append(f"{then} began before {first} was at its end")

    def _spans(self, name: str) -> dict[str, tuple[float, float]]:
        """Service -> when its newest operation was opened and closed."""
        journal = Journal(self._estates.env()["TIDEGATE_JOURNAL"])
        try:
            return {service: _newest(journal, service) for service in SERVICES}
        finally:
            journal.close()

    def _began_since(self, since: float) -> list[str]:
        journal = Journal(self._estates.env()["TIDEGATE_JOURNAL"])
        try:
            opened = [
                (row.at, f"{service} {row.body['kind']}")
                for service in SERVICES
                for row in journal.events(service, kinds={EventKind.OPERATION_OPENED})
                if row.at >= since
            ]
        finally:
            journal.close()
        return [name for _, name in sorted(opened)]


def _newest(journal: Journal, service: str) -> tuple[float, float]:
    row = journal.events(service, kinds={EventKind.OPERATION_OPENED})[-1]
    rows = journal.events(service, operation=str(row.operation))
    view = fold_operation(rows)
    assert view is not None  # it was opened
    closed = [one.at for one in rows if one.kind is EventKind.OPERATION_CLOSED]
    return view.opened_at, closed[-1] if closed else float("inf")


def main() -> int:
    """0: every act was as it has to be. 1: one was not. 130: interrupted."""
    argparse.ArgumentParser(prog="lab.group", description=__doc__).parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = on_stdout()
    shutil.rmtree(OUT, ignore_errors=True)
    estates = Estates(here().home, write(OUT), progress)
    try:
        return _hold(estates, progress)
    except KeyboardInterrupt:
        print("interrupted; everything that was started is being stopped", file=sys.stderr)
        return 130
    except (TidegateError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        estates.down()


def _hold(estates: Estates, progress: Progress) -> int:
    estates.up()
    estates.adopt()
    progress.say(f"1.0.0 is the baseline of {', '.join(SERVICES)}")
    estates.bring_users(OUT)
    _wait_for_users(OUT)
    progress.say("users are at all three")
    night = Night(estates, progress)
    night.play()
    (OUT / "acts.json").write_text(json.dumps([asdict(act) for act in night.acts], indent=1))
    for act in night.acts:
        print(f"{act.name:20} {act.seconds:7.1f} s  {'ok' if not act.wrong else 'WRONG'}  {', '.join(act.order)}")
    return 0 if night.acts and not any(act.wrong for act in night.acts) and len(night.acts) == 7 else 1


def _wait_for_users(out: Path) -> None:
    """Raises :class:`RuntimeError` if they do not come."""
    deadline = time.monotonic() + LOADED_WITHIN
    while time.monotonic() < deadline:
        now = time.time() - records.SETTLE
        try:
            if all((records.read(out / "loads" / name, now - WARM, now).min_rps or 0) > 0 for name in SERVICES):
                return
        except FileNotFoundError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"the users are not all there within {LOADED_WITHIN:g} s; see {out / 'loads'}")


if __name__ == "__main__":
    sys.exit(main())
