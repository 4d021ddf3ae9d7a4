"""Data checks as processes: without Great Expectations, preloaded and forked, warm, and against frozen databases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.postgres import database, server, start
from tidegate.checks import preload
from tidegate.checks.model import CheckReport, CheckSpec, Limits, Status
from tidegate.checks.run import run
from tidegate.checks.warm import WarmChecks
from tidegate.model.verdict import Verdict

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
NOTHING = CheckSpec.from_json({"id": "nothing", "no_rows": "select 1 where false"})
SOMETHING = CheckSpec.from_json({"id": "something", "no_rows": "select 'key' as k"})


@pytest.fixture
def url() -> Iterator[str]:
    with database() as fresh:
        yield fresh


def python(code: str, home: Path, *, stdin: str = "") -> str:
    """Run ``code`` in a new interpreter whose home and temporary directory is ``home``; its standard output."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'include'}:{ROOT}",
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, env=environment, cwd=home, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


RUN = """
import json, sys
seen = set()
def hook(event, args):
    if event == "socket.connect":
        seen.add(str(args[-1]))
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        seen.add(str(args[0]))
sys.addaudithook(hook)
{before}
from tidegate.checks.model import CheckSpec
from tidegate.checks.run import run
specs = [CheckSpec.from_json({{"id": "nothing", "no_rows": "select 1 where false"}})]
report = run(sys.stdin.read(), specs)
print(json.dumps([report.to_json(), sorted(seen)]))
"""


def test_a_run_leaves_no_file_and_calls_nobody_but_the_database(url: str, tmp_path: Path) -> None:
    report, called = json.loads(python(RUN.format(before=""), tmp_path, stdin=url))
    assert report["verdict"] == "pass", report
    assert set(called) <= {"127.0.0.1"}
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == []


def test_without_great_expectations_every_check_is_no_data(url: str, tmp_path: Path) -> None:
    """The same program as above, which passes with it."""
    blocked = "import tests.support.block_gx"
    report = CheckReport.from_json(json.loads(python(RUN.format(before=blocked), tmp_path, stdin=url))[0])
    assert (report.verdict, report.run_id) == (Verdict.NO_DATA, None)
    assert report.results[0].status is Status.NOT_CHECKED
    assert "Great Expectations cannot be imported" in report.results[0].detail


def test_a_forked_child_runs_what_its_parent_preloaded(url: str, tmp_path: Path) -> None:
    code = """
    import json, os, sys, threading, time
    from tidegate.checks import preload
    assert preload.preload_if_asked({}) is False and not preload.loaded()
    assert preload.preload_if_asked({"TIDEGATE_PRELOAD_CHECKS": "1"}) is True
    threads, known = threading.active_count(), set(sys.modules)
    url = sys.stdin.read()
    read, write = os.pipe()
    if os.fork() == 0:
        from tidegate.checks.model import CheckSpec
        from tidegate.checks.run import run
        began = time.monotonic()
        report = run(url, [CheckSpec.from_json({"id": "it", "no_rows": "select 1 where false"})])
        late = [m for m in set(sys.modules) - known if not m.startswith("tidegate.")]
        os.write(write, json.dumps([report.verdict, time.monotonic() - began, len(late), late]).encode())
        os._exit(0)
    os.wait()
    print(json.dumps([threads, *json.loads(os.read(read, 100000))]))
    """
    threads, verdict, seconds, late, names = json.loads(python(code, tmp_path, stdin=url))
    assert (threads, verdict) == (1, "pass")
    assert seconds < 3, "nothing heavy is left to import"
    assert late < 40, names


def test_preload_goes_on_without_great_expectations(tmp_path: Path) -> None:
    code = """
    import tests.support.block_gx
    from tidegate.checks import preload
    print(preload.preload_if_asked({"TIDEGATE_PRELOAD_CHECKS": "1"}))
    """
    assert python(code, tmp_path).strip() == "False"


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmChecks]:
    with WarmChecks() as checks:
        yield checks


def test_a_warm_child_answers_like_a_run_here(warm: WarmChecks, url: str) -> None:
    report = warm.run(url, [NOTHING, SOMETHING])
    assert [(r.id, r.status, r.failed_keys) for r in report.results] == [
        ("nothing", Status.PASSED, ()),
        ("something", Status.VIOLATED, ("key",)),
    ]
    again = warm.run(url, [NOTHING])
    assert again.verdict is Verdict.PASS
    assert again.run_id != report.run_id


def test_the_secret_is_not_in_the_childs_argv_or_environment(warm: WarmChecks, url: str) -> None:
    warm.run(url, [NOTHING])
    process = Path("/proc") / str(warm.pid)
    for place in ("cmdline", "environ"):
        assert server().password.encode() not in (process / place).read_bytes(), place


def test_a_child_that_is_killed_is_no_data_and_is_replaced(warm: WarmChecks, url: str) -> None:
    warm.run(url, [NOTHING])
    before = warm.pid
    os.kill(before, signal.SIGKILL)
    report = warm.run(url, [NOTHING])
    assert (report.verdict, report.run_id) == (Verdict.NO_DATA, None)
    assert warm.pid != before
    assert alive(warm.pid)


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    """Also when the parent is killed while a sibling still holds the child's pipes open."""
    code = """
    import os, signal, subprocess
    from tidegate.checks.warm import WarmChecks
    warm = WarmChecks()
    held, none = [warm._child.stdin.fileno(), warm._child.stdout.fileno()], subprocess.DEVNULL
    sibling = subprocess.Popen(["sleep", "300"], pass_fds=held, stdout=none, stderr=none)
    print(warm.pid, sibling.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include")}
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    child, sibling = (int(pid) for pid in parent.stdout.readline().split())
    parent.wait(60)
    try:
        until(lambda: not alive(child), "the child is gone")
    finally:
        os.kill(sibling, signal.SIGKILL)


def test_a_database_that_freezes_in_mid_run_is_no_data_in_time() -> None:
    frozen = start()
    running = "select 1 from pg_stat_activity where query like '%pg_sleep%' and application_name = 'tidegate-checks'"

    def freeze() -> None:
        until(lambda: bool(frozen.execute(running)), "the check is running")
        frozen.signal_all(signal.SIGSTOP)

    try:
        preload.preload()  # not what is timed here
        freezer = threading.Thread(target=freeze)
        freezer.start()
        slow = CheckSpec.from_json({"id": "slow", "no_rows": "select pg_sleep(9) where false is not true"})
        began = time.monotonic()
        report = run(frozen.url(), [slow, NOTHING, SOMETHING], None, Limits(total=3))
        seconds = time.monotonic() - began
        freezer.join(30)
        assert report.verdict is Verdict.NO_DATA, report.why
        assert {r.status for r in report.results} == {Status.NOT_CHECKED}
        assert seconds < 6, seconds
    finally:
        frozen.stop()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited 60 s until {what}"
        time.sleep(0.02)
