"""One person in front of Airflow's UI: what they click, what they type, what they see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tidegate.errors import NotSettled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page

PATIENCE = 120_000  # milliseconds that a page may take on a busy machine
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 360, "height": 740}


@dataclass
class Person:
    """``shots``: where screenshots go."""

    name: str
    address: str
    password: str = field(repr=False)
    browser: Browser = field(repr=False)
    shots: Path

    def __post_init__(self) -> None:
        self._context: BrowserContext = self.browser.new_context(viewport=DESKTOP, base_url=self.address)  # type: ignore[arg-type]
        self._context.set_default_timeout(PATIENCE)
        self.page: Page = self._context.new_page()

    def leave(self) -> None:
        self._context.close()

    def log_in(self) -> None:
        self.page.goto("/")
        self.page.fill("input[name=username]", self.name)
        self.page.fill("input[name=password]", self.password)
        self.page.locator("button[type=submit]").click()
        self.page.wait_for_url(lambda url: "/auth/login" not in url)
        self.page.get_by_role("link", name="Recovery").first.wait_for()

    def shot(self, name: str, full: bool = False) -> None:
        """A screenshot, ``<name>.png``."""
        self.page.screenshot(path=self.shots / f"{name}.png", full_page=full)

    # What people do in Airflow

    def open_recovery(self) -> FrameLocator:
        """The entry in Airflow's navigation."""
        self.page.goto("/")
        self.page.get_by_role("link", name="Recovery").first.click()
        return self._frame()

    def trigger(self, dag: str, values: dict[str, str], shot: str = "") -> str:
        """Through the form. The run's id."""
        self.page.goto(f"/dags/{dag}")
        self.page.get_by_label("Trigger Dag").click()
        form = self.page.get_by_role("dialog")
        for key, value in values.items():
            form.locator(f"#element_{key}").fill(value)
        if shot:
            self.shot(shot)
        with self.page.expect_response(lambda r: r.request.method == "POST" and "/dagRuns" in r.url) as answered:
            form.get_by_role("button", name="Trigger").last.click()
        return str(answered.value.json()["dag_run_id"])

    def open_run(self, dag: str, run: str) -> FrameLocator:
        """The tab on the run."""
        self.page.goto(f"/dags/{dag}/runs/{quote(run)}/plugin/recovery-dag-run")
        return self._frame()

    def open_task(self, dag: str, run: str, task: str) -> None:
        self.page.goto(f"/dags/{dag}/runs/{quote(run)}/tasks/{quote(task)}")

    def read_log(self, words: str) -> str:
        """The task's log, once it holds ``words``."""
        line = self.page.get_by_text(words).first
        line.wait_for()
        return line.inner_text()

    def clear_task(self) -> None:
        """Run the task that is open, and what follows it, again."""
        self.page.get_by_label("Press shift+c to clear").first.click()
        dialog = self.page.get_by_role("dialog")
        with self.page.expect_response(
            lambda r: "clearTaskInstances" in r.url and _does(r.request.post_data)
        ) as answered:
            dialog.get_by_role("button", name="Confirm").click()
        if answered.value.status != 200:
            raise NotSettled(f"clearing was answered with {answered.value.status}: {answered.value.text()[:200]}")

    def open_question(self, dag: str, run: str, task: str) -> Locator:
        """The question that an approval asks; the button that says yes."""
        self.page.goto(f"/dags/{dag}/runs/{quote(run)}/tasks/{quote(task)}/required_actions")
        button = self.page.get_by_role("button", name="Approve")
        button.wait_for()
        return button

    def answer(self, button: Locator) -> int:
        """Say yes. The status that Airflow answered with."""
        with self.page.expect_response(lambda r: r.request.method == "PATCH" and "hitlDetails" in r.url) as answered:
            button.click()
        return int(answered.value.status)

    # What they see of Tidegate

    def open_alone(self, path: str) -> None:
        """One of the pages without Airflow's frame around it."""
        self.page.goto(f"/tidegate{path}")

    def on_a_phone(self, path: str, shot: str) -> int:
        """The page at phone width: how many pixels it is too wide."""
        return self._elsewhere(path, shot, lambda page: page.set_viewport_size(PHONE))  # type: ignore[arg-type]

    def in_the_dark(self, path: str, shot: str) -> int:
        return self._elsewhere(path, shot, lambda page: page.emulate_media(color_scheme="dark"))

    def _elsewhere(self, path: str, shot: str, change: Callable[[Page], None]) -> int:
        page = self._context.new_page()
        change(page)
        page.goto(f"/tidegate{path}")
        page.screenshot(path=self.shots / f"{shot}.png", full_page=True)
        too_wide = int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
        page.close()
        return too_wide

    def _frame(self) -> FrameLocator:
        self.page.locator("iframe").first.wait_for()
        return self.page.frame_locator("iframe")


def _does(body: str | None) -> bool:
    """Whether a request to clear is more than a rehearsal."""
    return body is not None and '"dry_run":false' in body.replace(" ", "")
