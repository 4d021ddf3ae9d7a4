"""Where the lab keeps its things. All of it lies below ``TIDEGATE_HOME`` (default ``<repository>/var``)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
REGIONS = ("east", "west")


@dataclass(frozen=True)
class Places:
    """Directories and files of one lab. Nothing here touches the disk."""

    home: Path

    @property
    def lab(self) -> Path:
        return self.home / "lab"

    @property
    def logs(self) -> Path:
        return self.lab / "logs"

    @property
    def state(self) -> Path:
        return self.lab / "state.json"

    @property
    def lock(self) -> Path:
        return self.lab / "lock"

    @property
    def ports(self) -> Path:
        return self.lab / "ports.json"

    @property
    def secrets(self) -> Path:
        return self.lab / "secrets.json"

    @property
    def env(self) -> Path:
        return self.lab / "env"

    @property
    def airflow(self) -> Path:
        return self.home / "airflow"

    @property
    def cache(self) -> Path:
        """What survives from one start to the next: it depends on installed versions only."""
        return self.home / "cache"

    @property
    def releases(self) -> Path:
        return self.lab / "releases"

    @property
    def flags(self) -> Path:
        return self.lab / "flags" / "shop.json"

    @property
    def inbox(self) -> Path:
        """Every message that arrived, a line each."""
        return self.lab / "inbox.jsonl"

    def region(self, name: str) -> Path:
        return self.lab / name

    def faults(self, region: str) -> Path:
        """The dials of the shop's instances there; a file that is not there turns none."""
        return self.lab / f"faults-{region}.json"


def here() -> Places:
    """The places of this checkout, or of ``TIDEGATE_HOME`` where that is set."""
    return Places(Path(os.environ.get("TIDEGATE_HOME") or REPOSITORY / "var").resolve())


def no_faults(places: Places) -> None:
    """Every dial of the shop is as its release built it in."""
    for region in REGIONS:
        places.faults(region).unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)
