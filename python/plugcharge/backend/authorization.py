"""May this contract charge here? The question a station asks, the answer it gets, and what it tells the car.

Question and answer are plain values that ``msgspec`` can write as JSON, so the same interface is asked in the
same process or over a network. Pairs of statuses follow OCPP 2.0.1 use case C07.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

import msgspec

from plugcharge.backend.instants import as_utc
from plugcharge.backend.tariff import Tariff

__all__ = [
    "RESPONSE_CODES",
    "AuthorizationAnswer",
    "AuthorizationRequest",
    "AuthorizationStatus",
    "CertificateStatus",
    "ContractAuthorizer",
    "response_code",
]


class AuthorizationStatus(StrEnum):
    """What became of the contract: OCPP's words, but ``NotAllowedAtThisEvse`` for its NotAtThisLocation."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    CONCURRENT_TX = "ConcurrentTx"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    NO_CREDIT = "NoCredit"
    NOT_ALLOWED_AT_THIS_EVSE = "NotAllowedAtThisEvse"
    NOT_AT_THIS_TIME = "NotAtThisTime"
    UNKNOWN = "Unknown"


class CertificateStatus(StrEnum):
    """What became of the certificate: OCPP's AuthorizeCertificateStatus."""

    ACCEPTED = "Accepted"
    SIGNATURE_ERROR = "SignatureError"
    CERTIFICATE_EXPIRED = "CertificateExpired"
    CERTIFICATE_REVOKED = "CertificateRevoked"
    NO_CERTIFICATE_AVAILABLE = "NoCertificateAvailable"
    CERT_CHAIN_ERROR = "CertChainError"
    CONTRACT_CANCELLED = "ContractCancelled"


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One question: may the holder of this verified contract certificate charge at this EVSE now?

    The station has verified chain and key before it asks; what it sends are facts from the certificate, never
    from the message.

    Attributes:
        emaid: the contract id from the certificate's CN, in any accepted spelling.
        evse_id: the EVSE the car is plugged into.
        evccid: the car's EVCCID, hexadecimal.
        session_id: our session id (UUIDv7).
        contract_fingerprint: names the contract leaf: lower-case hex SHA-256 of what its issuer signed
            (``pki.ValidatedChain.signed_part_sha256``). A hash of the whole certificate would not do:
            whoever presents it can rewrite the signature so that it is valid and hashes otherwise.
        mo_root_fingerprint: lower-case hex SHA-256 of the trusted root's DER that the chain ended in.
        chain_not_after: the earliest end of validity in the chain.
        at: the station's clock; kept in UTC.
    """

    emaid: str
    evse_id: str
    evccid: str
    session_id: str
    contract_fingerprint: str
    mo_root_fingerprint: str
    chain_not_after: datetime
    at: datetime

    def __post_init__(self) -> None:
        for field in ("chain_not_after", "at"):
            moment = as_utc(getattr(self, field), where=f"AuthorizationRequest.{field}")
            msgspec.structs.force_setattr(self, field, moment)


class AuthorizationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. Anything but Accepted with certificate status Accepted means: do not charge.

    Attributes:
        status: what became of the contract.
        certificate_status: what became of the certificate.
        reason: one sentence for the operator's log; never shown to the driver, never sent to the car.
        authorization_reference: the name of this decision (at most 36 characters), for the bill and for OCPI;
            empty when refused.
        tariff: the tariff the session is billed by, fixed with this answer; ``None`` when the station's own
            holds.
    """

    status: AuthorizationStatus
    certificate_status: CertificateStatus
    reason: str
    authorization_reference: str = ""
    tariff: Tariff | None = None

    @property
    def accepted(self) -> bool:
        """Tell whether charging is allowed."""
        return (
            self.status is AuthorizationStatus.ACCEPTED
            and self.certificate_status is CertificateStatus.ACCEPTED
        )


class ContractAuthorizer(Protocol):
    """Whoever decides about contracts: a book in this process, a CSMS, a mobility operator far away."""

    async def authorize(self, request: AuthorizationRequest) -> AuthorizationAnswer:
        """Answer the question.

        Raises:
            PlugchargeError: no decision could be had (database, network). The station then answers
                ``FAILED``; it never charges on an error.
        """
        ...


_A = AuthorizationStatus
_C = CertificateStatus

# (status, certificate status) -> -2 ResponseCode of PaymentDetailsRes and AuthorizationRes. Every pair that
# is not here is FAILED: an answer nobody foresaw must not let a car charge.
RESPONSE_CODES = MappingProxyType(
    {
        (_A.ACCEPTED, _C.ACCEPTED): "OK",
        (_A.NOT_ALLOWED_AT_THIS_EVSE, _C.ACCEPTED): "FAILED_CertificateNotAllowedAtThisEVSE",
        (_A.BLOCKED, _C.CONTRACT_CANCELLED): "FAILED_ContractCanceled",
        (_A.EXPIRED, _C.CONTRACT_CANCELLED): "FAILED_ContractCanceled",
        (_A.INVALID, _C.CONTRACT_CANCELLED): "FAILED_ContractCanceled",
        (_A.UNKNOWN, _C.CONTRACT_CANCELLED): "FAILED_ContractCanceled",
        (_A.EXPIRED, _C.CERTIFICATE_EXPIRED): "FAILED_CertificateExpired",
        (_A.INVALID, _C.CERTIFICATE_EXPIRED): "FAILED_CertificateExpired",
        (_A.INVALID, _C.CERTIFICATE_REVOKED): "FAILED_CertificateRevoked",
        (_A.INVALID, _C.CERT_CHAIN_ERROR): "FAILED_CertChainError",
        (_A.INVALID, _C.SIGNATURE_ERROR): "FAILED_SignatureError",
        (_A.INVALID, _C.NO_CERTIFICATE_AVAILABLE): "FAILED_NoCertificateAvailable",
        (_A.NO_CREDIT, _C.ACCEPTED): "FAILED",
        (_A.CONCURRENT_TX, _C.ACCEPTED): "FAILED",
        (_A.NOT_AT_THIS_TIME, _C.ACCEPTED): "FAILED",
    }
)


def response_code(answer: AuthorizationAnswer) -> str:
    """Give the -2 ResponseCode that tells the car about an answer.

    Whether an accepted contract that ends soon is told ``OK_CertificateExpiresSoon`` [V2G2-690] is for the
    station to decide, which knows the chain.

    Example:
        >>> refused = AuthorizationAnswer(
        ...     status=AuthorizationStatus.BLOCKED,
        ...     certificate_status=CertificateStatus.CONTRACT_CANCELLED,
        ...     reason="the mobility operator blocked the contract",
        ... )
        >>> response_code(refused)
        'FAILED_ContractCanceled'
    """
    return RESPONSE_CODES.get((answer.status, answer.certificate_status), "FAILED")
