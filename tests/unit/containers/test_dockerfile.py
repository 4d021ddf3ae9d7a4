"""The Dockerfile, as far as it can be read without an engine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
STEPS = [line.split(maxsplit=1) for line in DOCKERFILE.replace("\\\n", " ").splitlines() if re.match(r"[A-Z]+ ", line)]


def test_every_image_it_starts_from_is_the_pinned_argument() -> None:
    assert {words for verb, words in STEPS if verb == "FROM"} == {"${PYTHON_IMAGE} AS packages", "${PYTHON_IMAGE}"}
    base = next(words for verb, words in STEPS if verb == "ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.11\.\d+-slim-bookworm", base)


def test_it_ends_as_nobody_special_and_everything_after_stays_so() -> None:
    verbs = [verb for verb, _ in STEPS]
    user = [words for verb, words in STEPS if verb == "USER"]
    assert user == ["999:999"]
    assert set(verbs[verbs.index("USER") + 1 :]) <= {"ENTRYPOINT", "CMD"}


def test_packages_are_held_to_their_hashes_and_nothing_is_fetched_besides() -> None:
    runs = [words for verb, words in STEPS if verb == "RUN"]
    for run in runs:
        assert not re.search(r"\b(curl|wget|apt-get|git)\b", run)
        assert "pip install" not in run or "--require-hashes" in run
    assert not any(verb == "ADD" for verb, _ in STEPS)


def test_no_setting_of_an_index_and_no_secret_gets_into_a_layer() -> None:
    assert not re.search(r"index-url|trusted-host|://|PASSWORD|TOKEN", DOCKERFILE)
    named = {words.split("=")[0] for verb, words in STEPS if verb == "ARG"}
    assert named == {"PYTHON_IMAGE", "LOCK"}


def test_the_context_is_a_list_of_what_may_enter() -> None:
    lines = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert not allowed & {"var", "build", ".git", ".env", ".", "deploy"}


def test_what_it_copies_may_enter_and_is_there() -> None:
    allowed = {
        line.removeprefix("!") for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    for words in (words for verb, words in STEPS if verb == "COPY" and "--from" not in words):
        for source in words.split()[:-1]:
            assert source.rstrip("/") in allowed
            assert (REPOSITORY / source).exists()


def test_the_locks_of_the_images_name_no_address() -> None:
    for name in ("requirements-celery.txt", "requirements-lab.txt"):
        text = (REPOSITORY / name).read_text()
        assert "://" not in text
        assert re.search(r"^celery==5\.[0-6]\.", text, re.M)  # provider 3.26.0 cannot import 5.7, and hides it
        assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z])", text.strip()) if "==" in block)


def test_hadolint_has_nothing_to_say() -> None:
    """Where it is installed (its licence is the GPL, so it is none of our dependencies)."""
    tool = shutil.which("hadolint")
    if tool is None:
        pytest.skip("hadolint is not installed here")
    done = subprocess.run(
        [tool, str(REPOSITORY / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
