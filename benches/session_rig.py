"""A car and a station in one process: session cores, TLS engines, pipes of memory, a virtual clock."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization

from plugcharge import exi, pki
from plugcharge.messages import iso2
from plugcharge.session import (
    Answer,
    AuthorizationDecision,
    AuthorizationWanted,
    ChargeScheduleOffer,
    ChargeScheduleWanted,
    ChargingUpdate,
    Environment,
    EvccConfig,
    EvccContract,
    EvccSession,
    MeterReading,
    MeterReadingWanted,
    PowerLimit,
    PowerOffWanted,
    PowerOnWanted,
    PowerResult,
    PowerSchedule,
    Question,
    SeccConfig,
    SeccSession,
    SessionCore,
    SessionEnded,
)
from plugcharge.transport.identity import TlsIdentity
from plugcharge.transport.tls import ISO2, TlsClientContext, TlsEngine, TlsServerContext

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugcharge.pki.issuing import Issued

__all__ = ["CERTIFICATES_TO_A_ROOT", "NOW", "Operations", "Rig", "handshake", "signing_key", "world"]

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CERTIFICATES_TO_A_ROOT = 3
_EMAID = "DEPLGC00000001"
_SCHEDULE = PowerSchedule(1, (PowerLimit(0, 22_000), PowerLimit(3_600, 11_000)))


@functools.cache
def world() -> pki.TestPki:
    """Every certificate of the session."""
    return pki.TestPki(b"benches", now=NOW, emaid=_EMAID)


def signing_key(issued: Issued) -> pki.SigningKey:
    """The private key of a certificate, as the session signs with it."""
    private = issued.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pki.SigningKey.from_der(private)


def handshake(client: TlsEngine, server: TlsEngine) -> None:
    """Complete a TLS handshake through memory."""
    while not (client.handshake_done and server.handshake_done):
        server.receive(client.data_to_send())
        client.receive(server.data_to_send())


@dataclass
class Operations:
    """The ECDSA operations of one session, those of the TLS handshake not counted."""

    signed: int = 0
    verified: int = 0


@dataclass
class Rig:
    """What lasts longer than a session: certificates, keys, trust, TLS contexts."""

    server: TlsServerContext = field(init=False)
    client: TlsClientContext = field(init=False)
    trusting_client: TlsClientContext = field(init=False)

    def __post_init__(self) -> None:
        pki_of_all = world()
        trust = pki.TrustStore(v2g=[pki_of_all.v2g_root.der], mo=[pki_of_all.mo_root.der])

        def verify_station(chain: Sequence[bytes]) -> None:
            pki.validate(chain, purpose=pki.Purpose.SECC, trust=trust, at=NOW)

        def accept(_chain: Sequence[bytes]) -> None:
            """The bare handshake checks nothing: the links are counted and verified by themselves."""

        secc = pki_of_all.secc
        self.server = TlsServerContext(ISO2, TlsIdentity.from_der(secc.chain, secc.key))
        self.client = TlsClientContext(ISO2, verify_station)
        self.trusting_client = TlsClientContext(ISO2, accept)
        leaf = pki_of_all.contract_leaf
        contract = EvccContract(emaid=_EMAID, chain=leaf.chain, key=signing_key(leaf))
        self._secc = SeccConfig(evse_id="DE*ABC*E0001*1", environment=_environment(1), contract_trust=trust)
        self._evcc = EvccConfig(
            evcc_id=bytes.fromhex("02aabbccddee"),
            environment=_environment(2),
            contract=contract,
            stop_after_seconds=3.0,
        )

    def bare_handshake(self) -> None:
        """Both ends of the TLS handshake alone."""
        handshake(self.trusting_client.new_connection(), self.server.new_connection())

    def session(self, tap: Callable[[bytes], None] | None = None) -> None:
        """One whole session from ClientHello to the close, both ends.

        Args:
            tap: gets every V2GTP frame.

        Raises:
            AssertionError: the session did not end as it should.
        """
        client, server = self.client.new_connection(), self.server.new_connection()
        handshake(client, server)
        car = EvccSession(self._evcc, now=0.0, secure=True)
        station = SeccSession(self._secc, now=0.0, secure=True)
        _Session(car, station, client, server, tap).run()

    def operations(self) -> Operations:
        """Count the signatures that one session makes and checks, certificate links included."""
        counted = Operations()
        counted.verified += CERTIFICATES_TO_A_ROOT  # the station's chain, when TLS is set up
        frames: list[bytes] = []
        self.session(frames.append)
        for frame in frames[2:]:  # without the choice of the protocol
            message = exi.decode(frame[8:], "iso2")
            assert isinstance(message, iso2.V2G_Message)
            if message.header.signature is not None:
                counted.signed += 1
                counted.verified += 1
            if isinstance(message.body, iso2.PaymentDetailsReq):
                counted.verified += CERTIFICATES_TO_A_ROOT  # the contract's chain
        return counted


class _Session:
    def __init__(
        self,
        car: EvccSession,
        station: SeccSession,
        client: TlsEngine,
        server: TlsEngine,
        tap: Callable[[bytes], None] | None,
    ) -> None:
        self.now = 0.0
        self.ends: tuple[tuple[SessionCore, TlsEngine, SessionCore, TlsEngine], ...] = (
            (car, client, station, server),
            (station, server, car, client),
        )
        self.cores: tuple[SessionCore, SessionCore] = (car, station)
        self.tap = tap
        self.watt_hours = 1_000_000
        self.finished: list[SessionEnded] = []

    def run(self) -> None:
        car, station = self.cores
        while not (car.closed and station.closed):
            if self.exchange():
                continue
            known = [deadline for core in self.cores if (deadline := core.next_deadline()) is not None]
            if car.closed or station.closed:
                known.append(self.now + (car if car.closed else station).close_delay)
            assert known, "nothing is left to wait for"
            self.now = max(self.now, min(known))
            for core in self.cores:
                core.timeout(self.now)
            for core, other in ((car, station), (station, car)):
                if core.closed and not other.closed:
                    other.connection_lost(self.now)
        self.answer_questions()
        assert [end.reason.value for end in self.finished] == ["terminated", "terminated"], self.finished

    def exchange(self) -> bool:
        """Move everything that waits through TLS to the other end; tell whether anything did."""
        moved = self.answer_questions()
        for core, engine, other, other_engine in self.ends:
            for frame in core.data_to_send():
                moved = True
                if self.tap is not None:
                    self.tap(frame)
                engine.send(frame)
                for plaintext in other_engine.receive(engine.data_to_send()):
                    other.receive(self.now, plaintext)
        return moved

    def answer_questions(self) -> bool:
        happened = False
        for core in self.cores:
            for event in core.events():
                happened = True
                if isinstance(event, SessionEnded):
                    self.finished.append(event)
                elif isinstance(event, Question):
                    core.answer(self.now, self.answer(event))
        return happened

    def answer(self, question: Question) -> Answer:
        ticket = question.ticket
        match question:
            case AuthorizationWanted():
                return AuthorizationDecision(ticket=ticket, accepted=True)
            case ChargeScheduleWanted():
                return ChargeScheduleOffer(ticket=ticket, schedules=(_SCHEDULE,))
            case PowerOnWanted() | PowerOffWanted():
                return PowerResult(ticket=ticket)
            case MeterReadingWanted():
                self.watt_hours += 100
                meter = MeterReading("METER-1", self.watt_hours, b"\x5a" * 64, 0, int(NOW.timestamp()))
                return ChargingUpdate(ticket=ticket, meter=meter, receipt_required=True)
        raise AssertionError(question)


def _environment(seed: int) -> Environment:
    return Environment(random=random.Random(seed).randbytes, utc=lambda: NOW)
