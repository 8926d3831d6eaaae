"""Certificates of a third party's test PKI: they parse, link and pass under interop, and nothing else does.

They are long expired, so every check has a fixed time. The V2G root above them is not in the set; the
sub-CA 1 stands in as anchor, which interop tolerates and names.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import pytest

from plugcharge import pki
from plugcharge.errors import ChainError
from tests.shared_material import shared_path

IN_2021 = datetime(2021, 9, 1, tzinfo=UTC)
IN_2022 = datetime(2022, 6, 1, tzinfo=UTC)


@cache
def certificate(name: str) -> bytes:
    return (shared_path("vectors/opcp/examples/certs") / f"{name}.der").read_bytes()


@dataclass(frozen=True)
class Example:
    chain: tuple[str, ...]
    anchor: str
    kinds: tuple[str, ...]
    purpose: pki.Purpose
    at: datetime
    name: str
    tolerated: frozenset[str]

    def validate(self, kind: str, **changes: object) -> pki.ValidatedChain:
        arguments: dict[str, object] = {"purpose": self.purpose, "at": self.at, "rules": "interop", **changes}
        chain = [certificate(name) for name in self.chain]
        trust = pki.TrustStore(**{kind: [certificate(self.anchor)]})
        return pki.validate(chain, trust=trust, **arguments)  # type: ignore[arg-type]  # a table of arguments


ROOT, NO_USAGE = "iso2::anchor::not-a-root", "missing-key-usage"
EXAMPLES = {
    "contract": Example(
        ("62759b413d92", "8cff7bb65992"),
        "42250cc9dfdb",
        ("mo", "v2g"),
        pki.Purpose.CONTRACT,
        IN_2022,
        "EMP99CQATEST001",
        frozenset({ROOT, f"iso2::contract::{NO_USAGE}", "iso2::contract::missing-basic-constraints"}),
    ),
    "provisioning service": Example(
        ("3321748f5b63", "7de040d10900"),
        "38e38c00ae57",
        ("v2g",),
        pki.Purpose.CPS,
        IN_2022,
        "CPS 2022.2 QA",
        frozenset({ROOT, f"iso2::cps::{NO_USAGE}", "iso2::certificate::not-strict-der"}),
    ),
    "vehicle": Example(
        ("512b48860754", "789e03ae1718"),
        "d669983b1ca4",
        ("oem", "v2g"),
        pki.Purpose.OEM_PROVISIONING,
        IN_2022,
        "huboemprovcqa0615",
        frozenset(
            {ROOT, f"iso2::oem-provisioning::{NO_USAGE}", "iso2::oem-provisioning::missing-basic-constraints"}
        ),
    ),
    "vehicle of another PKI": Example(
        ("262381eb8c2e", "ec67f3d903f3"),
        "2f1656f2a5cb",
        ("oem", "v2g"),
        pki.Purpose.OEM_PROVISIONING,
        IN_2021,
        "hubUsEaTest000003",
        frozenset(
            {ROOT, f"iso2::oem-provisioning::{NO_USAGE}", "iso2::oem-provisioning::missing-basic-constraints"}
        ),
    ),
}
PAIRS = [(label, kind) for label, example in EXAMPLES.items() for kind in example.kinds]


def test_every_certificate_parses_as_it_is_listed() -> None:
    listed = json.loads(shared_path("vectors/opcp/examples/certs/index.json").read_text(encoding="utf-8"))
    eccentric = []
    for entry in listed:
        der = certificate(entry["file"].removesuffix(".der"))
        summary = pki.parse_certificate(der)
        assert summary.fingerprint.hex() == entry["sha256"] == hashlib.sha256(der).hexdigest()
        assert f"CN = {summary.subject_cn}" in entry["subject"]
        assert f"CN = {summary.issuer_cn}" in entry["issuer"]
        assert all(f"DC = {component}" in entry["subject"] for component in summary.domain_components)
        until = datetime.strptime(entry["notAfter"], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
        assert summary.not_after == until.timestamp()
        if summary.eccentricities:
            eccentric.append((summary.subject_cn, summary.eccentricities))
    assert len(listed) == 16
    assert eccentric == [("CPS 2022.2 QA", ["explicit-not-ca"])]


@pytest.mark.parametrize(("label", "kind"), PAIRS)
def test_chains_pass_under_interop(label: str, kind: str) -> None:
    example = EXAMPLES[label]
    found = example.validate(kind)
    assert (found.subject_cn, found.anchor_kind, len(found.chain)) == (example.name, kind, 2)
    assert frozenset(found.tolerated) == example.tolerated
    assert found.anchor == certificate(example.anchor)


def test_contract_gives_its_emaid() -> None:
    assert EXAMPLES["contract"].validate("mo").emaid == "EMP99CQATEST00"


@pytest.mark.parametrize("label", sorted(EXAMPLES))
def test_strict_rules_refuse_them_and_say_why(label: str) -> None:
    example = EXAMPLES[label]
    with pytest.raises(ChainError) as caught:
        example.validate(example.kinds[0], rules="strict")
    assert caught.value.rule in example.tolerated


@pytest.mark.parametrize("label", sorted(EXAMPLES))
@pytest.mark.parametrize("year", [2018, 2035])
def test_other_times_are_refused(label: str, year: int) -> None:
    example = EXAMPLES[label]
    with pytest.raises(ChainError) as caught:
        example.validate(example.kinds[0], at=datetime(year, 1, 1, tzinfo=UTC))
    assert caught.value.code == "FAILED_CertificateExpired"


@pytest.mark.parametrize("label", sorted(EXAMPLES))
def test_other_anchors_and_purposes_are_refused(label: str) -> None:
    example = EXAMPLES[label]
    for kind in {"v2g", "mo", "oem", "private"} - set(example.kinds):
        with pytest.raises(ChainError, match="trusted as a"):
            example.validate(kind)
    for purpose in set(pki.Purpose) - {example.purpose}:
        with pytest.raises(ChainError):
            example.validate("v2g", purpose=purpose)


def test_another_root_of_the_same_operator_is_unknown() -> None:
    example = EXAMPLES["contract"]
    chain = [certificate(name) for name in (*example.chain, example.anchor)]
    trust = pki.TrustStore(v2g=[certificate("a76ae4c5d00e")], oem=[certificate("942b6234afd4")])
    with pytest.raises(ChainError) as caught:
        pki.validate(chain, purpose=pki.Purpose.CONTRACT, trust=trust, at=IN_2022, rules="interop")
    assert (caught.value.rule, caught.value.code) == (
        "iso2::chain::unknown-root",
        "FAILED_NoCertificateAvailable",
    )
