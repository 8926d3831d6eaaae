"""The car's connection."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import UTC, datetime
from ipaddress import IPv6Address

import pytest

from plugcharge.errors import ChainError, LocalError, PeerError, TlsError
from plugcharge.pki.test_pki import TestPki
from plugcharge.transport.identity import TlsIdentity
from plugcharge.transport.station_link import StationListener
from plugcharge.transport.tls import ISO2, TlsClientContext, TlsServerContext
from plugcharge.transport.vehicle_link import connect, connect_found
from plugcharge.wire.sdp import SdpResponse, Security
from tests.unit.transport.echo_core import EchoCore, QuestionCore

PKI = TestPki(b"vehicle", now=datetime(2026, 6, 1, tzinfo=UTC))
SERVER_TLS = TlsServerContext(ISO2, TlsIdentity.from_der(PKI.secc.chain, PKI.secc.key))
CLIENT_TLS = TlsClientContext(ISO2, lambda chain: None)
LOOPBACK = IPv6Address("::1")


async def station(tls: TlsServerContext | None) -> StationListener:
    return await StationListener.start(lambda link: EchoCore(), tls=tls, host="::1", handshake_timeout=0.3)


def test_tls_is_spoken_exactly_when_the_answer_says_so() -> None:
    async def scenario() -> None:
        for security, server_tls in ((Security.TLS, SERVER_TLS), (Security.NONE, None)):
            async with await station(server_tls) as listener:
                link = await connect_found(SdpResponse(LOOPBACK, listener.port, security), tls=CLIENT_TLS)
                assert link.info.tls == (security is Security.TLS)
                assert link.info.peer_chain == (PKI.secc.chain if link.info.tls else ())
                assert link.info.peer == f"[::1]:{listener.port}"
                await link.run(core := QuestionCore(time.monotonic(), [b"q", b"bye"]))
                assert core.answers == [b"q", b"bye"]

    asyncio.run(scenario())


def test_there_is_no_way_from_tls_to_plain() -> None:
    """[S4]."""
    with pytest.raises(LocalError, match="given none"):
        asyncio.run(connect_found(SdpResponse(LOOPBACK, 50_000, Security.TLS), tls=None))


def test_a_station_that_speaks_plain_on_its_tls_port() -> None:
    async def scenario() -> None:
        async with await station(None) as listener:
            with pytest.raises(TlsError):
                await connect("::1", listener.port, tls=CLIENT_TLS, timeout=0.2)

    asyncio.run(scenario())


def test_a_refused_chain_is_passed_on() -> None:
    def refuse(chain: object) -> None:
        raise ChainError("no", code="FAILED_CertChainError", rule="test")

    async def scenario() -> None:
        async with await station(SERVER_TLS) as listener:
            with pytest.raises(ChainError):
                await connect("::1", listener.port, tls=TlsClientContext(ISO2, refuse))

    asyncio.run(scenario())


def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::1", 0))
        with pytest.raises(PeerError, match="cannot be reached"):
            asyncio.run(connect("::1", taken.getsockname()[1], tls=None))


def test_a_link_local_address_without_its_scope() -> None:
    with pytest.raises(PeerError, match="cannot be reached"):
        asyncio.run(connect("fe80::1", 50_000, tls=None, timeout=0.2))
