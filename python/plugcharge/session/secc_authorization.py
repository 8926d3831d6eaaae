"""Station, second phase: whose contract it is, whether the car holds its key, and whether it may charge."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from plugcharge import pki, sign
from plugcharge.errors import ChainError, ExiError, LocalError, SignatureError
from plugcharge.identifiers import Emaid, IdentifierError, same_contract
from plugcharge.messages import iso2
from plugcharge.session.events import Authorized, ContractVerified
from plugcharge.session.questions import AuthorizationDecision, AuthorizationWanted
from plugcharge.session.secc_steps import Contract, Hold, Refuse, Reply
from plugcharge.session.tables_iso2 import Outcome
from plugcharge.session.timers_iso2 import Timer
from plugcharge.session.values import Payment

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugcharge.session.questions import Answer, Question
    from plugcharge.session.secc_steps import Received, StationRecord, Step

__all__ = ["authorization", "certificate_service", "payment_details"]

_CHALLENGE_OCTETS = 16  # [V2G2-697], [V2G2-698]
_SOON_DAYS = 21  # [V2G2-690]


def certificate_service(
    _: StationRecord, request: iso2.CertificateInstallationReq | iso2.CertificateUpdateReq, __: Received
) -> Step:
    """Say that there is no contract to install; the car may go on with the one it has [V2G2-554]."""
    return Refuse(
        "FAILED_NoCertificateAvailable",
        f"{type(request).__name__} cannot be served",
        "the certificate service is not offered here",
    )


def payment_details(record: StationRecord, request: iso2.PaymentDetailsReq, received: Received) -> Step:
    """Judge the contract chain and give the car a challenge to sign."""
    environment = record.config.environment
    chain = request.contract_signature_cert_chain
    certificates = (
        chain.certificate,
        *(chain.sub_certificates.certificate if chain.sub_certificates else ()),
    )
    verified = _validated(record, certificates)
    if isinstance(verified, Refuse):
        return verified
    contract = _contract(request.emaid, verified, certificates)
    if isinstance(contract, Refuse):
        return contract
    record.contract = contract
    record.challenge = environment.draw(_CHALLENGE_OCTETS)
    expires_soon = verified.expires_within(environment.time(), _SOON_DAYS)
    code = iso2.ResponseCode.OK_CertificateExpiresSoon if expires_soon else iso2.ResponseCode.OK
    return Reply(
        iso2.PaymentDetailsRes(
            response_code=code,
            gen_challenge=record.challenge,
            evse_time_stamp=int(environment.time().timestamp()),
        ),
        events=(
            ContractVerified(
                emaid=contract.emaid,
                emaid_as_sent=request.emaid,
                chain=verified,
                certificates=certificates,
                expires_soon=expires_soon,
                raw=received.raw,
            ),
        ),
    )


def _validated(record: StationRecord, certificates: tuple[bytes, ...]) -> pki.ValidatedChain | Refuse:
    trust = record.config.contract_trust
    if trust is None:
        return Refuse("FAILED", "contracts are not served here", "no roots to judge them by")
    try:
        return pki.validate(
            certificates,
            purpose=pki.Purpose.CONTRACT,
            trust=trust,
            at=record.config.environment.time(),
            revoked=record.config.revoked,
            revoked_signed_parts=record.config.revoked_signed_parts,
            rules=record.config.chain_rules,
        )
    except ChainError as error:
        where = f", at {error.where}" if error.where else ""
        return Refuse(
            error.code,
            f"the contract chain is refused: {error.what.rstrip('.')}{where}",
            error.why,
            rule=error.rule,
            advice=error.advice,
        )


def _contract(emaid: str, chain: pki.ValidatedChain, certificates: tuple[bytes, ...]) -> Contract | Refuse:
    """Hold the eMAID of the message against that of the certificate, which is the one that is billed."""
    try:
        owner = Emaid.parse(chain.emaid or "")
    except IdentifierError as error:
        return Refuse("FAILED_CertChainError", "the contract certificate names no eMAID", str(error))
    try:
        same = same_contract(emaid, owner)
    except IdentifierError as error:
        return Refuse("FAILED_ContractCanceled", "the eMAID of the message is none", str(error))
    if not same:
        return Refuse(
            "FAILED_CertChainError",
            f"the message says {emaid}, the certificate {owner}",
            "the eMAID has to be that of the contract certificate",
        )
    return Contract(owner.canonical, chain, certificates)


def authorization(record: StationRecord, request: iso2.AuthorizationReq, received: Received) -> Step:
    """Check proof of possession once, then answer with what the host decides."""
    if record.payment is Payment.CONTRACT and not record.proven:
        fault = _proof_fault(record, request, received)
        if fault is not None:
            return fault
    # The following requests of the loop come empty and unsigned; nothing of them is looked at [V2G2-684].
    return _decided(record, received.now)


def _proof_fault(record: StationRecord, request: iso2.AuthorizationReq, received: Received) -> Refuse | None:
    """Look at challenge and signature of the first request; on success the record says so."""
    issued, record.challenge = record.challenge, b""  # a challenge is good for one try
    sent = request.gen_challenge or b""
    if len(issued) != _CHALLENGE_OCTETS or not hmac.compare_digest(issued, sent):
        return Refuse(
            "FAILED_ChallengeInvalid",
            "the challenge is not the one that was issued",
            "[V2G2-475], [V2G2-698]",
        )
    if record.contract is None:
        return Refuse("FAILED", "there is no contract to prove", "PaymentDetails comes first")
    if not request.id:
        return Refuse("FAILED_SignatureError", "the AuthorizationReq has no Id to sign", "[V2G2-475]")
    try:
        sign.verify_elements(
            (request,), received.header.signature, public_key=record.contract.chain.public_key
        )
    except (ExiError, SignatureError) as error:
        return Refuse(
            "FAILED_SignatureError",
            f"the AuthorizationReq is not signed well: {error.what}",
            error.why,
            rule=error.rule if isinstance(error, SignatureError) else error.kind,
            advice=error.advice,
        )
    record.proven = True
    record.authorization_raw = received.raw
    return None


def _decided(record: StationRecord, now: float) -> Step:
    """Answer with the decision, or wait for it."""
    decision = record.decision
    if decision is None:
        return _waiting(record, now)
    record.ongoing_until = None
    if not decision.accepted:
        reason = decision.reason or "the host did not authorize this customer"
        return Refuse(decision.code, reason, "decided by the host")
    record.authorized = True
    assert record.payment is not None  # noqa: S101 - the table lets no AuthorizationReq come before it is chosen
    return Reply(
        iso2.AuthorizationRes(
            response_code=iso2.ResponseCode.OK, evse_processing=iso2.EVSEProcessing.Finished
        ),
        events=(
            Authorized(
                payment=record.payment,
                emaid=record.contract.emaid if record.contract else None,
                raw=record.authorization_raw,
            ),
        ),
    )


def _waiting(record: StationRecord, now: float) -> Step:
    patience = record.config.answer_patience
    if record.ongoing_until is not None:
        if now >= record.ongoing_until:
            return _undecided(record, now)
        patience = min(patience, record.ongoing_until - now)
    ask = None if record.authorization_asked else _question(record)
    record.authorization_asked = True
    return Hold(
        timer=Timer.QUESTION,
        patience=patience,
        resume=lambda now: _decided(record, now),
        late=lambda now: _undecided(record, now),
        ask=ask,
        accept=lambda answer: _accept(record, answer),
        stays_open=True,
    )


def _undecided(record: StationRecord, now: float) -> Step:
    """Say Ongoing; the loop's time runs from the first one and is not started again [V2G2-713]."""
    external = record.payment is Payment.EXTERNAL
    limit = Timer.CUSTOMER_PERFORMANCE if external else Timer.ONGOING_PERFORMANCE
    if record.ongoing_until is None:
        record.ongoing_until = now + record.seconds(limit)
    elif now >= record.ongoing_until:
        return Refuse(
            "FAILED",
            "nobody decided in time whether this customer may charge",
            f"{record.seconds(limit):g} s [V2G2-713]",
        )
    processing = iso2.EVSEProcessing.Ongoing
    if external:
        processing = iso2.EVSEProcessing.Ongoing_WaitingForCustomerInteraction  # [V2G2-854]
    return Reply(
        iso2.AuthorizationRes(response_code=iso2.ResponseCode.OK, evse_processing=processing), Outcome.ONGOING
    )


def _question(record: StationRecord) -> Callable[[str], Question]:
    payment, contract = record.payment, record.contract
    assert payment is not None  # noqa: S101 - as above
    at = record.config.environment.time()

    def make(ticket: str) -> Question:
        return AuthorizationWanted(
            ticket=ticket,
            payment=payment,
            session_id=record.session_id,
            evcc_id=record.evcc_id,
            at=at,
            emaid=contract.emaid if contract else None,
            chain=contract.chain if contract else None,
            certificates=contract.certificates if contract else (),
        )

    return make


def _accept(record: StationRecord, answer: Answer) -> None:
    assert isinstance(answer, AuthorizationDecision)  # noqa: S101 - the engine compared the class
    if not answer.accepted and not (
        answer.code.startswith("FAILED") and answer.code in iso2.ResponseCode.__members__
    ):
        raise LocalError(f"{answer.code!r} is no code to refuse with", where="AuthorizationDecision.code")
    record.decision = answer
