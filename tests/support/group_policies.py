"""A folder of policies with the group storefront: shop needs payments and catalog."""

from __future__ import annotations

from pathlib import Path

from tests.support.policies import SMALL

MOVES = "failover:\n  approval: {from: [ann, ben], quorum: 2, within: 15m}\n"
GROUP = """\
version: 1
group: storefront
description: What a customer sees
owners: {failover: sre, rollback: team-shop}
services:
  shop: {needs: [payments, catalog]}
  payments: {}
  catalog: {}
when_one_fails: hold
"""


def policy_text(service: str, *, moves: bool = True, requires: str = "") -> str:
    text = SMALL.replace("service: pay", f"service: {service}", 1) + (MOVES if moves else "")
    return text + (f"requires: [{requires}]\n" if requires else "")


def folder_of(tmp_path: Path, group: str | None = GROUP, **changed: str) -> Path:
    """``changed``: service -> its policy's text, where it is another one."""
    folder = tmp_path / "policies"
    (folder / "groups").mkdir(parents=True, exist_ok=True)
    for name in ("shop", "payments", "catalog"):
        (folder / f"{name}.yaml").write_text(changed.get(name, policy_text(name)))
    if group is not None:
        (folder / "groups" / "storefront.yaml").write_text(group)
    return folder
