"""``python -m lab.drill``: bring both labs up, have the nightly drill's DAG held on Airflow, print the trend."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.airflow_api import FINISHED, AirflowApi
from lab.drill.estates import PERSON_ON_CALL, Estates
from lab.drill.policies import ENVIRONMENT, SERVICE, write
from lab.places import REPOSITORY, here
from lab.progress import Progress, on_stdout
from tidegate.engine.drills import DRILL_KINDS
from tidegate.errors import NotSettled, TidegateError
from tidegate.journal.store import Journal

OUT = REPOSITORY / "build" / "drill"
ENDS_WITHIN = 2400.0  # seconds
LOOK_EVERY = 1.0


def main() -> int:
    """0: every scenario passed. 1: one did not. 2: it could not be held. 130: interrupted."""
    parser = argparse.ArgumentParser(prog="lab.drill", description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="which; all three of the nightly drill if none is named")
    parser.add_argument("--without-airflow", action="store_true", help="held from here instead of by its DAG")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = on_stdout()
    shutil.rmtree(OUT, ignore_errors=True)
    estates = Estates(here().home, write(OUT, arguments.scenarios), progress)
    try:
        return _hold(estates, progress, by_dag=not arguments.without_airflow)
    except KeyboardInterrupt:
        print("interrupted; everything that was started is being stopped", file=sys.stderr)
        return 130
    except TidegateError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        end_holders(estates.home)
        estates.down()


def end_holders(home: Path) -> None:
    """A drill is held by a process of its own, which outlives its DAG's task on purpose. Here all that it could bring
    home ends now."""
    for file in (home / "drills").glob("*.pid"):
        pid, which = int(file.read_text()), file.stem
        with contextlib.suppress(OSError):
            if which in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                os.killpg(pid, signal.SIGKILL)
        file.unlink()


def _hold(estates: Estates, progress: Progress, *, by_dag: bool) -> int:
    estates.up()
    _set_up(estates, progress)
    if by_dag:
        with estates.shop.airflow(PERSON_ON_CALL) as api:
            _follow(api, estates, progress)
    else:
        tidegate(estates.env(), "drill", SERVICE, "--by", PERSON_ON_CALL, shown=True, fails=True)
    print(tidegate(estates.env(), "drills", SERVICE))
    held = json.loads(tidegate(estates.env(), "drills", SERVICE, "--json"))["drills"]
    (OUT / "drills.json").write_text(json.dumps(held, indent=1))
    _reports(estates, held)
    progress.say(f"report: {OUT / 'drills.html'}; reviews and runbooks beside it")
    return 0 if held and held[-1]["ok"] else 1


def _reports(estates: Estates, held: list[dict[str, Any]]) -> None:
    """As somebody would want them the next morning: the drill, a review of each operation in it, the runbooks."""
    tidegate(estates.env(), "drills", SERVICE, "--out", str(OUT / "drills.html"))
    tidegate(estates.env(), "runbook", SERVICE, "--out", str(OUT / "runbooks"))
    (OUT / "reviews").mkdir(exist_ok=True)
    for result in (result for one in held for result in one["results"] if result["operation"]):
        page = OUT / "reviews" / f"{result['scenario']}.html"
        tidegate(estates.env(), "report", ENVIRONMENT, result["operation"], "--out", str(page))


def _set_up(estates: Estates, progress: Progress) -> None:
    """What is behind both services when night falls: a certified release; and behind the one that is to be broken, a
    standby that has everything."""
    env, why = estates.env(), "it has run for a year"
    for service in (SERVICE, ENVIRONMENT):
        asked = json.loads(tidegate(env, "adopt", service, "1.0.0", "--by", "pat", "--reason", why, "--json"))
        tidegate(env, "approve", service, asked["operation"], "--by", "ann")
    site = estates.shop.site()
    secret = site.secrets[f"person-{PERSON_ON_CALL}"]
    asks = {"URL": site.address, "USER": PERSON_ON_CALL, "PASSWORD": secret}
    asking = {**env, **{f"TIDEGATE_AIRFLOW_{name}": value for name, value in asks.items()}}
    with estates.users("set-up"):
        tidegate(asking, "reprotect", ENVIRONMENT, "--reason", "set up", "--wait")
    tidegate(env, "readiness", ENVIRONMENT, fails=True)  # packs its break-glass bundle
    progress.say(f"1.0.0 is the baseline of both; {ENVIRONMENT}'s standby has every write")


def _follow(api: AirflowApi, estates: Estates, progress: Progress) -> None:
    """Until the run is at its end, through Airflow's own loss. Raises :class:`NotSettled` if it does not end."""
    run = api.trigger(f"drill__{SERVICE}")
    progress.say(f"the drill's DAG runs: {run}")
    deadline, said = time.monotonic() + ENDS_WITHIN, 0
    while time.monotonic() < deadline:
        said = _tell(estates, progress, said)
        try:
            if api.run(f"drill__{SERVICE}", run)["state"] in FINISHED:
                return
        except TidegateError:  # Airflow is lost, as it is meant to be
            pass
        time.sleep(LOOK_EVERY)
    raise NotSettled(f"drill__{SERVICE} {run} has not ended within {ENDS_WITHIN:g} s")


def _tell(estates: Estates, progress: Progress, after: int) -> int:
    """Say what is new behind that row of the journal. Returns the last one that was said."""
    journal = Journal(estates.env()["TIDEGATE_JOURNAL"])
    try:
        rows = [row for row in journal.events(SERVICE, kinds=DRILL_KINDS) if row.seq > after]
    finally:
        journal.close()
    for body in (row.body for row in rows if "phase" in row.body):
        progress.say(f"  {body['scenario']}: {body['phase']}: {'; '.join(body['wrong']) or body['why']}")
    return rows[-1].seq if rows else after


def tidegate(env: Mapping[str, str], *words: str, shown: bool = False, fails: bool = False) -> str:
    """What the command printed, run as a person would. Raises :class:`TidegateError` if it fails, unless it may."""
    command = [str(Path(sys.executable).with_name("tidegate")), *words]
    out = None if shown else subprocess.PIPE
    done = subprocess.run(command, env=dict(env), stdout=out, stderr=out, text=True, check=False)  # noqa: S603 - ours
    if done.returncode and not fails:
        raise NotSettled(f"tidegate {words[0]} failed: {(done.stderr or done.stdout or '').strip()}")
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
