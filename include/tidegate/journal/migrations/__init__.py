"""Alembic migrations of the journal, with a version table of their own."""

from __future__ import annotations

VERSION_TABLE = "tidegate_journal_version"
HEAD_REVISION = "0001"  # newest revision; a test holds it equal to what the scripts say
