"""Writes certificates and keys in the folders, names and formats that the peer Josev reads.

Josev takes them from ``<PKI_PATH>/iso15118_2/certs`` (PEM and DER) and ``.../private_keys`` (PEM, with the
password of some of them in a text file beside it; an empty file means that the key is not encrypted).

As a program, ``josev_layout.py FOLDER``, it makes a new test PKI: for plugcharge in the folder, for Josev in
its sub-folder ``josev``. Runs with the Python of the project.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization

from plugcharge.pki.test_pki import TestPki

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["EVCC_READS", "SECC_READS", "STEMS", "write_layout", "write_test_pki"]

# What a certificate's files are called (<stem>Cert.der, <stem>Cert.pem, <stem>.key): where a TestPki has it.
STEMS = {
    "v2gRootCA": "v2g_root",
    "cpoSubCA1": "cpo_sub1",
    "cpoSubCA2": "cpo_sub2",
    "seccLeaf": "secc",
    "cpsSubCA1": "cps_sub1",
    "cpsSubCA2": "cps_sub2",
    "cpsLeaf": "cps",
    "moRootCA": "mo_root",
    "moSubCA1": "mo_sub1",
    "moSubCA2": "mo_sub2",
    "contractLeaf": "contract_leaf",
    "oemRootCA": "oem_root",
    "oemSubCA1": "oem_sub1",
    "oemSubCA2": "oem_sub2",
    "oemLeaf": "provisioning_leaf",
}

# Stem -> whether the private key is read too. The OEM part serves certificate installation only.
EVCC_READS = {"v2gRootCA": False, "moSubCA1": False, "moSubCA2": False, "contractLeaf": True, "oemLeaf": True}

# As a station Josev plays every back end as well: it signs tariffs with the key of MO Sub-CA 2 and, when a
# car asks for a contract, hands out the one in its folder, encrypted to the OEM certificate in its folder.
SECC_READS = {
    "cpoSubCA1": False,
    "cpoSubCA2": False,
    "seccLeaf": True,
    "moRootCA": False,
    "moSubCA1": False,
    "moSubCA2": True,
    "contractLeaf": True,
    "cpsSubCA1": False,
    "cpsSubCA2": False,
    "cpsLeaf": True,
    "oemRootCA": False,
    "oemSubCA1": False,
    "oemSubCA2": False,
    "oemLeaf": False,
}

_PASSWORD_FILES = {
    "seccLeaf": "seccLeafPassword.txt",
    "oemLeaf": "oemLeafPassword.txt",
    "contractLeaf": "contractLeafPassword.txt",
    "cpsLeaf": "cpsLeafPassword.txt",
    "moSubCA2": "moSubCA2LeafPassword.txt",
}


def write_test_pki(folder: Path, pki: TestPki) -> Path:
    """Write a test PKI for Josev in both roles: all certificates, and the keys that it reads.

    Args:
        folder: made when missing; files of the same names are overwritten.
        pki: whose default leaves are written.

    Returns:
        `folder`, to be given as ``--pki``.
    """
    issued = {stem: getattr(pki, attribute) for stem, attribute in STEMS.items()}
    certificates = {stem: one.certificate for stem, one in issued.items()}
    keys = {stem: one.key for stem, one in issued.items() if EVCC_READS.get(stem) or SECC_READS.get(stem)}
    return write_layout(folder, certificates, keys)


def write_layout(
    folder: Path,
    certificates: Mapping[str, x509.Certificate],
    keys: Mapping[str, ec.EllipticCurvePrivateKey],
) -> Path:
    """Write a folder that `run_evcc.py` and `run_secc.py` take as ``--pki``.

    Args:
        folder: made when missing; files of the same names are overwritten.
        certificates: by stem, see `STEMS`; `EVCC_READS` and `SECC_READS` tell which are needed.
        keys: private keys by stem, for those that shall be written. secp256r1 only.

    Returns:
        `folder`.

    Raises:
        ValueError: a stem that Josev does not know, or a key without its certificate.
    """
    unknown = (set(certificates) | set(keys)) - set(STEMS)
    if unknown:
        raise ValueError(f"Josev reads no files called {sorted(unknown)}; the stems are {sorted(STEMS)}")
    lonely = set(keys) - set(certificates)
    if lonely:
        raise ValueError(f"keys without a certificate: {sorted(lonely)}")
    certs, private = folder / "iso15118_2" / "certs", folder / "iso15118_2" / "private_keys"
    certs.mkdir(parents=True, exist_ok=True)
    private.mkdir(parents=True, exist_ok=True, mode=0o700)
    for stem, certificate in certificates.items():
        (certs / f"{stem}Cert.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))
        (certs / f"{stem}Cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    if "seccLeaf" in certificates:
        # The TLS chain: leaf first, no root.
        chain = [
            certificates[stem] for stem in ("seccLeaf", "cpoSubCA2", "cpoSubCA1") if stem in certificates
        ]
        pem = b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in chain)
        (certs / "cpoCertChain.pem").write_bytes(pem)
    for stem, key in keys.items():
        _write_key(private / f"{stem}.key", key)
        if stem in _PASSWORD_FILES:
            (private / _PASSWORD_FILES[stem]).write_text("\n", encoding="ascii")
    return folder


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def main() -> None:
    """Make a test PKI and write it for both sides."""
    parser = argparse.ArgumentParser(description="Make a test PKI for plugcharge and for the peer Josev.")
    parser.add_argument("folder", type=Path, help="has to be empty or missing")
    folder = parser.parse_args().folder
    pki = TestPki(now=datetime.now(UTC))
    pki.write(folder)
    print(f"contract {pki.contract_leaf.common_name}; for Josev: {write_test_pki(folder / 'josev', pki)}")


if __name__ == "__main__":
    main()
