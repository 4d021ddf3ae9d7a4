"""Start an instance with the variables it needs and no others: ``_launch.py FILE NAME=VALUE … -- argv``.

Run by path with ``python -I``, so it imports the standard library only. ``FILE`` is JSON, readable by its owner only;
secrets in it reach the instance without standing in supervisor's configuration or in any argv.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

# What an instance inherits of supervisor's own environment.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


def environment(file: Path, given: list[str]) -> dict[str, str]:
    """The instance's variables. Exits with a message if ``file`` is not there or others can read it."""
    try:
        mode = file.stat().st_mode
        variables = json.loads(file.read_text())
    except (OSError, ValueError) as wrong:
        raise SystemExit(f"{file}: {type(wrong).__name__}; write the instances' environment there as JSON") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SystemExit(f"{file}: others can read it; chmod 600 it")
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    bytecode = {"PYTHONDONTWRITEBYTECODE": "1"}  # a release's directory holds the release and nothing else
    told = dict(pair.split("=", 1) for pair in given)
    return inherited | bytecode | {str(k): str(v) for k, v in variables.items()} | told


def main() -> None:
    cut = sys.argv.index("--")
    file, *given = sys.argv[1:cut]
    argv = sys.argv[cut + 1 :]
    os.execvpe(argv[0], argv, environment(Path(file), given))  # noqa: S606


if __name__ == "__main__":
    main()
