"""The desk of whoever asks: the same command line that CI uses, against the lab's Airflow."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab import releases
from lab.estate import Lab
from lab.progress import Progress
from lab.story.scenario import Scenario
from tidegate.errors import NotSettled, Refused

ENDS_WITHIN = 60.0  # seconds from a run's end until whoever followed it has been told


@dataclass(frozen=True)
class Desk:
    """``out``: where what the commands print is kept, and the release is built."""

    lab: Lab
    out: Path
    progress: Progress
    person: str

    def publish(self, version: str) -> None:
        """Build, sign, verify and publish a release that the lab has not: first it is taken off the shelf."""
        recipe = next(r for r in releases.RECIPES if r.version == version)
        builders, offered = self.lab.places.lab / "builders", self.lab.places.releases
        work = self.out / f"release-{version}"
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(offered / version, ignore_errors=True)
        for name, content in releases.shop_files(recipe).items():
            (work / "files" / name).parent.mkdir(parents=True, exist_ok=True)
            (work / "files" / name).write_bytes(content)
        details, bundle = recipe.details(), str(work / "bundle")
        (work / "config.json").write_bytes(details.configuration or b"{}")
        words = ["--service", "shop", "--version", version, "--sequence", str(recipe.sequence), "--out", bundle]
        words += ["--command", shlex.join(releases.COMMAND), "--config", str(work / "config.json")]
        words += [f"--secret={name}={of}" for name, of in details.secrets.items()]
        words += ["--schema-revision", details.schema_revision, "--smoke", shlex.join(details.smoke)]
        self._run("release", "build", str(work / "files"), *words)
        for keyid in releases.SIGNERS[version]:
            self._run("release", "sign", bundle, "--key", str(builders / f"{keyid}.pem"))
        self._run("release", "verify", bundle, "--keys", str(offered / "keys"), "--threshold", "2")
        self._run("release", "publish", bundle, "--to", "shop")

    def ask(self, scenario: Scenario, request_id: str) -> subprocess.Popen[bytes]:
        """``tidegate promote | rollback … --wait`` in a process of its own; it ends when the operation does."""
        self.out.mkdir(parents=True, exist_ok=True)
        words = self._words(scenario, request_id)
        self.progress.say(f"  {self.person}: {shlex.join(['tidegate', *words])}")
        with self._log(request_id).open("ab") as log:
            return subprocess.Popen(self._command(*words), env=self._env(), stdout=log, stderr=log)  # noqa: S603

    def ended(self, process: subprocess.Popen[bytes], request_id: str) -> int:
        """Its exit code. Raises :class:`NotSettled` if it does not end."""
        try:
            return process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            raise NotSettled(
                "the command that follows the operation has not ended", next_step=self.said(request_id)
            ) from None

    def said(self, request_id: str) -> str:
        """The last of what the command printed."""
        return self._log(request_id).read_text()[-600:]

    def told(self, scenario: Scenario, request_id: str) -> tuple[int, str]:
        """The same request once more: its exit code at once, and which operation it names."""
        command = self._command(*self._words(scenario, request_id), "--timeout", f"{ENDS_WITHIN:.0f}s", "--json")
        done = subprocess.run(command, env=self._env(), capture_output=True, text=True, check=False)  # noqa: S603
        if not done.stdout:
            raise NotSettled(f"the same request again failed: {done.stderr[-600:]}")
        return done.returncode, str(json.loads(done.stdout).get("operation"))

    def _words(self, scenario: Scenario, request_id: str) -> list[str]:
        conf = scenario.conf
        what = {"promote": [str(conf.get("version"))], "rollback": ["--to", str(conf.get("target"))]}
        if "to" in conf:
            part = ["--only", str(conf["only"])] if "only" in conf else []
            what = {scenario.dag: ["--to", str(conf["to"]), *part]}
        return [
            scenario.dag,
            "shop",
            *what.get(scenario.dag, []),
            "--reason",
            str(conf["reason"]),
            "--request-id",
            request_id,
            "--wait",
        ]

    def _run(self, *words: str) -> None:
        done = subprocess.run(self._command(*words), env=self._env(), capture_output=True, text=True, timeout=120)  # noqa: S603
        if done.returncode:
            raise Refused(f"tidegate {' '.join(words[:2])} failed: {done.stderr.strip() or done.stdout.strip()}")
        self.progress.say(f"  {done.stdout.strip()}")

    def _command(self, *words: str) -> list[str]:
        return [str(Path(sys.executable).with_name("tidegate")), *words]

    def _env(self) -> dict[str, str]:
        with self.lab.airflow(self.person) as api:
            airflow = {"URL": api.address, "USER": api.user, "PASSWORD": api.password}
        return {**self.lab.env(), **{f"TIDEGATE_AIRFLOW_{name}": value for name, value in airflow.items()}}

    def _log(self, request_id: str) -> Path:
        return self.out / f"{request_id}.log"
