"""Project Wycheproof's vectors for P-256: signatures in both forms, and ECDH with a bare point.

Every verdict has to agree, and so has the number of accepted and refused cases, so that a file that is cut
short or read wrongly cannot pass.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from plugcharge.errors import LocalError, SignatureError
from plugcharge.pki import PublicKey, SigningKey
from tests.shared_material import shared_path


def groups(name: str) -> list[dict[str, Any]]:
    path = shared_path(f"vectors/crypto/wycheproof/{name}_test.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = content["testGroups"]
    return found


def verdict(key: PublicKey, case: dict[str, str], form: str) -> str:
    message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
    try:
        (key.verify_raw if form == "raw" else key.verify_der)(message, signature)
    except SignatureError:
        return "invalid"
    return "valid"


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("ecdsa_secp256r1_sha256_p1363", "raw", {"valid": 173, "invalid": 89}),
        ("ecdsa_secp256r1_sha256", "der", {"valid": 174, "invalid": 310}),
    ],
)
def test_signatures(name: str, form: str, expected: dict[str, int]) -> None:
    counts: Counter[str] = Counter()
    for group in groups(name):
        key = PublicKey(bytes.fromhex(group["publicKey"]["uncompressed"]))
        for case in group["tests"]:
            result = verdict(key, case, form)
            assert result == case["result"], (case["tcId"], case["comment"], case["flags"])
            counts[result] += 1
    assert counts == expected


def test_signatures_of_one_form_are_refused_in_the_other() -> None:
    for name, form in (("ecdsa_secp256r1_sha256_p1363", "der"), ("ecdsa_secp256r1_sha256", "raw")):
        for group in groups(name):
            key = PublicKey(bytes.fromhex(group["publicKey"]["uncompressed"]))
            for case in group["tests"]:
                assert verdict(key, case, form) == "invalid", (case["tcId"], case["comment"])


def test_key_agreement_with_a_bare_point() -> None:
    counts: Counter[tuple[str, bool]] = Counter()
    for group in groups("ecdh_secp256r1_ecpoint"):
        for case in group["tests"]:
            key = SigningKey.from_scalar(int(case["private"], 16).to_bytes(32, "big"))
            try:
                secret = key.agree(bytes.fromhex(case["public"])).hex()
            except LocalError:
                counts[case["result"], False] += 1
                # "acceptable" are compressed points, which -2 does not use: refused here [V2G2-819].
                assert case["result"] != "valid", (case["tcId"], case["comment"])
                assert case["result"] == "invalid" or "CompressedPoint" in case["flags"]
            else:
                counts[case["result"], True] += 1
                assert (case["result"], case["shared"]) == ("valid", secret), (case["tcId"], case["comment"])
    assert counts == {("valid", True): 330, ("invalid", False): 24, ("acceptable", False): 1}
