"""V2G certificates: which chains to trust, which roots, and how contract keys travel.

Validation runs in the compiled core and imports neither ``cryptography`` nor anything that reads files or the
network; the test PKI is loaded when it is first used.

Example:
    >>> from datetime import datetime, timezone
    >>> from plugcharge import pki
    >>> now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    >>> world = pki.TestPki(b"example", now=now)
    >>> trust = pki.TrustStore(v2g=[world.v2g_root.der], mo=[world.mo_root.der])
    >>> pki.validate(world.secc.chain, purpose=pki.Purpose.SECC, trust=trust, at=now).anchor_kind
    'v2g'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from plugcharge._core import CertificateSummary, PublicKey, SigningKey, parse_certificate
from plugcharge.errors import ChainError
from plugcharge.pki.chain import ChainRule, Purpose, ValidatedChain, chain_rules, validate
from plugcharge.pki.envelope import SealedContractKey, open_contract_key, seal_contract_key
from plugcharge.pki.trust_store import TrustStore

if TYPE_CHECKING:
    from plugcharge.pki.test_pki import TestPki

__all__ = [
    "CertificateSummary",
    "ChainError",
    "ChainRule",
    "PublicKey",
    "Purpose",
    "SealedContractKey",
    "SigningKey",
    "TestPki",
    "TrustStore",
    "ValidatedChain",
    "chain_rules",
    "open_contract_key",
    "parse_certificate",
    "seal_contract_key",
    "validate",
]


def __getattr__(name: str) -> object:
    if name != "TestPki":
        raise AttributeError(f"module 'plugcharge.pki' has no attribute {name!r}")
    value: object = importlib.import_module("plugcharge.pki.test_pki").TestPki
    globals()[name] = value
    return value
