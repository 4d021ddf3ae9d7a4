"""The browser: Playwright's library with the system's Chromium."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidegate.errors import Refused

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """The executable. Raises :class:`Refused` saying what is missing and how to get it."""
    if importlib.util.find_spec("playwright") is None:
        raise Refused("the package playwright is missing", next_step="run `make setup`: it is one of the dev packages")
    named = os.environ.get("CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None or not shutil.which(found):
        raise Refused(
            f"there is no {named or 'Chromium'} on this machine, and a visit to the UI needs a browser",
            next_step="on Debian: `apt-get install chromium`; elsewhere set CHROMIUM to the browser's executable",
        )
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Started, and ended in any case."""
    executable = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()
