"""Broken leaves of each purpose, one for each rule about leaves, beside the chains of ``broken_chains``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tests.unit.pki.broken_chains import CASES, Builder, Case, broken_leaf
from tests.unit.pki.certificate_factory import (
    BASIC,
    CLIENT_AUTH,
    CS,
    DS,
    EKU,
    KA,
    KEY_USAGE,
    NR,
    OCSP_SIGNING,
    OID_CN,
    OID_DC,
    OID_O,
    SAN,
    Spec,
    Tree,
    basic,
    dns_names,
    extended,
    key_usage,
    name,
    tree,
)

__all__ = ["ALL_CASES", "PURPOSES"]

PURPOSES = ("secc", "contract", "oem-provisioning", "cps")
WRONG_ROLE = {"secc": "OEM", "contract": "CPO", "oem-provisioning": "MO", "cps": "CPO"}
WRONG_KIND = {"secc": "mo", "contract": "oem", "oem-provisioning": "mo", "cps": "private"}
ROLE = {"secc": "CPO", "contract": "MO", "oem-provisioning": "OEM", "cps": "CPS"}
NEEDED = {"secc": DS, "contract": DS | NR, "oem-provisioning": DS | KA, "cps": DS}
CUT = {"secc": KA, "contract": DS, "oem-provisioning": DS, "cps": NR}


def _broken_extensions(good: Tree) -> list[tuple[str, str, Spec]]:
    low, needed = good.leaf, NEEDED[good.purpose]
    broken = [
        ("is_ca", "leaf-is-ca", low.having(BASIC, basic(True, 0), critical=True)),
        ("signs", "leaf-is-ca", low.having(KEY_USAGE, key_usage(needed | CS), critical=True)),
        ("no_constraints", "missing-basic-constraints", low.without(BASIC)),
        ("plain_constraints", "basic-constraints-not-critical", low.having(BASIC, basic(False))),
        ("no_usage", "missing-key-usage", low.without(KEY_USAGE)),
        ("plain_usage", "key-usage-not-critical", low.having(KEY_USAGE, key_usage(needed))),
        ("usage_cut", "key-usage", low.having(KEY_USAGE, key_usage(CUT[good.purpose]), critical=True)),
        ("usage_extra", "extra-key-usage", low.having(KEY_USAGE, key_usage(needed | 1 << 3), critical=True)),
        ("ocsp_signer", "extended-key-usage", low.having(EKU, extended(OCSP_SIGNING))),
        ("wildcard", "wildcard-name", low.having(SAN, dns_names("good.example", "*.example"))),
    ]
    if good.purpose == "secc":
        broken.append(("client_only", "extended-key-usage", low.having(EKU, extended(CLIENT_AUTH))))
    return broken


def _broken_names(good: Tree) -> list[tuple[str, str, Spec]]:
    cn, role, wrong = (OID_CN, good.leaf.key), ROLE[good.purpose], WRONG_ROLE[good.purpose]
    subjects = [
        ("wrong_role", "wrong-domain-component", name(cn, (OID_DC, wrong))),
        ("both_roles", "wrong-domain-component", name(cn, (OID_DC, role), (OID_DC, wrong))),
        ("no_name", "common-name", name((OID_O, "test"), (OID_DC, role))),
        ("empty_name", "common-name", name((OID_CN, ""), (OID_DC, role))),
        ("two_names", "common-name", name(cn, (OID_CN, "DE8AA007654321"), (OID_DC, role))),
        ("same_name_twice", "repeated-common-name", name(cn, cn, (OID_DC, role))),
    ]
    return [(label, rule, replace(good.leaf, subject=subject)) for label, rule, subject in subjects]


def _missing_role(good: Tree) -> Case:
    spec = replace(good.leaf, subject=name((OID_CN, good.leaf.key), (OID_O, "test")))
    rule = f"iso2::{good.purpose}::missing-domain-component"
    return broken_leaf("missing-domain-component", good.purpose, spec, interop_rule=rule)


def _wrong_kind_of_root(good: Tree) -> Case:
    anchors = {WRONG_KIND[good.purpose]: [good.root.der]}
    return Case(f"iso2::{good.purpose}::anchor-kind", good.chain, good.purpose, anchors)


def _all_cases() -> dict[str, Builder]:
    cases = dict(CASES)
    for purpose in PURPOSES:
        good = tree(purpose)
        for label, rule, spec in _broken_extensions(good) + _broken_names(good):
            cases[f"{purpose}: {label}"] = partial(broken_leaf, rule, purpose, spec)
        cases[f"{purpose}: wrong_kind_of_root"] = partial(_wrong_kind_of_root, good)
    for purpose in ("secc", "cps"):
        cases[f"{purpose}: no_role"] = partial(_missing_role, tree(purpose))
    return cases


ALL_CASES = _all_cases()
"""A builder for each case, by what is wrong."""
