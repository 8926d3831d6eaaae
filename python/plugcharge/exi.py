"""EXI: messages from bytes and back, typed or as XML.

Schema sets are named ``sap`` (SupportedAppProtocol), ``iso2`` (ISO 15118-2) and ``xmldsig`` (XML signatures).
Bytes are the EXI stream alone, with its header octet 0x80 and without the V2GTP header.

Example:
    >>> from plugcharge import exi
    >>> message = exi.decode(bytes.fromhex("8098004011d018048d159e26ac00"), "iso2")
    >>> message.body
    SessionSetupReq(evcc_id=b'\\x12\\x34Vx\\x9a\\xb0')
    >>> exi.encode(message).hex()
    '8098004011d018048d159e26ac00'
"""

from __future__ import annotations

from typing import cast

from plugcharge import _core
from plugcharge.errors import ExiError
from plugcharge.messages import Message

__all__ = ["ExiError", "Message", "decode", "encode", "from_xml", "guess", "to_xml"]


def decode(data: bytes, schema: str, *, fragment: bool = False) -> Message:
    """Give the typed message in ``data``: an instance of a class of ``plugcharge.messages``.

    Padding and zero octets behind the message are passed over. References to earlier strings are understood.
    Lengths of text and octets are not checked (a refused message often carries filler); numbers are.

    Args:
        data: the EXI stream.
        schema: the short name of the schema set.
        fragment: the stream is a single element, as it is signed, not a whole message.

    Raises:
        ExiError: the bytes are not a message of that schema set; the peer is at fault. An unknown ``schema`` is
            the caller's fault.

    Example:
        >>> decode(bytes.fromhex("80400040"), "sap")
        SupportedAppProtocolRes(response_code=<ResponseCode.OK_SuccessfulNegotiation: ...>, schema_id=1)
    """
    return cast("Message", _core.decode(data, schema, fragment))


def encode(
    message: Message,
    *,
    fragment: bool = False,
    schema: str | None = None,
    element: str | None = None,
    limits: bool = True,
) -> bytes:
    """Give the EXI stream of a message; the schema set is known from its class.

    Args:
        message: an instance of a class of ``plugcharge.messages`` that is the type of a root element.
        fragment: write a single element, as it is signed, not a whole message.
        schema: write with another schema set than the class's own; its elements are part of several.
        element: the root element, where the type has several and none is named like it.
        limits: refuse text and octets of a length that the schema does not allow.

    Raises:
        ExiError: a value is of the wrong type, out of range or too long, or a part is missing; the caller is at
            fault, and ``path`` says where.
    """
    return _core.encode(message, fragment, schema, element, limits)


def to_xml(data: bytes, schema: str, *, fragment: bool = False) -> str:
    """Give the message in ``data`` as XML text, with the standard's names and namespaces.

    Raises:
        ExiError: the bytes are not a message of that schema set, or hold characters that XML cannot carry.
    """
    return _core.to_xml(data, schema, fragment)


def from_xml(xml: str, schema: str, *, fragment: bool = False, limits: bool = True) -> bytes:
    """Give the EXI stream of a message in XML text.

    The prefixes and the order of attributes carry no meaning; comments are passed over; a document type is refused.

    Raises:
        ExiError: the text is no XML, or no message of that schema set.
    """
    return _core.from_xml(xml, schema, fragment, limits)


def guess(data: bytes) -> list[str]:
    """Give the short name of every schema set of which ``data`` is a whole message; often one, sometimes several.

    Example:
        >>> guess(bytes.fromhex("8098004011d018048d159e26ac00"))
        ['iso2']
    """
    return _core.guess(data)
