"""plugcharge.pki.trust_store: what can be a root, and how roots are read."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plugcharge import pki
from plugcharge.errors import LocalError
from plugcharge.pki.trust_store import MAX_TRUST_FILE, certificates_of
from tests.unit.pki.certificate_factory import (
    BASIC,
    CRL,
    DS,
    KEY_USAGE,
    Spec,
    basic,
    key_usage,
    tree,
)

if TYPE_CHECKING:
    from pathlib import Path

ROOT = tree("contract").root
OTHER = tree("secc").root


def pem(der: bytes) -> bytes:
    body = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"


def test_der_and_pem_give_the_same_anchors() -> None:
    bundle = b"a bundle\n" + pem(ROOT.der) + b"# between\n" + pem(OTHER.der).replace(b"\n", b"\r\n")
    assert pki.TrustStore(v2g=[bundle]).anchors == (("v2g", ROOT.der), ("v2g", OTHER.der))
    assert pki.TrustStore(v2g=[ROOT.der, OTHER.der]).anchors == pki.TrustStore(v2g=[bundle]).anchors


def test_kinds_are_kept_apart() -> None:
    store = pki.TrustStore(v2g=[ROOT.der], mo=[ROOT.der], oem=[OTHER.der], private=[OTHER.der])
    assert [kind for kind, _ in store.anchors] == ["v2g", "mo", "oem", "private"]
    assert len(store) == 4
    assert repr(store) == "TrustStore(v2g=1, mo=1, oem=1, private=1)"


def test_a_copy_with_more_leaves_the_first_as_it_was() -> None:
    first = pki.TrustStore(mo=[ROOT.der])
    second = first.with_more(mo=[ROOT.der], v2g=[OTHER.der])
    assert (len(first), len(second)) == (1, 2)
    assert isinstance(second, pki.TrustStore)


def test_an_empty_store_trusts_nothing() -> None:
    assert (len(pki.TrustStore()), pki.TrustStore().anchors) == (0, ())


NO_ROOTS: dict[str, tuple[Spec, str]] = {
    "a leaf": (tree("contract").leaf, "not the certificate of a CA"),
    "says not CA": (ROOT.having(BASIC, basic(False), critical=True), "not the certificate of a CA"),
    "may not sign": (ROOT.having(KEY_USAGE, key_usage(CRL | DS), critical=True), "KeyUsage"),
    "RSA": (replace(ROOT, key="rsa:root"), "curve"),
    "P-384": (replace(ROOT, key="p384:root"), "curve"),
    "unknown critical": (
        replace(ROOT, extra_extensions=(bytes.fromhex("300e06032a03040101ff04040402aabb"),)),
        "critical extension",
    ),
    "name constraints": (ROOT.having(0x1E, b"\x30\x00"), "name constraints"),
    "huge": (ROOT.having(0x11, b"\x30\x82\x10\x00" + b"\x82\x82\x0f\xfc" + b"x" * 0xFFC), "4096"),
}


@pytest.mark.parametrize("label", sorted(NO_ROOTS))
def test_what_cannot_be_a_root_is_refused(label: str) -> None:
    spec, text = NO_ROOTS[label]
    with pytest.raises(LocalError, match=text) as caught:
        pki.TrustStore(oem=[ROOT.der, spec.der])
    assert caught.value.where == "oem anchor 1"
    assert caught.value.advice


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "no certificate"),
        (b"hello", "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB", "no END line"),
        (b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "not base64"),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "cannot be a trust anchor"),
        (b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", "no certificate"),
        (ROOT.der + b"\x00", "cannot be a trust anchor"),
        (ROOT.der[:-1], "cannot be a trust anchor"),
    ],
)
def test_damaged_content_is_refused(content: bytes, text: str) -> None:
    with pytest.raises(LocalError, match=text):
        pki.TrustStore(v2g=[content])


def test_a_single_certificate_in_place_of_a_list() -> None:
    with pytest.raises(LocalError, match="list of certificates"):
        pki.TrustStore(v2g=ROOT.der)  # type: ignore[arg-type]  # the mistake is what is tested


def test_roots_from_files(tmp_path: Path) -> None:
    (tmp_path / "root.der").write_bytes(ROOT.der)
    (tmp_path / "roots.pem").write_bytes(pem(ROOT.der) + pem(OTHER.der))
    store = pki.TrustStore.from_files(mo=[tmp_path / "root.der"], v2g=[str(tmp_path / "roots.pem")])
    assert store.anchors == (("v2g", ROOT.der), ("v2g", OTHER.der), ("mo", ROOT.der))


def test_errors_name_the_file(tmp_path: Path) -> None:
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(pem(tree("contract").leaf.der))
    large = tmp_path / "large.pem"
    large.write_bytes(b" " * (MAX_TRUST_FILE + 1))
    for path, text in (
        (leaf, "not the certificate of a CA"),
        (large, "too large"),
        (tmp_path / "none", "cannot be read"),
    ):
        with pytest.raises(LocalError, match=text) as caught:
            pki.TrustStore.from_files(mo=[path])
        assert caught.value.where == str(path)


def test_certificates_of_keeps_the_order() -> None:
    assert certificates_of(pem(OTHER.der) + pem(ROOT.der)) == [OTHER.der, ROOT.der]
