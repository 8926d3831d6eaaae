"""The car's end of the TCP connection."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

from plugcharge.errors import LocalError, PeerError
from plugcharge.transport.link import HANDSHAKE_TIMEOUT, Clock, Link
from plugcharge.wire.sdp import SdpResponse, Security

if TYPE_CHECKING:
    from plugcharge.transport.tls import TlsClientContext

__all__ = ["connect", "connect_found"]


async def connect(
    address: str,
    port: int,
    *,
    tls: TlsClientContext | None,
    scope: int = 0,
    clock: Clock = time.monotonic,
    timeout: float = HANDSHAKE_TIMEOUT,
) -> Link:
    """Connect to a station and shake hands; the result is ready for a session core.

    Args:
        address: IPv6 or IPv4 address, without scope.
        port: TCP port.
        tls: how to speak TLS; ``None`` for plain TCP, on which Plug and Charge is not possible [V2G2-635].
        scope: index of the interface, for a link-local address.
        clock: the time the core is given.
        timeout: seconds for the TCP connection, and again for the TLS handshake.

    Raises:
        PeerError: nobody accepts the connection.
        TlsError: the handshake failed.
        Exception: what ``verify_station`` refused the station's chain with.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        target = (address, port, 0, scope) if family == socket.AF_INET6 else (address, port)
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().sock_connect(connecting, target)
        reader, writer = await asyncio.open_connection(sock=connecting)
    except (OSError, TimeoutError) as error:
        connecting.close()
        raise PeerError(
            "the station cannot be reached",
            where=f"[{address}]:{port}",
            why=f"no connection in {timeout} s" if isinstance(error, TimeoutError) else str(error),
            advice="check that the station still listens there, and the interface" if scope else "",
        ) from error
    except BaseException:
        connecting.close()
        raise
    engine = tls.new_connection() if tls is not None else None
    return await Link.establish(reader, writer, tls=engine, clock=clock, timeout=timeout)


async def connect_found(
    response: SdpResponse,
    *,
    tls: TlsClientContext | None,
    scope: int = 0,
    clock: Clock = time.monotonic,
    timeout: float = HANDSHAKE_TIMEOUT,
) -> Link:
    """Connect to where SDP said; TLS is spoken exactly when the station's answer says so.

    Raises:
        LocalError: the answer says TLS and ``tls`` is ``None``: a connection in the clear would go against
            it.
        PeerError: nobody accepts the connection.
        TlsError: the handshake failed.
    """
    if response.security is Security.TLS and tls is None:
        raise LocalError(
            "the station speaks TLS and this car was given none",
            where="SDP response",
            advice="give a TlsClientContext with the V2G roots",
        )
    spoken = tls if response.security is Security.TLS else None
    return await connect(
        str(response.address), response.port, tls=spoken, scope=scope, clock=clock, timeout=timeout
    )
