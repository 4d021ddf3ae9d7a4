"""Small Alembic projects written to disk, and one that others wrote, fetched from the package registry."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import zipfile
from functools import cache
from pathlib import Path

from tests.support.postgres import _program

PG_DUMP = Path(_program("pg_dump"))
OTHERS = "argilla-server==2.8.0"  # Apache-2.0; 24 revisions, PostgreSQL, and its revisions import nothing of its own


def write_chain(folder: Path, *revisions: tuple[str, str, str]) -> Path:
    """A chain of (revision, upgrade, downgrade), bodies as Python text. The folder that holds ``versions``."""
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    below: str | None = None
    for revision, up, down in revisions:
        (folder / "versions" / f"rev_{revision}.py").write_text(_module(revision, below, up, down))
        below = revision
    return folder


def _module(revision: str, below: str | None, up: str, down: str) -> str:
    head = f'"""what {revision} does"""\n\nfrom alembic import op\nimport sqlalchemy as sa\n\n'
    ids = f'revision = "{revision}"\ndown_revision = {below!r}\n'
    bodies = (f"\n\ndef {name}():\n{textwrap.indent(textwrap.dedent(body) or 'pass', '    ')}\n" for name, body in
              (("upgrade", up), ("downgrade", down)))  # fmt: skip
    return head + ids + "".join(bodies)


def write_ini(path: Path, location: Path) -> Path:
    path.write_text(f"[alembic]\nscript_location = {location}\npath_separator = os\n")
    return path


@cache
def chain_of_others(folder: Path) -> Path:
    """The ``alembic.ini`` of :data:`OTHERS`, without its dependencies."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", folder, OTHERS],
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked" / "argilla_server" / "alembic.ini"
