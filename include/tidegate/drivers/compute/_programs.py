"""A slot as supervisor's configuration: one program per instance, each its own group, so that one more or one less
changes no other's and restarts nobody."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import Rejected

FENCED = 76  # how a job ends that finds a newer epoch than its own: it is not started again
LAUNCHER = Path(__file__).with_name("_launch.py")
_SAFE = re.compile(r"[A-Za-z0-9_@=:,./+{}-]+")  # what an argument may hold: nothing that a shell or an INI file reads


@dataclass(frozen=True)
class Program:
    """One instance, or one job (which has no ``port``). ``directory``: its release's files. ``logs``: where its output
    goes."""

    name: str
    directory: Path
    port: int
    environment: Path
    told: tuple[str, ...]
    logs: Path


def release_command(directory: Path) -> list[str]:
    """The command in the release's manifest, with its placeholders. Raises :class:`Rejected`."""
    try:
        command = json.loads((directory / "manifest.json").read_text())["command"]
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise Rejected(f"the release in {directory} has no manifest with a command ({type(wrong).__name__})") from wrong
    if not isinstance(command, list) or not command:
        raise Rejected(f"the release's command is no list of arguments: {command!r}")
    for argument in command:
        if not isinstance(argument, str) or not _SAFE.fullmatch(argument):
            raise Rejected(f"the release's command holds {argument!r}", next_step="use letters, digits and _@=:,./+-")
    return command


def render(program: Program, stop_seconds: int) -> str:
    """The section of an instance of a release. Output is rotated at 1 MB, two files kept."""
    command = release_command(program.directory)
    argv = [word.replace("{python}", sys.executable).replace("{port}", str(program.port)) for word in command]
    return _section(program, argv, stop_seconds, "autorestart=true\nstartsecs=1\nstartretries=3")


def render_singleton(program: Program, command: str, stop_seconds: int) -> str:
    """The section of a job that is started again however it ends, unless it says that a newer one has begun."""
    argv = shlex.split(command)
    for argument in argv:
        if not _SAFE.fullmatch(argument):
            raise Rejected(
                f"the command of {program.name} holds {argument!r}", next_step="use letters, digits and _@=:,./+-"
            )
    argv = [word.replace("{python}", sys.executable) for word in argv]
    again = f"autorestart=unexpected\nexitcodes={FENCED}\nstartsecs=1\nstartretries=20"
    return _section(program, argv, stop_seconds, again)


def _section(program: Program, argv: Sequence[str], stop_seconds: int, again: str) -> str:
    launch = [sys.executable, "-I", str(LAUNCHER), str(program.environment), *program.told, "--", *argv]
    return f"""\
[program:{program.name}]
command={_escape(shlex.join(launch))}
directory={_escape(str(program.directory))}
autostart=true
{again}
stopsignal=TERM
stopwaitsecs={stop_seconds}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile={_escape(str(program.logs / f"{program.name}.log"))}
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=2

"""


def _escape(text: str) -> str:
    """``%`` starts an expansion in supervisor's files; ``;`` and ``#`` after a blank would start a comment."""
    if any(mark in text for mark in ("\n", " ;", " #")):
        raise Rejected(f"supervisor cannot take {text!r}", next_step="move TIDEGATE_HOME to a plainer path")
    return text.replace("%", "%%")
