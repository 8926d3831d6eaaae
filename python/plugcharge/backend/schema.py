"""The tables of the back end, and the version they carry. Needs the extra ``hub``."""

from __future__ import annotations

from plugcharge.errors import LocalError

try:
    from sqlalchemy import (
        BigInteger,
        Boolean,
        Column,
        ForeignKey,
        Index,
        Integer,
        LargeBinary,
        MetaData,
        String,
        Table,
        Text,
        UniqueConstraint,
    )
except ModuleNotFoundError as missing:
    raise LocalError(
        "the database of the back end needs SQLAlchemy, which is not installed",
        where=__name__,
        why=str(missing),
        advice="pip install 'plugcharge[hub]'",
    ) from None

__all__ = [
    "METADATA",
    "SCHEMA_VERSION",
    "contracts",
    "ledger",
    "ledger_head",
    "payloads",
    "revoked_certificates",
    "schema_version",
    "sessions",
    "tariffs",
]

# Raised by one with every change of a table; a database of another version is refused, never guessed at.
SCHEMA_VERSION = 2

METADATA = MetaData()

schema_version = Table(
    "schema_version", METADATA, Column("version", Integer, primary_key=True, autoincrement=False)
)

# The chain. Nothing in it is ever updated or deleted. Hashes are 32 octets; times are fixed-width UTC text.
ledger = Table(
    "ledger",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(27), nullable=False),
    Column("session_id", String(36), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("key", String(80), nullable=False),
    Column("payload_hash", LargeBinary(32), nullable=False),
    Column("prev_hash", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    # The same fact is stored once, whatever happens between two writers.
    UniqueConstraint("session_id", "key", name="ledger_once"),
)

# What the entries are about, beside the chain: personal data.
payloads = Table(
    "payloads",
    METADATA,
    Column("seq", BigInteger, ForeignKey("ledger.seq"), primary_key=True, autoincrement=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# One row, locked by each writer first: this is what makes writers go one after another on every database.
ledger_head = Table(
    "ledger_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("entries", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)

# An index over the events, for lists; it can be made again from them. Money is decimal text.
sessions = Table(
    "sessions",
    METADATA,
    Column("session_id", String(36), primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("evse_id", Text, nullable=False),
    Column("protocol", String(8), nullable=False),
    Column("emaid", String(14)),
    Column("started", String(27), nullable=False),
    Column("ended", String(27)),
    Column("stop_reason", String(32)),
    Column("energy_wh", BigInteger),
    Column("total", Text),
    Column("currency", String(3)),
    Column("needs_review", Boolean, nullable=False),
    Index("sessions_by_start", "started"),
)

tariffs = Table(
    "tariffs",
    METADATA,
    Column("tariff_id", String(36), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

contracts = Table(
    "contracts",
    METADATA,
    Column("emaid", String(14), primary_key=True),
    Column("as_received", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("tariff_id", String(36), ForeignKey("tariffs.tariff_id"), nullable=False),
    Column("valid_from", String(27), nullable=False),
    Column("valid_until", String(27), nullable=False),
    Column("evse_prefix", Text),
    Column("pcid", String(18)),
)

# Certificates by what their issuers signed; a hash of a whole certificate names only one of its forms.
revoked_certificates = Table(
    "revoked_certificates",
    METADATA,
    Column("signed_part_sha256", String(64), primary_key=True),
    Column("at", String(27), nullable=False),
)
