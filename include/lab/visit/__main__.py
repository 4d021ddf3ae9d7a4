"""``python -m lab.visit [--docs]``: 0 all was seen, 1 something was not, 2 it could not be begun, 130 interrupted."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time

from lab.estate import Lab
from lab.places import REPOSITORY
from lab.progress import on_stdout
from lab.story.__main__ import set_the_stage
from lab.visit.browser import browser, chromium
from lab.visit.story import visiting
from tidegate.errors import TidegateError

OUT = REPOSITORY / "build" / "ui"
IMAGES = REPOSITORY / "docs" / "images"
KEPT = ("overview", "trigger", "operation", "approval", "promoted", "caught", "held", "log", "promoted-phone")
LARGEST = 450_000  # bytes of an image in the docs


def main() -> int:
    parser = argparse.ArgumentParser(prog="lab.visit", description=__doc__)
    parser.add_argument("--docs", action="store_true", help="keep the tutorial's pictures in docs/images")
    parser.add_argument("--keep", action="store_true", help="use a lab that is up, and leave it up")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        chromium()
        _visit(options.keep)
    except KeyboardInterrupt:
        print("interrupted; everything that was started has been stopped", file=sys.stderr)
        return 130
    except TidegateError as error:
        print(error, file=sys.stderr)
        return 2 if error.changed == "no" else 1
    if options.docs:
        _keep_for_docs()
    return 0


def _visit(keep: bool) -> None:
    began, progress = time.monotonic(), on_stdout()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    lab = Lab(progress=progress)
    lab.up()
    stage = None
    try:
        stage = set_the_stage(lab, OUT / "load", progress)
        with browser() as started, visiting(stage, started, OUT, progress) as visit:
            visit.good_release()
            visit.overview()
            visit.bad_release()
    finally:
        if stage is not None:
            stage.stop_load()
        if not keep:
            lab.down()
    shots = sorted(path.name for path in OUT.glob("*.png"))
    print(f"{len(shots)} screenshots in {OUT}, {time.monotonic() - began:.0f} s in all")


def _keep_for_docs() -> None:
    """The pictures that the tutorial shows. One that is too large stays out, which is said."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        picture = OUT / f"{name}.png"
        if picture.stat().st_size <= LARGEST:
            shutil.copyfile(picture, IMAGES / picture.name)
        else:
            print(f"{name}.png has {picture.stat().st_size} bytes, {LARGEST} are allowed: not kept", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
