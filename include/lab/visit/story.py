"""What people do on the visit, step by step; each step says what must be seen, and stops the visit if it is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lab.progress import Progress
from lab.story.stage import SERVICE, Stage
from lab.visit import data
from lab.visit.person import Person
from tidegate.engine.view import OperationView
from tidegate.errors import NotSettled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FrameLocator

PROMOTE = f"promote__{SERVICE}"
APPROVAL = "wave-1.approve-50"
DATA_GATE = "return.rung-traffic"
WITHIN = 900.0  # seconds for each thing that is waited for, on a busy machine


@dataclass
class Visit:
    """``shots``: directory of the screenshots."""

    stage: Stage
    browser: Browser
    shots: Path
    progress: Progress
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, name: str) -> Person:
        """Logged in."""
        if name not in self.people:
            site = self.stage.lab.site()
            person = Person(name, site.address, site.secrets[f"person-{name}"], self.browser, self.shots)
            person.log_in()
            self.people[name] = person
        return self.people[name]

    def good_release(self) -> None:
        """Triggered through the form, watched live, approved by who may, read afterwards."""
        cat = self.person("cat")
        run = self._say(
            "cat triggers 1.1.0", lambda: cat.trigger(PROMOTE, _form("1.1.0", "the autumn release"), "trigger")
        )
        view = self._until(run, lambda v: v.verified("wave-1.shift-5"), "a first weight")
        self._watch_live(cat, run)
        self._until(run, lambda v: APPROVAL in v.requested, "the question")
        self._approve(cat, run)
        self._until(run, lambda v: v.verified("wave-1.shift-50"), "half of the first region")
        cat.open_run(PROMOTE, run).get_by_text("wave-1.gate-50").first.wait_for()
        cat.shot("operation-50")
        self._pause_and_resume(cat, view)
        self._until(run, lambda v: v.outcome is not None, "the end")
        self._read(cat, view, "promoted", "1.1.0 is promoted")
        cat.open_alone(f"/services/{SERVICE}")
        cat.shot("service", full=True)

    def bad_release(self) -> None:
        """Caught and taken back; a data check holds the way back; mended, the failed task is run again."""
        cat = self.person("cat")
        run = self._say("cat triggers 1.2.0", lambda: cat.trigger(PROMOTE, _form("1.2.0", "the winter release")))
        view = self._until(run, lambda v: True, "the operation")
        with data.order_without_event(self.stage.primary_url("shop")) as mend:
            self._until(run, lambda v: v.node(DATA_GATE).status == "failed", "the data check that holds", held=True)
            self._read(cat, view, "held", "is on its way back")
            cat.open_recovery().get_by_text(f"{DATA_GATE} failed").first.wait_for()
            cat.shot("overview-needs-somebody")
            cat.open_task(PROMOTE, run, DATA_GATE)
            said = cat.read_log("orders_have_events")
            self.progress.say(f"  the log says: {said[:120]}")
            cat.shot("log")
            mend()
        self._say("cat clears the failed task", cat.clear_task)
        self._until(run, lambda v: v.outcome is not None, "the end of the way back")
        self._read(cat, view, "caught", "1.2.0 was caught and rolled back")

    def overview(self) -> None:
        """What the navigation opens when nothing needs anybody."""
        cat = self.person("cat")
        cat.open_recovery().get_by_text("of all traffic").first.wait_for()
        cat.shot("overview")

    def _watch_live(self, person: Person, run: str) -> None:
        """The page goes on by itself: its figures move while nobody touches it."""
        frame = person.open_run(PROMOTE, run)
        seen = _facts(frame)
        person.shot("operation")
        _wait(lambda: _facts(frame) != seen, "the page to move by itself")
        self.progress.say("  the page is live: it moved without being touched")

    def _approve(self, requester: Person, run: str) -> None:
        """The requester and an outsider are refused; the right person's yes counts."""
        vic, ann = self.person("vic"), self.person("ann")
        for refused in (requester, vic):
            status = refused.answer(refused.open_question(PROMOTE, run, APPROVAL))
            _must(status == 403, f"{refused.name}'s answer was not refused: {status}")
            refused.page.get_by_text("Access Denied").first.wait_for()
            refused.shot(f"refused-{refused.name}")
            self.progress.say(f"  {refused.name} is refused")
        view = self._until(run, lambda v: APPROVAL in v.requested, "the question")
        _must(not view.approvals, "an answer that was refused is in the journal")
        button = ann.open_question(PROMOTE, run, APPROVAL)
        ann.shot("approval")
        _must(ann.answer(button) == 200, "ann's answer was refused")
        self._until(run, lambda v: any(a.person == "ann" for a in v.approvals), "ann's yes in the journal")
        self.progress.say("  ann approves")

    def _pause_and_resume(self, person: Person, view: OperationView) -> None:
        """From the page, with a reason and a second yes."""
        person.open_alone(f"/operations/{SERVICE}/{view.id}")
        for control, word in (("pause", "is paused by cat"), ("resume", "is not paused")):
            page = person.page
            page.locator(f"[data-control={control}] summary").click()
            page.locator(f"#reason-{control}").fill("is checkout really that quick?")
            page.locator(f"[data-control={control}] .fields button").click()
            page.locator(f"[data-control={control}] .sure button[type=submit]").click()
            page.get_by_text(word).first.wait_for()
            person.shot(f"control-{control}")
        self.progress.say("  cat pauses and resumes it from the page")

    def _read(self, person: Person, view: OperationView, shot: str, words: str) -> None:
        """The report, on a desktop, on a phone and in the dark."""
        path = f"/operations/{SERVICE}/{view.id}"
        person.open_alone(path)
        person.page.get_by_role("heading", name=words).wait_for()
        person.shot(f"{shot}", full=True)
        wide = {person.on_a_phone(path, f"{shot}-phone"), person.in_the_dark(path, f"{shot}-dark")}
        _must(wide == {0}, f"the page is {max(wide)} pixels too wide")

    def _say(self, words: str, act: Callable[[], str | None]) -> str:
        self.progress.say(f"— {words}")
        return act() or ""

    def _until(self, run: str, holds: Callable[[OperationView], bool], what: str, held: bool = False) -> OperationView:
        """The operation, once the journal says so."""
        found: list[OperationView] = []

        def look() -> bool:
            self.stage.load_goes_on()
            view = self.stage.operation(run)
            if view is not None and holds(view):
                found.append(view)
            elif view is not None and view.outcome is not None:
                raise NotSettled(f"{view.id} ended as {view.outcome} ({view.why_back}) before {what}")
            return bool(found)

        _wait(look, what)
        return found[0]


def _form(version: str, reason: str) -> dict[str, str]:
    return {"version": version, "reason": reason}


def _facts(frame: FrameLocator) -> str:
    return frame.locator("#live").inner_text()


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotSettled(otherwise)


def _wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        if time.monotonic() > deadline:
            raise NotSettled(f"waited {WITHIN:g} s in vain for {what}")
        time.sleep(0.5)


@contextmanager
def visiting(stage: Stage, browser: Browser, shots: Path, progress: Progress) -> Iterator[Visit]:
    """Whoever was logged in leaves at the end; what went wrong is on a last screenshot of each."""
    visit = Visit(stage, browser, shots, progress)
    try:
        yield visit
    except BaseException:
        for person in visit.people.values():
            person.shot(f"failed-{person.name}")
        raise
    finally:
        for person in visit.people.values():
            person.leave()
