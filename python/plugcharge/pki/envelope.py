"""The envelope in which -2 carries a contract's private key to the vehicle [V2G2-815]..[V2G2-823]."""

from __future__ import annotations

from typing import NamedTuple

from plugcharge import _core

__all__ = ["SealedContractKey", "open_contract_key", "seal_contract_key"]


class SealedContractKey(NamedTuple):
    """What goes into CertificateInstallationRes or CertificateUpdateRes."""

    encrypted_key: bytes
    """ContractSignatureEncryptedPrivateKey: 16 octets of initialisation vector, then 32 encrypted."""
    dh_public_key: bytes
    """DHpublickey: the sender's ephemeral point, 65 octets."""


def open_contract_key(
    encrypted_key: bytes,
    dh_public_key: bytes,
    *,
    recipient: _core.SigningKey,
    certificate_key: _core.PublicKey,
) -> _core.SigningKey:
    """Open an envelope and give the contract key, once it proved to be the certificate's [V2G2-823].

    Args:
        encrypted_key: ContractSignatureEncryptedPrivateKey, 48 octets.
        dh_public_key: DHpublickey, 65 octets.
        recipient: the vehicle's key: of the provisioning certificate for an installation [V2G2-820], of the
            contract in use for an update [V2G2-821].
        certificate_key: the public key of the contract certificate that came along; take it from a
            :class:`~plugcharge.pki.ValidatedChain`.

    Raises:
        PeerError: the envelope is not good. There is one error for every reason, so that nothing can be
            learnt from trying.

    Example:
        >>> from plugcharge.pki import SigningKey
        >>> vehicle, contract = SigningKey.generate(), SigningKey.generate()
        >>> sealed = seal_contract_key(contract, vehicle.public_key)
        >>> opened = open_contract_key(*sealed, recipient=vehicle, certificate_key=contract.public_key)
        >>> opened.public_key == contract.public_key
        True
    """
    return _core.open_envelope(encrypted_key, dh_public_key, recipient, certificate_key)


def seal_contract_key(
    contract_key: _core.SigningKey,
    recipient: _core.PublicKey,
    *,
    iv: bytes | None = None,
    ephemeral_key: _core.SigningKey | None = None,
) -> SealedContractKey:
    """Seal a contract key for one vehicle.

    Args:
        contract_key: the private key to carry.
        recipient: the public key of the vehicle's provisioning certificate, or of its contract in use.
        iv: 16 octets; from the system's random source by default. Give it only to reproduce a vector.
        ephemeral_key: a key for this envelope only; made by default. Give it only to reproduce a vector.

    Raises:
        LocalError: the cryptographic library failed.
        ValueError: ``iv`` does not have 16 octets.
    """
    encrypted, point = _core.seal_envelope(contract_key, recipient, iv=iv, ephemeral_key=ephemeral_key)
    return SealedContractKey(encrypted, point)
