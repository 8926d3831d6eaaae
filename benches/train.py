"""Trains a build with profile-guided optimization: on our own messages, not on those that are measured.

Called by ``maturin build --pgo`` (``pgo-command``) with the instrumented build installed. It decodes,
encodes and verifies what ``inputs.json`` holds, and nothing from outside the repository, so that every
build is trained alike.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path

from plugcharge import exi, pki, sign

_ROUNDS = 2_000


def main() -> None:
    inputs = json.loads(Path(__file__).with_name("inputs.json").read_text(encoding="utf-8"))
    for line in inputs["messages"]:
        data, schema = bytes.fromhex(line["hex"]), line["name"].partition("_")[0]
        message = exi.decode(data, schema)
        for _ in repeat(None, _ROUNDS):
            exi.decode(data, schema)
            exi.encode(message)
    signed, chain = inputs["signed"], inputs["chain"]
    key, data = pki.PublicKey(bytes.fromhex(signed["point"])), bytes.fromhex(signed["hex"])
    certificates = [bytes.fromhex(certificate) for certificate in chain["certificates"]]
    trust, at = pki.TrustStore(mo=[bytes.fromhex(chain["root"])]), datetime.fromtimestamp(chain["at"], UTC)
    for _ in repeat(None, _ROUNDS // 10):
        sign.verify_message(data, "iso2", public_key=key)
        pki.validate(certificates, purpose=pki.Purpose.CONTRACT, trust=trust, at=at)


if __name__ == "__main__":
    main()
