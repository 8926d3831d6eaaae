"""SupportedAppProtocol: which protocol a car and a station speak, as pure functions over the typed messages.

The car offers, best first; the station takes the best one that it can serve on this connection. What it can
serve is the caller's knowledge: -20 needs TLS 1.3, an AC station has no ``:DC`` message set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugcharge.errors import LocalError, PeerError
from plugcharge.messages.sap import (
    AppProtocol,
    ResponseCode,
    SupportedAppProtocolReq,
    SupportedAppProtocolRes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DIN",
    "ISO2",
    "ISO20_AC",
    "ISO20_DC",
    "KNOWN",
    "Choice",
    "ProtocolVersion",
    "accept",
    "choose",
    "offer",
]


@dataclass(frozen=True, slots=True)
class ProtocolVersion:
    """A protocol that can be agreed on.

    Attributes:
        schema: the schema set its messages are in.
        namespace: ProtocolNamespace.
        major: has to match exactly.
        minor: may differ [V2G2-170].
    """

    schema: str
    namespace: str
    major: int
    minor: int


DIN = ProtocolVersion("din", "urn:din:70121:2012:MsgDef", 2, 0)
ISO2 = ProtocolVersion("iso2", "urn:iso:15118:2:2013:MsgDef", 2, 0)
ISO20_AC = ProtocolVersion("iso20_ac", "urn:iso:std:iso:15118:-20:AC", 1, 0)
ISO20_DC = ProtocolVersion("iso20_dc", "urn:iso:std:iso:15118:-20:DC", 1, 0)
KNOWN = (ISO20_DC, ISO20_AC, ISO2, DIN)
"""Every protocol of the table, newest first. Which of them a session can speak is another question."""

_MAX_ENTRIES = 20  # [V2G2-167]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was agreed on.

    Attributes:
        protocol: our entry of the table.
        schema_id: the car's number for it.
        minor_deviation: the minor versions differ.
    """

    protocol: ProtocolVersion
    schema_id: int
    minor_deviation: bool


def offer(protocols: Sequence[ProtocolVersion]) -> SupportedAppProtocolReq:
    """Make the car's offer; the first one is the most wanted.

    Raises:
        LocalError: nothing, or more than 20, or one of them twice.

    Example:
        >>> [(p.priority, p.schema_id, p.protocol_namespace) for p in offer([ISO2]).app_protocol]
        [(1, 1, 'urn:iso:15118:2:2013:MsgDef')]
    """
    if not 1 <= len(protocols) <= _MAX_ENTRIES or len(set(protocols)) != len(protocols):
        raise LocalError(
            f"{len(protocols)} protocols cannot be offered",
            where="supportedAppProtocolReq",
            why="1 to 20 different ones [V2G2-167]",
        )
    return SupportedAppProtocolReq(
        app_protocol=tuple(
            AppProtocol(
                protocol_namespace=protocol.namespace,
                version_number_major=protocol.major,
                version_number_minor=protocol.minor,
                schema_id=position,
                priority=position,
            )
            for position, protocol in enumerate(protocols, start=1)
        )
    )


def choose(
    request: SupportedAppProtocolReq, served: Sequence[ProtocolVersion]
) -> tuple[SupportedAppProtocolRes, Choice | None]:
    """Make the station's answer [V2G2-169].

    The lowest priority number wins, ties keep the order of the list. Two entries may carry the same SchemaID
    (seen in the field): the answer is then as ambiguous as the question.

    Returns:
        The response and what was chosen; ``None`` when nothing fits. The connection is to be closed then
        [V2G2-172], [V2G2-173].

    Example:
        >>> choose(offer([DIN, ISO2]), [ISO2])[1].schema_id
        2
    """
    for entry in sorted(request.app_protocol, key=lambda entry: entry.priority):
        for protocol in served:
            if (entry.protocol_namespace, entry.version_number_major) == (protocol.namespace, protocol.major):
                choice = Choice(protocol, entry.schema_id, entry.version_number_minor != protocol.minor)
                return SupportedAppProtocolRes(response_code=_ok(choice), schema_id=entry.schema_id), choice
    return SupportedAppProtocolRes(response_code=ResponseCode.Failed_NoNegotiation), None


def accept(
    request: SupportedAppProtocolReq,
    response: SupportedAppProtocolRes,
    known: Sequence[ProtocolVersion] = KNOWN,
) -> Choice:
    """Read the station's answer to our own offer.

    A station may choose against our priorities. One that leaves the SchemaID out is understood when only one
    protocol was offered; a SchemaID in a refusal is not looked at.

    Raises:
        PeerError: nothing was agreed on (``code`` is ``Failed_NoNegotiation``), or something that was not
            offered. Open no session [V2G2-173].
    """
    if response.response_code is ResponseCode.Failed_NoNegotiation:
        offered = ", ".join(entry.protocol_namespace for entry in request.app_protocol)
        raise _fault(
            "the station speaks none of our protocols", f"offered: {offered}", response.response_code
        )
    entries = [entry for entry in request.app_protocol if entry.schema_id == response.schema_id]
    if response.schema_id is None and len(request.app_protocol) == 1:
        entries = list(request.app_protocol)
    if not entries:
        raise _fault(f"the station chose SchemaID {response.schema_id}", "it was not offered [V2G2-170]", "")
    for protocol in known:
        if (protocol.namespace, protocol.major) == (
            entries[0].protocol_namespace,
            entries[0].version_number_major,
        ):
            deviates = response.response_code is ResponseCode.OK_SuccessfulNegotiationWithMinorDeviation
            return Choice(protocol, entries[0].schema_id, deviates)
    raise LocalError(f"{entries[0].protocol_namespace} was offered, but is not known here", where="accept")


def _ok(choice: Choice) -> ResponseCode:
    if choice.minor_deviation:
        return ResponseCode.OK_SuccessfulNegotiationWithMinorDeviation  # [V2G2-170]
    return ResponseCode.OK_SuccessfulNegotiation


def _fault(what: str, why: str, code: str) -> PeerError:
    return PeerError(what, code=code, where="supportedAppProtocolRes", why=why)
