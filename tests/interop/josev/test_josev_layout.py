"""The folder written for Josev holds what each role reads, in the formats it reads."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from plugcharge.pki.test_pki import DEFAULT_EMAID, TestPki
from tests.interop.josev.josev_layout import EVCC_READS, SECC_READS, STEMS, write_layout, write_test_pki

if TYPE_CHECKING:
    from pathlib import Path


_PKI = TestPki(b"josev layout", now=datetime(2026, 1, 1, tzinfo=UTC))


def test_layout_holds_what_each_role_reads(tmp_path: Path) -> None:
    assert write_test_pki(tmp_path, _PKI) == tmp_path
    assert set(EVCC_READS) | set(SECC_READS) == set(STEMS)
    with_key = {stem for reads in (EVCC_READS, SECC_READS) for stem, needed in reads.items() if needed}
    written = {path.stem for path in (tmp_path / "iso15118_2/private_keys").glob("*.key")}
    assert written == with_key
    for stem in STEMS:
        der = (tmp_path / "iso15118_2/certs" / f"{stem}Cert.der").read_bytes()
        assert len(der) <= 800  # [V2G2-010]
        if stem in with_key:
            pem = (tmp_path / "iso15118_2/private_keys" / f"{stem}.key").read_bytes()
            key = load_pem_private_key(pem, None)
            assert x509.load_der_x509_certificate(der).public_key() == key.public_key()
    contract = x509.load_der_x509_certificate(
        (tmp_path / "iso15118_2/certs/contractLeafCert.der").read_bytes()
    )
    assert f"CN={DEFAULT_EMAID}" in contract.subject.rfc4514_string()


def test_tls_chain_starts_with_the_leaf_and_leaves_out_the_root(tmp_path: Path) -> None:
    write_test_pki(tmp_path, _PKI)
    folder = tmp_path / "iso15118_2"
    chain = x509.load_pem_x509_certificates((folder / "certs/cpoCertChain.pem").read_bytes())
    assert chain == [one.certificate for one in (_PKI.secc, _PKI.cpo_sub2, _PKI.cpo_sub1)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certs/cpoCertChain.pem", folder / "private_keys/seccLeaf.key")


def test_unknown_names_and_lonely_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="contractLeafCert"):
        write_layout(tmp_path, {"contractLeafCert": _PKI.contract_leaf.certificate}, {})
    with pytest.raises(ValueError, match="without a certificate"):
        write_layout(tmp_path, {}, {"seccLeaf": _PKI.secc.key})
