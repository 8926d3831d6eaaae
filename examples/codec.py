"""Decode, change, encode, sign and verify a message: the codec needs no session and no network."""

from __future__ import annotations

from datetime import UTC, datetime

from plugcharge import exi, pki, sign
from plugcharge.messages import iso2
from plugcharge.transport.contract import signing_key

# Octets from a wire become a typed message.
message = exi.decode(bytes.fromhex("8098004011d018048d159e26ac00"), "iso2")
assert isinstance(message, iso2.V2G_Message)
print(message.body)

# A typed message becomes octets again, or XML for people.
assert exi.decode(exi.encode(message), "iso2") == message
print(exi.to_xml(exi.encode(message), "iso2"))

# A car signs what it was asked to sign with the key of its contract ...
contract = pki.TestPki(now=datetime.now(UTC)).contract_leaf
request = iso2.AuthorizationReq(id="ID1", gen_challenge=bytes(range(16)))
signature = sign.sign_elements([request], signing_key(contract.key))

# ... and a station verifies it with the public key of the certificate: it returns, or raises SignatureError.
sign.verify_elements((request,), signature, public_key=pki.PublicKey.from_certificate(contract.der))
print("the signature is good")
