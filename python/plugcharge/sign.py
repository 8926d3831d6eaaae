"""XML signatures over EXI, as -2 uses them: made and verified.

A verifying function returns what it verified, or raises. It never returns a bool, and it never takes a key
or an algorithm from the message: the key comes from a certificate that was validated, the suite is ECDSA on
P-256 with SHA-256 ([V2G2-006], [V2G2-007]).

Example:
    >>> from plugcharge import pki, sign
    >>> from plugcharge.messages import iso2
    >>> key = pki.SigningKey.generate()
    >>> request = iso2.AuthorizationReq(id="ID1", gen_challenge=bytes(16))
    >>> signature = sign.sign_elements([request], key)
    >>> sign.verify_elements([request], signature, public_key=key.public_key).names
    (('AuthorizationReq', 'ID1'),)
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from plugcharge import _core, exi
from plugcharge.errors import LocalError, SignatureError
from plugcharge.messages import Message, xmldsig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from plugcharge import pki
    from plugcharge.messages import iso2

__all__ = ["SignatureError", "Verified", "sign_elements", "verify_elements", "verify_message"]

_CANONICAL_EXI = "http://www.w3.org/TR/canonical-exi/"
_ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"

# The element names of signed types that are not named like their element.
_ELEMENTS = {
    "CertificateChain": "ContractSignatureCertChain",
    "DiffieHellmanPublickey": "DHpublickey",
    "EMAID": "eMAID",
}

# Body -> what its signer's certificate is for (a name of ``pki.Purpose``).
_SIGNERS = {
    "AuthorizationReq": "CONTRACT",
    "MeteringReceiptReq": "CONTRACT",
    "CertificateUpdateReq": "CONTRACT",
    "CertificateInstallationReq": "OEM_PROVISIONING",
    "CertificateInstallationRes": "CPS",
    "CertificateUpdateRes": "CPS",
}


@dataclass(frozen=True, slots=True)
class Verified:
    """What a signature was verified over.

    Attributes:
        names: the element name and Id of every signed element.
        elements: the signed elements themselves, where they were handed over typed.
        message: the whole message, where one was verified; everything outside ``names`` is unsigned.
        public_key: the key it verified with.
        chain: the chain of that key, where the call validated it.
    """

    names: tuple[tuple[str, str], ...]
    elements: tuple[Message, ...]
    message: Message | None
    public_key: pki.PublicKey
    chain: pki.ValidatedChain | None = None


def _element_of(element: Message) -> tuple[Message, str, str, str]:
    """The element with its schema set, its element name and its Id."""
    cls = type(element)
    identifier = getattr(element, "id", None)
    if not isinstance(identifier, str) or not identifier:
        raise LocalError(
            f"{cls.__name__} cannot be signed without an Id",
            where=cls.__name__,
            why="a reference of the signature names the element by its Id",
            advice="set its field id, for example to 'id1'",
        )
    schema = cls.__module__.rpartition(".")[2]
    return element, schema, _ELEMENTS.get(cls.__name__, cls.__name__), identifier


def sign_elements(elements: Sequence[Message], key: pki.SigningKey) -> xmldsig.Signature:
    """Give the signature over elements, to be put into the message header.

    Args:
        elements: one to four elements ([V2G2-909]), each with a different Id: ``AuthorizationReq``,
            ``MeteringReceiptReq``, ``CertificateInstallationReq``, ``CertificateUpdateReq``, ``SalesTariff``,
            or the four parts of an installed contract.
        key: the signer's private key.

    Raises:
        LocalError: no element, more than four, an Id is missing or there twice; the caller is at fault.
        ExiError: an element cannot be encoded; the caller is at fault.
    """
    parts = [_element_of(element) for element in elements]
    if not 1 <= len(parts) <= 4 or len({part[3] for part in parts}) != len(parts):
        raise LocalError(
            f"{len(parts)} elements cannot share a signature",
            why="one to four elements with different Ids can [V2G2-909]",
            advice="give each element an Id of its own",
        )
    references = tuple(
        xmldsig.Reference(
            digest_method=xmldsig.DigestMethod(_SHA256),
            digest_value=_core.sha256(exi.encode(element, fragment=True, schema=schema, element=name)),
            transforms=xmldsig.Transforms((xmldsig.Transform(_CANONICAL_EXI),)),
            uri=f"#{identifier}",
        )
        for element, schema, name, identifier in parts
    )
    info = xmldsig.SignedInfo(
        canonicalization_method=xmldsig.CanonicalizationMethod(_CANONICAL_EXI),
        signature_method=xmldsig.SignatureMethod(_ECDSA_SHA256),
        reference=references,
    )
    value = key.sign_raw(exi.encode(info, fragment=True))
    return xmldsig.Signature(signed_info=info, signature_value=xmldsig.SignatureValue(value))


def verify_elements(
    elements: Sequence[Message],
    signature: xmldsig.Signature | None,
    *,
    public_key: pki.PublicKey,
    rules: Literal["strict", "interop"] = "strict",
) -> Verified:
    """Verify that a signature covers exactly these elements, and give them back.

    References and elements have to match one to one. Forbidden parts ([V2G2-771]), other algorithms, more
    than four references, and a value that is not r and s with 32 octets each are refused. Under ``interop``
    the references may go without transforms, as some stacks leave them out.

    Raises:
        SignatureError: the signature is missing or wrong; the peer is at fault. ``rule`` says which check
            failed; ``code`` is ``FAILED_SignatureError``.
        LocalError: an element has no Id.
    """
    parts = [_element_of(element) for element in elements]
    if signature is None:
        raise _missing(parts[0][2] if parts else "")
    _core.verify_elements(parts, signature, public_key, interop=rules == "interop")
    return Verified(tuple((part[2], part[3]) for part in parts), tuple(elements), None, public_key)


def verify_message(
    data: bytes,
    schema: str = "iso2",
    *,
    public_key: pki.PublicKey | None = None,
    chain: Sequence[bytes] | None = None,
    trust: pki.TrustStore | None = None,
    at: datetime | None = None,
    challenge: bytes | None = None,
    rules: Literal["strict", "interop"] = "strict",
) -> Verified:
    """Check a signed message as it was received: chain, signature, coverage and challenge, in that order.

    Give either ``public_key`` (of a chain that was validated before) or ``chain`` with ``trust`` and ``at``;
    the purpose of the chain follows from the message. Everything that the message has to sign must be signed.

    Args:
        data: the EXI stream of the whole message.
        schema: the schema set; ``iso2``.
        public_key: the key of the signer.
        chain: the signer's certificates in DER, leaf first.
        trust: the anchors of that chain.
        at: the time at which the chain has to be valid; with time zone.
        challenge: the GenChallenge that the station gave; an AuthorizationReq has to carry it ([V2G2-475]).
        rules: ``strict`` or ``interop``, for the chain and for the form of the signature.

    Raises:
        ExiError: the bytes are no message; the peer is at fault.
        ChainError: the chain is refused; ``code`` is the response code to send.
        SignatureError: the signature is missing, wrong, or does not cover what it has to (code
            ``FAILED_SignatureError``, for a receipt ``FAILED_MeteringSignatureNotValid``), or the challenge
            is not the one that was given (code ``FAILED_ChallengeInvalid``).
        LocalError: the arguments do not go together; the caller is at fault.
    """
    validated = None
    if public_key is None:
        validated = _validate(data, schema, chain=chain, trust=trust, at=at, rules=rules)
        public_key = validated.public_key
    elif chain is not None:
        raise LocalError("give public_key or chain, not both")
    try:
        message, names = _core.verify_message(data, schema, public_key, interop=rules == "interop")
    except SignatureError as error:
        _set_receipt_code(data, schema, error)
        raise
    body = cast("iso2.V2G_Message", message).body
    if challenge is not None:
        _check_challenge(getattr(body, "gen_challenge", None), challenge)
    return Verified(names, (cast("Message", body),), message, public_key, validated)


def _validate(
    data: bytes,
    schema: str,
    *,
    chain: Sequence[bytes] | None,
    trust: pki.TrustStore | None,
    at: datetime | None,
    rules: Literal["strict", "interop"],
) -> pki.ValidatedChain:
    from plugcharge import pki  # noqa: PLC0415 - certificates are only needed here

    if chain is None or trust is None or at is None:
        raise LocalError(
            "the signer's key is unknown",
            advice="give public_key, or chain together with trust and at",
        )
    body = type(cast("iso2.V2G_Message", exi.decode(data, schema)).body).__name__
    purpose = _SIGNERS.get(body)
    if purpose is None:
        raise _missing(body)
    return pki.validate(chain, purpose=pki.Purpose[purpose], trust=trust, at=at, rules=rules)


def _set_receipt_code(data: bytes, schema: str, error: SignatureError) -> None:
    """A receipt has a response code of its own ([V2G2-904])."""
    body = cast("iso2.V2G_Message", exi.decode(data, schema)).body
    if type(body).__name__ == "MeteringReceiptReq":
        error.code = "FAILED_MeteringSignatureNotValid"


def _check_challenge(given: bytes | None, expected: bytes) -> None:
    if given is None or not hmac.compare_digest(given, expected):
        raise SignatureError(
            "the challenge in the message is not the one the station gave",
            code="FAILED_ChallengeInvalid",
            rule="challenge",
            where="AuthorizationReq/GenChallenge",
            why="[V2G2-475]",
            advice="refuse the car: the message may be a replay",
        )


def _missing(where: str) -> SignatureError:
    return SignatureError(
        "the message carries no signature",
        code="FAILED_SignatureError",
        rule="signature-missing",
        where=where,
        advice="do not use the values; end the session",
    )
