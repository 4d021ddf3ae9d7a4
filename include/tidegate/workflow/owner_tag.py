"""The owner among a DAG's tags, by which people find what is theirs."""

from __future__ import annotations

_LONGEST = 100  # characters of a tag in Airflow


def owner_tag(owner: str) -> str:
    """``owner:team-shop``."""
    return f"owner:{owner}"[:_LONGEST]
