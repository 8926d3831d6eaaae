"""EXI: messages from bytes and back, typed or as XML.

Schema sets are named ``sap`` (SupportedAppProtocol), ``iso2`` (ISO 15118-2) and ``xmldsig`` (XML signatures).
Bytes are the EXI stream alone, with its header octet 0x80 and without the V2GTP header.

Example:
    >>> from plugcharge import exi
    >>> message = exi.decode(bytes.fromhex("8098004011d018048d159e26ac00"), "iso2")
    >>> message.body.evcc_id.hex()
    '0123456789ab'
    >>> exi.encode(message).hex()
    '8098004011d018048d159e26ac00'
"""

from __future__ import annotations

from plugcharge._core import decode, encode, from_xml, guess, to_xml
from plugcharge.errors import ExiError
from plugcharge.messages import Message

__all__ = ["ExiError", "Message", "decode", "encode", "from_xml", "guess", "to_xml"]
