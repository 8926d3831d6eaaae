"""The TLS engine of -2, in memory: splits, refusals, fail-closed verification."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from plugcharge.errors import ChainError, LocalError, PlugchargeError, TlsError
from plugcharge.pki.test_pki import TestPki
from plugcharge.transport.identity import TlsIdentity
from plugcharge.transport.tls import (
    ISO2,
    DangerWarning,
    TlsClient,
    TlsClientContext,
    TlsEngine,
    TlsProfile,
    TlsServer,
    TlsServerContext,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PKI = TestPki(b"tls", now=datetime(2026, 6, 1, tzinfo=UTC))
IDENTITY = TlsIdentity.from_der(PKI.secc.chain, PKI.secc.key)
SUITE = b"ECDHE-ECDSA-AES128-SHA256"


def accept(_chain: Sequence[bytes]) -> None:
    """Trust anybody; these tests look at the transport."""


def refuse(_chain: Sequence[bytes]) -> None:
    raise ChainError("not my root", code="FAILED_CertChainError", rule="test")


SERVER = TlsServerContext(ISO2, IDENTITY)
CLIENT = TlsClientContext(ISO2, accept)


def pair(client: TlsClientContext = CLIENT) -> tuple[TlsServer, TlsClient]:
    return SERVER.new_connection(), client.new_connection()


def pump(server: TlsEngine, client: TlsEngine, piece: int = 65_536) -> tuple[list[bytes], list[bytes]]:
    """Carry octets both ways, ``piece`` at a time, until both are quiet; give what each side decrypted."""
    got: tuple[list[bytes], list[bytes]] = ([], [])
    while True:
        to_server, to_client = client.data_to_send(), server.data_to_send()
        if not to_server and not to_client:
            return got
        for engine, data, into in ((server, to_server, got[0]), (client, to_client, got[1])):
            for start in range(0, len(data), piece):
                into.extend(engine.receive(data[start : start + piece]))


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7, 64, 65_536])
def test_a_handshake_and_data_both_ways(piece: int) -> None:
    server, client = pair()
    pump(server, client, piece)
    assert server.handshake_done
    assert client.handshake_done
    assert client.suite == server.suite == SUITE.decode()
    assert client.peer_chain == PKI.secc.chain
    assert server.peer_chain == ()
    client.send(b"question")
    assert pump(server, client, piece) == ([b"question"], [])
    server.send(b"answer")
    assert pump(server, client, piece) == ([], [b"answer"])


def test_every_split_of_every_flight() -> None:
    # Each flight is cut in two at every place; the handshake has to be made anew for each cut.
    server, client = pair()
    first = client.data_to_send()
    server.receive(first)
    second = server.data_to_send()
    client.receive(second)
    third = client.data_to_send()
    for cut in range(0, max(map(len, (first, second, third))), 3):
        server, client = pair()
        for sender, receiver in ((client, server), (server, client), (client, server), (server, client)):
            flight = sender.data_to_send()
            receiver.receive(flight[:cut])
            receiver.receive(flight[cut:])
        assert server.handshake_done, cut
        assert client.handshake_done, cut


def test_application_data_glued_to_the_last_flight() -> None:
    server, client = pair()
    server.receive(client.data_to_send())
    client.receive(server.data_to_send())
    server.receive(client.data_to_send())
    server.send(b"early")
    assert client.receive(server.data_to_send()) == [b"early"]


def test_large_messages_arrive_whole() -> None:
    server, client = pair()
    pump(server, client)
    message = bytes(range(256)) * 400
    client.send(message)
    received, _ = pump(server, client, 1000)
    assert b"".join(received) == message


def test_one_context_serves_many_connections() -> None:
    pairs = [pair() for _ in range(5)]
    for server, client in pairs:
        pump(server, client)
    for number, (server, client) in enumerate(pairs):
        client.send(bytes((number,)))
        assert pump(server, client)[0] == [bytes((number,))]


def test_a_refused_chain_lets_no_octet_through() -> None:
    """[V2G2-875]: the car closes on a chain it cannot anchor."""
    server, client = pair(TlsClientContext(ISO2, refuse))
    server.receive(client.data_to_send())
    client.receive(server.data_to_send())
    server.receive(client.data_to_send())
    server.send(b"secret")  # the server is done and sends at once, together with its Finished
    with pytest.raises(ChainError):
        client.receive(server.data_to_send())
    assert not client.handshake_done
    assert isinstance(client.failure, ChainError)
    for _ in range(2):
        with pytest.raises(ChainError):
            client.receive(b"")
        with pytest.raises(ChainError):
            client.send(b"x")
    server.receive(client.data_to_send())
    assert server.peer_closed  # the goodbye arrives


@pytest.mark.parametrize("accident", [RuntimeError("bug"), KeyboardInterrupt(), ValueError("odd")])
def test_a_verification_that_crashes_is_a_refusal(accident: BaseException) -> None:
    def crash(_chain: Sequence[bytes]) -> None:
        raise accident

    server, client = pair(TlsClientContext(ISO2, crash))
    with pytest.raises(type(accident)):
        pump(server, client)
    assert not client.handshake_done
    with pytest.raises(TlsError):
        client.send(b"x")
    with pytest.raises(TlsError):
        client.receive(server.data_to_send())


def test_verification_cannot_be_left_out() -> None:
    with pytest.raises(TypeError):
        TlsClientContext(ISO2)  # type: ignore[call-arg]  # the point of the test
    with pytest.raises(LocalError):
        TlsClientContext(ISO2, None)  # type: ignore[arg-type]  # the point of the test


def test_verification_sees_the_chain_once_and_before_data() -> None:
    seen: list[tuple[bytes, ...]] = []
    server, client = pair(TlsClientContext(ISO2, lambda chain: seen.append(tuple(chain))))
    server.receive(client.data_to_send())
    assert seen == []
    pump(server, client)
    assert seen == [PKI.secc.chain]


def test_nothing_is_sent_before_the_handshake() -> None:
    for engine in pair():
        with pytest.raises(LocalError, match="not ready"):
            engine.send(b"x")


def raw(
    method: int,
    *,
    version: int | None = SSL.TLS1_2_VERSION,
    lowest: int | None = None,
    suites: bytes = SUITE + b":@SECLEVEL=0",
    curve: ec.EllipticCurve | None = None,
    options: int = 0,
) -> SSL.Connection:
    """A peer that is not ours, with any configuration OpenSSL has."""
    context = SSL.Context(method)
    if version is not None:
        context.set_max_proto_version(version)
        context.set_min_proto_version(lowest or version)
    context.set_cipher_list(suites)
    context.set_options(options)
    if curve is not None:
        context.set_tmp_ecdh(curve)
    if method == SSL.TLS_SERVER_METHOD:
        context.use_certificate(PKI.secc.certificate)
        context.use_privatekey(PKI.secc.key)
    connection = SSL.Connection(context, None)
    (connection.set_accept_state if method == SSL.TLS_SERVER_METHOD else connection.set_connect_state)()
    return connection


def meet(engine: TlsEngine, peer: SSL.Connection) -> None:
    """Shake hands with a raw peer as far as it goes; raises what the engine raises."""
    for _ in range(6):
        try:
            peer.do_handshake()
        except SSL.WantReadError:
            pass
        except SSL.Error:
            # the peer gives up; its alert still has to reach the engine
            engine.receive(take(peer))
            return
        engine.receive(take(peer))
        data = engine.data_to_send()
        if data:
            peer.bio_write(data)


def take(peer: SSL.Connection) -> bytes:
    pieces = []
    try:
        while True:
            pieces.append(peer.bio_read(65_536))
    except SSL.WantReadError:
        return b"".join(pieces)


def test_a_foreign_client_with_the_right_profile_is_served() -> None:
    server = SERVER.new_connection()
    meet(server, raw(SSL.TLS_CLIENT_METHOD))
    assert server.handshake_done


@pytest.mark.parametrize(
    "peer",
    [
        pytest.param({"version": SSL.TLS1_3_VERSION}, id="1.3 only"),
        pytest.param({"version": SSL.TLS1_1_VERSION, "suites": b"ALL:@SECLEVEL=0"}, id="1.1 only"),
        pytest.param({"version": SSL.TLS1_VERSION, "suites": b"ALL:@SECLEVEL=0"}, id="1.0 only"),
        pytest.param({"suites": b"ECDHE-ECDSA-AES128-GCM-SHA256"}, id="GCM only"),
        pytest.param({"suites": b"ECDHE-RSA-AES128-SHA256:AES128-SHA256"}, id="RSA only"),
        pytest.param({"suites": b"ECDHE-ECDSA-AES256-SHA384"}, id="AES-256 only"),
        pytest.param({"suites": b"aNULL:eNULL:@SECLEVEL=0"}, id="no authentication, no encryption"),
        pytest.param({"curve": ec.SECP521R1()}, id="other curve"),
    ],
)
def test_clients_outside_the_profile_are_refused(peer: dict[str, object]) -> None:
    """[C8]."""
    server = SERVER.new_connection()
    with pytest.raises(TlsError):
        meet(server, raw(SSL.TLS_CLIENT_METHOD, **peer))  # type: ignore[arg-type]  # options of one test each
    assert not server.handshake_done
    assert isinstance(server.failure, TlsError)
    assert server.failure.alert


@pytest.mark.parametrize(
    "peer",
    [
        pytest.param({"version": SSL.TLS1_3_VERSION}, id="1.3 only"),
        pytest.param({"version": SSL.TLS1_1_VERSION, "suites": b"ALL:@SECLEVEL=0"}, id="1.1 only"),
        pytest.param({"suites": b"ECDHE-ECDSA-AES128-GCM-SHA256"}, id="GCM only"),
        pytest.param({"curve": ec.SECP521R1()}, id="other curve"),
    ],
)
def test_stations_outside_the_profile_are_refused(peer: dict[str, object]) -> None:
    client = CLIENT.new_connection()
    with pytest.raises(TlsError):
        meet(client, raw(SSL.TLS_SERVER_METHOD, **peer))  # type: ignore[arg-type]  # options of one test each
    assert not client.handshake_done


def test_a_peer_that_offers_more_gets_what_the_profile_says() -> None:
    server = SERVER.new_connection()
    meet(
        server,
        raw(SSL.TLS_CLIENT_METHOD, version=SSL.TLS1_3_VERSION, lowest=SSL.TLS1_2_VERSION, suites=b"ALL"),
    )
    assert server.handshake_done
    assert server.suite == SUITE.decode()


def test_the_client_offers_one_version_one_suite_one_curve_and_no_ticket() -> None:
    hello = CLIENT.new_connection().data_to_send()
    assert hello[:3] == b"\x16\x03\x01"
    body = hello[9:]
    assert body[:2] == b"\x03\x03"
    position = 34 + 1 + body[34]
    suites = body[position + 2 : position + 2 + int.from_bytes(body[position : position + 2])]
    offered = {suites[at : at + 2] for at in range(0, len(suites), 2)}
    # C023 is TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256; 00FF only says that renegotiation is done safely
    assert offered - {b"\x00\xff"} == {b"\xc0\x23"}
    position += 2 + len(suites)
    assert body[position : position + 2] == b"\x01\x00"  # no compression
    extensions, position = {}, position + 4
    while position < len(body):
        kind, length = (
            int.from_bytes(body[position : position + 2]),
            int.from_bytes(body[position + 2 : position + 4]),
        )
        extensions[kind] = body[position + 4 : position + 4 + length]
        position += 4 + length
    assert extensions[10] == bytes.fromhex("00020017")  # groups: secp256r1
    assert 35 not in extensions  # session ticket
    assert 43 not in extensions  # supported versions, a matter of TLS 1.3
    assert 0 not in extensions  # server name


def test_sessions_are_not_resumed() -> None:
    first_server = SERVER.new_connection()
    first_peer = raw(SSL.TLS_CLIENT_METHOD)
    meet(first_server, first_peer)
    session = first_peer.get_session()
    assert session is not None
    # Both say goodbye in order: a session that was cut off would not be resumed anyway.
    first_peer.shutdown()
    first_server.receive(take(first_peer))
    first_server.close()
    first_peer.bio_write(first_server.data_to_send())
    first_peer.shutdown()
    second_peer = SSL.Connection(first_peer.get_context(), None)
    second_peer.set_session(session)
    second_peer.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        second_peer.do_handshake()
    server = SERVER.new_connection()
    server.receive(take(second_peer))
    assert PKI.secc.der in server.data_to_send()  # the full handshake: the certificate is shown again


def test_renegotiation_by_a_station_is_refused() -> None:
    """It could come back with another certificate that nobody verifies."""
    client = CLIENT.new_connection()
    peer = raw(SSL.TLS_SERVER_METHOD)
    meet(client, peer)
    assert client.handshake_done
    assert peer.renegotiate()
    peer.do_handshake()  # writes HelloRequest
    assert client.receive(take(peer)) == []
    answer = client.data_to_send()
    assert answer[0] == 0x15  # an alert and no ClientHello
    assert len(answer) < 100


def test_renegotiation_by_a_car_is_refused() -> None:
    server = SERVER.new_connection()
    peer = raw(SSL.TLS_CLIENT_METHOD)
    meet(server, peer)
    assert peer.renegotiate()
    outcome = "nothing"
    try:
        peer.do_handshake()
    except SSL.WantReadError:
        outcome = "asked"
    assert outcome == "asked"
    server.receive(take(peer))
    answer = server.data_to_send()
    assert len(answer) < 200  # an alert, no ServerHello with certificates
    assert peer.total_renegotiations() <= 1
    peer.bio_write(answer)
    with pytest.raises(SSL.Error):
        peer.do_handshake()


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", bytes(100), b"\xff" * 300, bytes.fromhex("01fe800100000004") + bytes(4)],
)
def test_garbage_instead_of_a_handshake(garbage: bytes) -> None:
    for engine in pair():
        engine.data_to_send()
        with pytest.raises(TlsError):
            engine.receive(garbage)
        engine.data_to_send()
        with pytest.raises(TlsError):
            engine.receive(b"")


def test_every_damaged_octet_of_a_record_is_noticed() -> None:
    for position in range(0, 69, 4):
        server, client = pair()
        pump(server, client)
        client.send(b"question")
        record = bytearray(client.data_to_send())
        record[position % len(record)] ^= 0x40
        try:
            assert server.receive(bytes(record)) == []
        except TlsError:
            continue
        assert position in {0, 3, 4}, position  # a length that waits for more


def test_good_octets_before_damage_are_given_and_the_damage_is_told() -> None:
    server, client = pair()
    pump(server, client)
    client.send(b"good")
    good = client.data_to_send()
    client.send(b"bad")
    bad = bytearray(client.data_to_send())
    bad[-1] ^= 1
    assert server.receive(good + bytes(bad)) == [b"good"]
    assert isinstance(server.failure, TlsError)
    assert server.data_to_send()  # the alert
    with pytest.raises(TlsError):
        server.receive(b"")


def test_closing() -> None:
    server, client = pair()
    pump(server, client)
    client.send(b"last")
    client.close()
    client.close()
    with pytest.raises(LocalError, match="closed"):
        client.send(b"more")
    assert server.receive(client.data_to_send()) == [b"last"]
    assert server.peer_closed
    server.close()
    client.receive(server.data_to_send())
    assert client.peer_closed


def test_closing_before_the_handshake() -> None:
    server, _ = pair()
    server.close()
    assert server.data_to_send() == b""
    with pytest.raises(LocalError):
        server.receive(b"x")


def test_a_key_of_another_curve_is_refused() -> None:
    profile = TlsProfile("other", SSL.TLS1_2_VERSION, (SUITE.decode(),), ec.SECP384R1())
    with pytest.raises(LocalError, match="secp384r1"):
        TlsServerContext(profile, IDENTITY)


def test_a_suite_that_openssl_does_not_know_is_told() -> None:
    profile = TlsProfile("static", SSL.TLS1_2_VERSION, ("ECDH-ECDSA-AES128-SHA256",))
    with pytest.raises(LocalError, match="static"):
        TlsServerContext(profile, IDENTITY)


@pytest.mark.parametrize("side", ["server", "client"])
def test_the_key_log_warns_and_logs(side: str) -> None:
    lines: list[bytes] = []
    make: dict[str, Callable[[], TlsServerContext | TlsClientContext]] = {
        "server": lambda: TlsServerContext(ISO2, IDENTITY, danger_keylog=lines.append),
        "client": lambda: TlsClientContext(ISO2, accept, danger_keylog=lines.append),
    }
    with pytest.warns(DangerWarning, match="danger_keylog"):
        context = make[side]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        engine = context.new_connection()
        other = CLIENT.new_connection() if side == "server" else SERVER.new_connection()
        pump(*((engine, other) if side == "server" else (other, engine)))
    assert len(lines) == 1
    assert lines[0].startswith(b"CLIENT_RANDOM ")


def test_errors_are_ours() -> None:
    assert issubclass(TlsError, PlugchargeError)
