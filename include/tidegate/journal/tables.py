"""The journal's tables. Their DDL is in the migrations; a test holds the two equal."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

events = Table(
    "events",
    metadata,
    Column("service", String(63), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float(53), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("operation", String(200)),
    Column("epoch", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("lease", Text),
    Column("body", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("events_by_operation", "service", "operation", "seq"),
    Index("events_by_kind", "service", "kind", "seq"),
)

heads = Table(
    "heads",
    metadata,
    Column("service", String(63), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("lease_operation", String(200)),
    Column("lease_kind", String(32)),
    Column("lease_holder", String(200)),
    Column("lease_expires_at", Float(53)),
)

beats = Table(
    "beats",
    metadata,
    Column("service", String(63), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
    Column("body", Text, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("service", String(63), primary_key=True),
    Column("operation", String(200), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("document", Text, nullable=False),
)
