"""One experiment's folder: what is run, who runs it, its journal, and whether all that it did is taken back.

Both the keeper and whoever comes after it use this: ending a run converges, and is the same whoever does it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from tidegate.drivers._files import replace
from tidegate.drivers.faults import _chaos_process as process
from tidegate.errors import NotSettled
from tidegate.redaction import redact

THEIRS = "TIDEGATE_CHAOS_PYTHONPATH"  # of the keeper's environment: the experiment's own PYTHONPATH
GRACE = 20.0  # seconds for an experiment that is asked to end, its own rollbacks among them
ROLLED_BACK_WITHIN = 120.0  # seconds for rollbacks that are run apart
_DONE = "succeeded"


@dataclass(frozen=True)
class Order:
    """What is run. ``file``: what the experiment's is called. ``folder``: where it is run. ``hidden``: variables of the
    environment that hold secrets. ``since``, ``until``: epoch seconds."""

    id: str
    name: str
    program: str
    file: str
    folder: str
    since: float
    until: float
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """``at``: its folder."""

    at: Path

    @property
    def order(self) -> Order:
        told = json.loads((self.at / "order.json").read_text())
        return Order(**{**told, "hidden": tuple(told["hidden"])})

    @property
    def ordered(self) -> bool:
        return (self.at / "order.json").exists()

    @property
    def over(self) -> bool:
        return (self.at / "over.json").exists()

    @property
    def journal(self) -> Path:
        return self.at / "journal.json"

    @property
    def log(self) -> Path:
        return self.at / "output.log"

    @property
    def chaos(self) -> process.Started | None:
        return process.read(self.at / "chaos.pid")

    @property
    def keeper(self) -> process.Started | None:
        return process.read(self.at / "keeper.pid")

    def rolled_back(self) -> str:
        """How what it did was taken back, in words; "" before it is over."""
        return str(json.loads((self.at / "over.json").read_text())["rollbacks"]) if self.over else ""

    @property
    def experiment(self) -> Path:
        """A copy, byte by byte: what is taken back is what was done, whatever becomes of the file meanwhile."""
        return self.at / f"experiment{Path(self.order.file).suffix}"

    def write(self, order: Order, file: Path, configuration: Mapping[str, Any]) -> None:
        """Before anything is started."""
        self.at.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.at / f"experiment{Path(order.file).suffix}").write_bytes(file.read_bytes())
        replace(self.at / "configuration.json", json.dumps({"configuration": dict(configuration)}), 0o600)
        replace(self.at / "order.json", json.dumps(asdict(order)), 0o600)

    def start(self, env: Mapping[str, str]) -> Any:
        """``chaos run``, in a session of its own."""
        order = self.order
        return self._chaos(order, self.experiment, self.journal, "chaos.pid", env)

    def end(self, env: Mapping[str, str], grace: float = GRACE) -> None:
        """Its process is gone, what it owes is taken back, and no secret is in what it wrote. Raises
        :class:`NotSettled` if a rollback fails: whatever it should have taken back may still be there."""
        if self.over:
            return
        try:
            process.end(self.chaos, grace)
            process.end(process.read(self.at / "rollbacks.pid"), 0.0)
        except TimeoutError as error:
            raise NotSettled(str(error), next_step=f"end it by hand; its folder is {self.at.name}") from error
        rollbacks = self._take_back(env)
        for file in (self.journal, self.at / "rollbacks-journal.json", self.log):
            _clean(file)
        replace(self.at / "over.json", json.dumps({"at": time.time(), "rollbacks": rollbacks}), 0o600)

    def _take_back(self, env: Mapping[str, str]) -> str:
        """By its own rollbacks where its journal proves them, else by running them apart."""
        whole = parse(self.experiment)
        wanted = len(whole.get("rollbacks") or ())
        if not wanted:
            return "it has none"
        if self.chaos is None:
            return "not needed: it was never started"
        if _settled(read_journal(self.journal), wanted):
            return f"{wanted} by itself"
        self._run_apart(whole, env)
        said = read_journal(self.at / "rollbacks-journal.json")
        if not _settled(said, wanted):
            why = "; ".join(failures(said.get("rollbacks") or ())) or f"chaos said: {self.last_words()}"
            raise NotSettled(
                f"a rollback of {self.order.name} failed: {redact(why)}",
                next_step=f"take back by hand what {self.order.file} does, or lift it again",
            )
        return f"{wanted} apart, since its own did not all succeed"

    def _run_apart(self, whole: Mapping[str, Any], env: Mapping[str, str]) -> None:
        """The same experiment without a hypothesis and without a method."""
        only = {key: value for key, value in whole.items() if key not in ("steady-state-hypothesis", "runtime")}
        file = self.at / "rollbacks.json"
        replace(file, json.dumps({**only, "method": []}, default=str), 0o600)
        journal = self.at / "rollbacks-journal.json"
        journal.unlink(missing_ok=True)
        started = self._chaos(self.order, file, journal, "rollbacks.pid", env)
        process.wait(lambda: started.poll() is not None, ROLLED_BACK_WITHIN)
        process.end(process.read(self.at / "rollbacks.pid"), 0.0)
        started.wait()

    def _chaos(self, order: Order, file: Path, journal: Path, pid_file: str, env: Mapping[str, str]) -> Any:
        """Neither configuration nor secrets are among the words of the command."""
        argv = [order.program, "--no-version-check", "--no-log-file", "run", "--rollback-strategy", "always"]
        argv += ["--journal-path", str(journal), "--var-file", str(self.at / "configuration.json"), str(file)]
        return process.start(argv, env, Path(order.folder), self.log, self.at / pid_file)

    def last_words(self) -> str:
        """The last line of what it printed."""
        try:
            lines = self.log.read_text(errors="replace").strip().splitlines()
        except FileNotFoundError:
            return "nothing"
        return redact(lines[-1][-400:]) if lines else "nothing"


def parse(file: Path) -> dict[str, Any]:
    """An experiment, in JSON or YAML. Raises ``ValueError`` if it is none, ``OSError`` if it cannot be read."""
    try:
        found = json.loads(file.read_text()) if file.suffix == ".json" else yaml.safe_load(file.read_text())
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{file.name} cannot be parsed: {str(error).splitlines()[0]}") from error
    if not isinstance(found, dict) or "method" not in found:
        raise ValueError(f"{file.name} is no experiment: it has no method")
    return found


def read_journal(file: Path) -> dict[str, Any]:
    """Empty if it was not written, or not to its end."""
    try:
        found = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def failures(rows: Any) -> list[str]:
    """Activities that did not succeed, in words."""
    return [f"{row['activity']['name']}: {_why(row)}" for row in rows if row.get("status") != _DONE]


def digest_of(file: Path) -> str:
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def _settled(journal: Mapping[str, Any], wanted: int) -> bool:
    rows = journal.get("rollbacks") or []
    return len(rows) == wanted and not failures(rows)


def _why(row: Mapping[str, Any]) -> str:
    said = row.get("exception") or row.get("status") or "it was not run"
    return str(said[-1] if isinstance(said, list) else said).strip()


def _clean(file: Path) -> None:
    if file.exists():
        replace(file, redact(file.read_text(errors="replace")), 0o600)
