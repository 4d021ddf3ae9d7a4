"""The lab's generated passwords: one file that only its owner can read, made anew at every start."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.places import write_private

SHOP_SECRETS = ("receipt_key__1", "receipt_key__2")  # entries of the lab's vault, which is its environment
DATABASE_ROLES = ("postgres", "replicator", "shop", "tidegate", "scratch", "dbadmin")
# name -> role in Airflow's UI; what each is to the shop stands in its policy
PEOPLE = {"admin": "admin", "ann": "op", "ben": "op", "cat": "op", "pat": "op", "aud": "viewer", "vic": "viewer"}


@dataclass(frozen=True)
class Secrets:
    """Passwords by name; never printed by ``repr``."""

    by_name: Mapping[str, str] = field(repr=False)

    def __getitem__(self, name: str) -> str:
        return self.by_name[name]

    def people(self) -> dict[str, str]:
        """Airflow's users and their passwords."""
        return {name: self.by_name[f"person-{name}"] for name in PEOPLE}

    def save(self, path: Path) -> None:
        write_private(path, json.dumps(dict(self.by_name), indent=1))


def load(path: Path) -> Secrets:
    return Secrets(json.loads(path.read_text()))


def generate() -> Secrets:
    """A fresh password for everything that has one."""
    names = [f"database-{role}" for role in DATABASE_ROLES]
    names += [f"person-{name}" for name in PEOPLE]
    names += ["supervisor", "switch", "east-supervisor", "west-supervisor", "airflow-api", "airflow-jwt"]
    names += [f"shop-{entry}" for entry in SHOP_SECRETS]
    values = {name: secrets.token_urlsafe(18) for name in names}
    values["airflow-fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return Secrets(values)
