"""EXI: messages from bytes and back, typed or as XML or JSON; and what every bit of a stream is.

A schema set is named by its short name, by a namespace, or by the V2GTP payload type where that means one
set alone:

==================== ======================== ==================================================
short name           payload type             namespace
==================== ======================== ==================================================
``sap``              0x8001, as din and iso2  ``urn:iso:15118:2:2010:AppProtocol``
``din``              0x8001                   ``urn:din:70121:2012:MsgDef``
``iso2``             0x8001                   ``urn:iso:15118:2:2013:MsgDef``
``iso20_common``     0x8002                   ``urn:iso:std:iso:15118:-20:CommonMessages``
``iso20_ac``         0x8003                   ``urn:iso:std:iso:15118:-20:AC``
``iso20_dc``         0x8004                   ``urn:iso:std:iso:15118:-20:DC``
``iso20_acdp``       0x8005                   ``urn:iso:std:iso:15118:-20:ACDP``
``iso20_wpt``        0x8006                   ``urn:iso:std:iso:15118:-20:WPT``
``iso20_ac_der_iec`` 0x8010                   ``urn:iso:std:iso:15118:-20:AC-DER-IEC``
``iso20_ac_der_sae`` 0x8011                   ``urn:iso:std:iso:15118:-20:AC-DER-SAE``
``xmldsig``                                   ``http://www.w3.org/2000/09/xmldsig#``
==================== ======================== ==================================================

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

import msgspec

from plugcharge import _core
from plugcharge._core import decode, encode, from_json, from_xml, guess, schemas, to_json, to_xml
from plugcharge.errors import ExiError
from plugcharge.messages import Message

__all__ = [
    "ExiError",
    "Message",
    "Step",
    "decode",
    "encode",
    "explain",
    "from_json",
    "from_xml",
    "guess",
    "schemas",
    "to_json",
    "to_xml",
]


class Step(msgspec.Struct, frozen=True):
    """A stretch of a stream, and what it says.

    Attributes:
        offset: where it begins, in bits from the start of the stream.
        width: its width in bits; 0 where the schema leaves no choice.
        event: what it is, in one stable word. Event codes: ``"start"`` and ``"end"`` of an element,
            ``"attribute"``, ``"characters"`` (a value follows), ``"undeclared"`` (an event outside the schema
            follows in a second code), ``"end-fragment"``. Content: ``"length"``, ``"value"``, ``"reference"``
            (to a string that occurred). The rest: ``"header"``, ``"padding"``, and as the last one, where the
            stream is no message, ``"fault"``.
        code: the event code; ``None`` where the stretch is none.
        path: the elements around it, such as ``"V2G_Message/Body"``; an attribute comes last, with ``@``.
        value: the value as text, octets in hex; of a ``"length"``, how many octets or characters follow (of
            characters, the number in the stream is greater by two); of a ``"fault"``, what is wrong; ``None``
            where there is none.
        bits: the bits themselves, as text of ``0`` and ``1``.
    """

    offset: int
    width: int
    event: str
    code: int | None
    path: str
    value: str | None
    bits: str


def explain(data: bytes, schema: str | int, *, fragment: bool = False) -> list[Step]:
    """Give what every bit of a stream is, in the order of the stream and without gaps.

    Bytes that are no message of the schema set raise nothing: they are told up to the fault, and the last
    step, whose ``event`` is ``"fault"``, says what is wrong and reaches from the end of what was understood
    to where the reading stopped.

    Args:
        data: the EXI stream.
        schema: the schema set, named as for :func:`decode`.
        fragment: the stream is a single element, as it is signed, not a whole message.

    Raises:
        ExiError: ``schema`` is unknown or means several sets; the caller is at fault.

    Example:
        >>> from plugcharge import exi
        >>> for step in exi.explain(bytes.fromhex("80400040"), "sap")[:5]:
        ...     print(step.offset, step.bits, step.event, step.path, step.value)
        0 10000000 header  80
        8 01 start supportedAppProtocolRes None
        10 0 start supportedAppProtocolRes/ResponseCode None
        11 0 characters supportedAppProtocolRes/ResponseCode None
        12 00 value supportedAppProtocolRes/ResponseCode OK_SuccessfulNegotiation
    """
    return [Step(*step) for step in _core.explain(data, schema, fragment=fragment)]
