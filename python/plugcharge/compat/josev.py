"""The EXI codec for Josev (PyPI ``iso15118``): its codec interface, without a Java machine.

Josev hands JSON to its codec and takes JSON from it; this one gives the same JSON and the same bytes as the
codec that Josev brings along. To use it, give it to the handler that you start::

    SECCHandler(exi_codec=plugcharge.compat.josev.ExiCodec(), ...)

Josev itself is not needed to import this module. docs/josev.md tells what differs.

Example:
    >>> codec = ExiCodec()
    >>> message = codec.decode(bytes.fromhex("8098004011d018048d159e26ac00"), "urn:iso:15118:2:2013:MsgDef")
    >>> message
    '{"V2G_Message":{"Header":{"SessionID":"00"},"Body":{"SessionSetupReq":{"EVCCID":"0123456789AB"}}}}'
    >>> codec.encode(message, "urn:iso:15118:2:2013:MsgDef").hex()
    '8098004011d018048d159e26ac00'
"""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Final

import msgspec

from plugcharge._core import build_info, decode, encode, to_xml
from plugcharge.compat.josev_shapes import shapes
from plugcharge.errors import ExiError

if TYPE_CHECKING:
    from plugcharge.compat.josev_shapes import Shapes

__all__ = ["ExiCodec"]

# The namespace that Josev names a schema set with -> the set.
SCHEMAS: Final = {
    "urn:iso:15118:2:2010:AppProtocol": "sap",
    "urn:din:70121:2012:MsgDef": "din",
    "urn:iso:15118:2:2013:MsgDef": "iso2",
    "urn:iso:std:iso:15118:-20:CommonMessages": "iso20_common",
    "urn:iso:std:iso:15118:-20:AC": "iso20_ac",
    "urn:iso:std:iso:15118:-20:DC": "iso20_dc",
    "urn:iso:std:iso:15118:-20:WPT": "iso20_wpt",
    "urn:iso:std:iso:15118:-20:ACDP": "iso20_acdp",
    "http://www.w3.org/2000/09/xmldsig#": "xmldsig",
}


class ExiCodec:
    """Josev's ``IEXICodec`` over the engine of plugcharge.

    It keeps no state: one instance serves any number of sessions and threads. Where Josev is installed, it is
    a (virtual) subclass of ``iso15118.shared.iexi_codec.IEXICodec``.

    Args:
        limits: refuse to encode text and octets of a length that the schema does not allow. Josev's own codec
            does not look at lengths; its message classes mostly do.
    """

    def __init__(self, *, limits: bool = True) -> None:
        self._limits = limits
        _join_interface(type(self))

    def encode(self, message: str, namespace: str) -> bytes:
        """Give the EXI stream of a message in Josev's JSON.

        What a namespace has as messages is encoded as a document, everything else as a fragment: the elements
        that are signed, and all of XML signatures.

        Args:
            message: a JSON object with one key, the name of the root element.
            namespace: of the schema set, as in Josev's ``Namespace``.

        Raises:
            ExiError: the JSON is no message of that schema set; the caller is at fault.
        """
        known = _shapes_of(namespace)
        try:
            document = msgspec.json.decode(message)
        except msgspec.DecodeError as error:
            raise _refused(f"the message is no JSON: {error}", known.schema) from error
        if not isinstance(document, dict) or len(document) != 1:
            raise _refused("the message has to be a JSON object with one key, the root element", known.schema)
        ((root, content),) = document.items()
        if root in known.messages:
            return encode(known.read(root, content, fragment=False), element=root, limits=self._limits)
        typed = known.read(root, content, fragment=True)
        return encode(typed, fragment=True, schema=known.schema, element=root, limits=self._limits)

    def decode(self, stream: bytes, namespace: str) -> str:
        """Give the message in an EXI stream as Josev's JSON.

        A document is expected, under the namespace of XML signatures a fragment.

        Args:
            stream: with its header octet 0x80, without the V2GTP header.
            namespace: of the schema set, as in Josev's ``Namespace``.

        Raises:
            ExiError: the stream is no message of that schema set; the peer is at fault.
        """
        known = _shapes_of(namespace)
        fragment = known.schema == "xmldsig"
        octets = bytes(stream)
        message = decode(octets, known.schema, fragment=fragment)
        roots = known.roots(message)
        root = roots[0] if len(roots) == 1 else _root_of(octets, known.schema, fragment=fragment)
        return msgspec.json.encode(known.write(root, message)).decode()

    def get_version(self) -> str:
        """Give the name and version of this codec, for Josev's log."""
        return f"plugcharge {build_info()['version']}"


def _shapes_of(namespace: str) -> Shapes:
    schema = SCHEMAS.get(namespace)
    if schema is None:
        raise _refused(f"no schema set has the namespace {namespace}; there are {', '.join(SCHEMAS)}", "")
    return shapes(schema)


def _root_of(stream: bytes, schema: str, *, fragment: bool) -> str:
    """The root element, where a message's class does not tell it: ACDP has one to connect and disconnect."""
    start = re.match(r"<(?:[\w-]+:)?([\w-]+)", to_xml(stream, schema, fragment=fragment))
    if start is None:
        raise _refused("the message has no root element", schema)
    return start[1]


def _refused(what: str, schema: str) -> ExiError:
    return ExiError(what, kind="json", schema=schema)


def _join_interface(codec: type[ExiCodec]) -> None:
    """Make the codec a subclass of Josev's interface, if Josev is there."""
    try:
        interface = importlib.import_module("iso15118.shared.iexi_codec").IEXICodec
    except ImportError:
        return
    interface.register(codec)
