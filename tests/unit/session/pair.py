"""A car and a station in memory: both cores, a virtual clock, no sockets, and a wire that a test can bend."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.hazmat.primitives import serialization

from plugcharge import exi, pki
from plugcharge.messages import Message, iso2, sap
from plugcharge.session import (
    Answer,
    AuthorizationDecision,
    AuthorizationWanted,
    ChargeScheduleOffer,
    ChargeScheduleWanted,
    ChargingProfileChoice,
    ChargingProfileWanted,
    ChargingUpdate,
    ContinueCharging,
    ContinueChargingWanted,
    Environment,
    EvccConfig,
    EvccContract,
    EvccSession,
    Event,
    MessageSent,
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
from plugcharge.wire.v2gtp import pack

if TYPE_CHECKING:
    from plugcharge.pki.issuing import Issued

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
EVSE_ID = "DE*ABC*E0001*1"
EMAID = "DEPLGC00000001"
Tap = Callable[[str, int, bytes], list[bytes]]
Host = Callable[[Question], Answer | None]


@functools.cache
def test_pki() -> pki.TestPki:
    return pki.TestPki(b"session tests", now=NOW)


test_pki.__test__ = False  # type: ignore[attr-defined]  # pytest would take the name for a test


def key_of(issued: Issued) -> pki.SigningKey:
    return pki.SigningKey.from_der(
        issued.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


@functools.cache
def contract() -> EvccContract:
    leaf = test_pki().contract_leaf
    return EvccContract(emaid=EMAID, chain=leaf.chain, key=key_of(leaf))


@functools.cache
def trust() -> pki.TrustStore:
    return pki.TrustStore(mo=[test_pki().mo_root.der])


def environment(seed: int) -> Environment:
    return Environment(random=random.Random(seed).randbytes, utc=lambda: NOW)


def secc_config(**changes: Any) -> SeccConfig:
    base = SeccConfig(evse_id=EVSE_ID, environment=environment(1), contract_trust=trust())
    return replace(base, **changes)


def evcc_config(**changes: Any) -> EvccConfig:
    base = EvccConfig(
        evcc_id=bytes.fromhex("02aabbccddee"),
        environment=environment(2),
        contract=contract(),
        stop_after_seconds=3.0,
    )
    return replace(base, **changes)


SCHEDULE = PowerSchedule(1, (PowerLimit(0, 22_000), PowerLimit(3_600, 11_000)))


@dataclass
class Hosts:
    """What a friendly station and a friendly car answer; tests replace single entries."""

    watt_hours: int = 1_000_000
    receipts: bool = True
    replies: dict[type[Question], Callable[[Any], Answer | None]] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)

    def __call__(self, question: Question) -> Answer | None:
        self.asked.append(question)
        reply = self.replies.get(type(question))
        return reply(question) if reply else self.usual(question)

    def usual(self, question: Question) -> Answer:
        ticket = question.ticket
        match question:
            case AuthorizationWanted():
                return AuthorizationDecision(ticket=ticket, accepted=True)
            case ChargeScheduleWanted():
                return ChargeScheduleOffer(ticket=ticket, schedules=(SCHEDULE,))
            case PowerOnWanted() | PowerOffWanted():
                return PowerResult(ticket=ticket)
            case MeterReadingWanted():
                self.watt_hours += 100
                meter = MeterReading("METER-1", self.watt_hours, b"\x5a" * 64, 0, int(NOW.timestamp()))
                return ChargingUpdate(ticket=ticket, meter=meter, receipt_required=self.receipts)
            case ChargingProfileWanted(proposal_tuple_id=tuple_id, proposal=proposal):
                return ChargingProfileChoice(ticket=ticket, tuple_id=tuple_id, profile=proposal)
            case ContinueChargingWanted():
                return ContinueCharging(ticket=ticket, go_on=True)
        raise AssertionError(question)


def never(_: Question) -> Answer | None:
    return None


class Pair:
    """EVCC against SECC.

    Args:
        tap: sees each frame as ("car" or "station", number, octets) and gives what arrives instead.
        cut: splits what arrives into pieces.
    """

    def __init__(
        self,
        *,
        secc: SeccConfig | None = None,
        evcc: EvccConfig | None = None,
        secure: bool = True,
        hosts: Hosts | None = None,
        tap: Tap | None = None,
        cut: Callable[[bytes], list[bytes]] | None = None,
    ) -> None:
        self.now = 1_000.0
        self.hosts = hosts or Hosts()
        self.station = SeccSession(secc or secc_config(), now=self.now, secure=secure)
        self.car = EvccSession(evcc or evcc_config(), now=self.now, secure=secure)
        self.tap = tap
        self.cut = cut
        self.events: dict[str, list[Event]] = {"car": [], "station": []}
        self.frames = {"car": 0, "station": 0}
        self.closing: dict[str, float] = {}

    def core(self, side: str) -> SessionCore:
        return self.car if side == "car" else self.station

    def run(self, seconds: float = 600.0) -> Pair:
        """Go on until both ends are over, or nothing happens any more."""
        end = self.now + seconds
        while self.now <= end:
            if self.exchange():
                continue
            if self.car.closed and self.station.closed:
                break
            deadlines = (self.car.next_deadline(), self.station.next_deadline(), *self.closing.values())
            known = [deadline for deadline in deadlines if deadline is not None]
            if not known:
                break
            if min(known) > end:
                self.now = end
                break
            self.now = max(self.now, min(known))
            for core in (self.car, self.station):
                core.timeout(self.now)
            for side, at in list(self.closing.items()):
                if at <= self.now:
                    del self.closing[side]
                    self.core(side).connection_lost(self.now)
        self.collect()
        return self

    def exchange(self) -> bool:
        """Move everything that waits once; tell whether anything did."""
        moved = self.collect()
        for side, other in (("car", "station"), ("station", "car")):
            for frame in self.core(side).data_to_send():
                moved = True
                number = self.frames[side]
                self.frames[side] += 1
                arriving = [frame] if self.tap is None else self.tap(side, number, frame)
                for octets in arriving:
                    for piece in [octets] if self.cut is None else self.cut(octets):
                        self.core(other).receive(self.now, piece)
            if self.core(side).closed and not self.core(other).closed and other not in self.closing:
                self.closing[other] = self.now + self.core(side).close_delay
        return moved

    def collect(self) -> bool:
        happened = False
        for side in ("car", "station"):
            for event in self.core(side).events():
                happened = True
                self.events[side].append(event)
                if isinstance(event, Question):
                    answer = self.hosts(event)
                    if answer is not None:
                        self.core(side).answer(self.now, answer)
        return happened

    def of(self, side: str, kind: type[Any]) -> list[Any]:
        return [event for event in self.events[side] if isinstance(event, kind)]

    def ended(self, side: str) -> SessionEnded:
        ends = self.of(side, SessionEnded)
        assert len(ends) == 1, ends
        end = ends[0]
        assert isinstance(end, SessionEnded)
        return end


def sent(pair: Pair, kind: type[Message] | None = None) -> list[Any]:
    messages = [event.message for event in pair.of("car", MessageSent)]
    bodies = [getattr(message, "body", message) for message in messages]
    return bodies if kind is None else [body for body in bodies if type(body) is kind]


def altering(kind: type[Message], change: Callable[[Any], Message], *, times: int = 1_000) -> Tap:
    """Make a tap that changes responses of one kind, the first ``times`` of them."""
    left = [times]

    def tap(side: str, number: int, frame: bytes) -> list[bytes]:
        if side == "car" or number == 0:
            return [frame]
        message = exi.decode(frame[8:], "iso2")
        assert isinstance(message, iso2.V2G_Message)
        if type(message.body) is not kind or left[0] == 0:
            return [frame]
        left[0] -= 1
        changed = change(message)
        return [pack(0x8001, exi.encode(changed, limits=False))]

    return tap


def with_body(**changes: Any) -> Callable[[Any], Message]:
    """Change fields of the body."""
    return lambda message: msgspec.structs.replace(
        message, body=msgspec.structs.replace(message.body, **changes)
    )


class Driver:
    """Speaks to a station message by message, as a car that may do anything."""

    def __init__(
        self, config: SeccConfig | None = None, *, secure: bool = True, hosts: Hosts | None = None
    ) -> None:
        self.now = 0.0
        self.hosts = hosts or Hosts()
        self.events: list[Event] = []
        self.core = SeccSession(config or secc_config(), now=self.now, secure=secure)
        self.session_id = bytes(8)
        self.challenge = b""
        self.raw: list[bytes] = []

    def pump(self) -> list[Message]:
        """Answer questions and give the messages that came, until nothing is left to do now."""
        messages: list[Message] = []
        while True:
            events = self.core.events()
            self.events += events
            for event in events:
                if isinstance(event, Question) and (answer := self.hosts(event)) is not None:
                    self.core.answer(self.now, answer)
            frames = self.core.data_to_send()
            for frame in frames:
                self.raw.append(frame[8:])
                schema = "sap" if not messages and len(self.raw) == 1 else "iso2"
                messages.append(exi.decode(frame[8:], schema))
            if not events and not frames:
                return messages

    def frame(self, octets: bytes) -> list[Message]:
        self.core.receive(self.now, octets)
        return self.pump()

    def sap(self) -> sap.SupportedAppProtocolRes:
        from plugcharge.wire.sap import ISO2, offer

        (response,) = self.frame(pack(0x8001, exi.encode(offer([ISO2]))))
        assert isinstance(response, sap.SupportedAppProtocolRes)
        return response

    def message(
        self, body: Message, *, session_id: bytes | None = None, signer: Any = None, signature: Any = None
    ) -> bytes:
        from plugcharge import sign

        if signer is not None:
            signature = sign.sign_elements([body], signer)
        header = iso2.MessageHeader(
            session_id=self.session_id if session_id is None else session_id, signature=signature
        )
        message = iso2.V2G_Message(header=header, body=body)  # type: ignore[arg-type]  # any body, on purpose
        return pack(0x8001, exi.encode(message, limits=False))

    def ask(self, body: Message, **header: Any) -> Any:
        """Send a request and give the body of the response, ``None`` when there was none."""
        messages = self.frame(self.message(body, **header))
        if not messages:
            return None
        (message,) = messages
        assert isinstance(message, iso2.V2G_Message)
        self.header = message.header
        return message.body

    def wait(self, seconds: float) -> list[Message]:
        self.now += seconds
        self.core.timeout(self.now)
        return self.pump()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def ended(self) -> SessionEnded:
        (end,) = self.of(SessionEnded)
        assert isinstance(end, SessionEnded)
        return end

    # -- the way to a state ------------------------------------------------------------------------------

    def to(self, state: str) -> Driver:
        """Go the usual way until the station is in that state."""
        for name, step in _STEPS:
            if self.core.state == state:
                return self
            step(self)
            assert self.core.state == name, (self.core.state, name, self.events[-3:])
        assert self.core.state == state, state
        return self


AC_LIMITS = iso2.AC_EVChargeParameter(
    e_amount=iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.Wh, value=20_000),
    ev_max_voltage=iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.V, value=400),
    ev_max_current=iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.A, value=32),
    ev_min_current=iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.A, value=6),
)
PARAMETERS = iso2.ChargeParameterDiscoveryReq(
    requested_energy_transfer_mode=iso2.EnergyTransferMode.AC_three_phase_core, ev_charge_parameter=AC_LIMITS
)
START = iso2.PowerDeliveryReq(charge_progress=iso2.ChargeProgress.Start, sa_schedule_tuple_id=1)
STOP = iso2.PowerDeliveryReq(charge_progress=iso2.ChargeProgress.Stop, sa_schedule_tuple_id=1)
RENEGOTIATE = iso2.PowerDeliveryReq(charge_progress=iso2.ChargeProgress.Renegotiate, sa_schedule_tuple_id=1)
TERMINATE = iso2.SessionStopReq(charging_session=iso2.ChargingSession.Terminate)
PAUSE = iso2.SessionStopReq(charging_session=iso2.ChargingSession.Pause)
SELECTION = iso2.PaymentServiceSelectionReq(
    selected_payment_option=iso2.PaymentOption.Contract,
    selected_service_list=iso2.SelectedServiceList(selected_service=(iso2.SelectedService(service_id=1),)),
)


def payment_details(leaf: Issued | None = None, emaid: str = EMAID) -> iso2.PaymentDetailsReq:
    chain = (leaf or test_pki().contract_leaf).chain
    return iso2.PaymentDetailsReq(
        emaid=emaid,
        contract_signature_cert_chain=iso2.CertificateChain(
            certificate=chain[0], sub_certificates=iso2.SubCertificates(certificate=chain[1:])
        ),
    )


def _setup(driver: Driver) -> None:
    driver.ask(iso2.SessionSetupReq(evcc_id=bytes(6)), session_id=bytes(8))
    driver.session_id = driver.header.session_id


def _details(driver: Driver) -> None:
    driver.challenge = driver.ask(payment_details()).gen_challenge


def authorization(driver: Driver, key: pki.SigningKey | None = None) -> Any:
    request = iso2.AuthorizationReq(id="ID1", gen_challenge=driver.challenge)
    return driver.ask(request, signer=key or contract().key)


_STEPS: tuple[tuple[str, Callable[[Driver], Any]], ...] = (
    ("WaitForSessionSetup", Driver.sap),
    ("WaitForServiceDiscovery", _setup),
    ("WaitForPaymentServiceSelection", lambda driver: driver.ask(iso2.ServiceDiscoveryReq())),
    ("WaitForPaymentDetailsOrInstallation", lambda driver: driver.ask(SELECTION)),
    ("WaitForAuthorization", _details),
    ("WaitForChargeParameterDiscovery", authorization),
    ("WaitForPowerDelivery", lambda driver: driver.ask(PARAMETERS)),
    ("WaitForChargingStatus", lambda driver: driver.ask(START)),
    ("WaitForMeteringReceipt", lambda driver: driver.ask(iso2.ChargingStatusReq())),
)


def _detour(driver: Driver, state: str, *bodies: Message) -> Driver:
    for body in bodies:
        driver.ask(body)
    assert driver.core.state == state, driver.core.state
    return driver


def driver_in(state: str, **settings: Any) -> Driver:
    """Give a driver whose station is in that state."""
    driver = Driver(**settings)
    match state:
        case "WaitForPaymentDetails":
            driver.to("WaitForPaymentDetailsOrInstallation")
            return _detour(driver, state, installation())
        case "WaitForChargeParameterDiscoveryWhileCharging":
            return _detour(driver.to("WaitForChargingStatus"), state, RENEGOTIATE)
        case "WaitForPowerDeliveryWhileCharging":
            return _detour(driver.to("WaitForChargingStatus"), state, RENEGOTIATE, PARAMETERS)
        case "WaitForSessionStop":
            return _detour(driver.to("WaitForChargingStatus"), state, STOP)
        case "Failed":
            driver.to("WaitForServiceDiscovery")
            return _detour(driver, state, STOP)
    return driver.to(state)


def installation() -> iso2.CertificateInstallationReq:
    from plugcharge.messages import xmldsig

    root = xmldsig.X509IssuerSerial(x509_issuer_name="CN=root", x509_serial_number=1)
    return iso2.CertificateInstallationReq(
        id="id1",
        oem_provisioning_cert=test_pki().provisioning_leaf.der,
        list_of_root_certificate_ids=iso2.ListOfRootCertificateIDs(root_certificate_id=(root,)),
    )


def samples() -> dict[type[Message], Message]:
    """One valid message of each request of -2."""
    volts = iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.V, value=400)
    amperes = iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.A, value=1)
    status = iso2.DC_EVStatus(ev_ready=True, ev_error_code=iso2.DC_EVErrorCode.NO_ERROR, ev_ress_soc=50)
    chain = payment_details().contract_signature_cert_chain
    bodies: tuple[Message, ...] = (
        iso2.AuthorizationReq(),
        iso2.CableCheckReq(dc_ev_status=status),
        installation(),
        iso2.CertificateUpdateReq(
            id="id1",
            contract_signature_cert_chain=chain,
            emaid=EMAID,
            list_of_root_certificate_ids=installation().list_of_root_certificate_ids,
        ),
        PARAMETERS,
        iso2.ChargingStatusReq(),
        iso2.CurrentDemandReq(
            dc_ev_status=status,
            ev_target_current=amperes,
            charging_complete=False,
            ev_target_voltage=volts,
        ),
        iso2.MeteringReceiptReq(session_id=bytes(8), meter_info=iso2.MeterInfo(meter_id="METER-1")),
        payment_details(),
        SELECTION,
        START,
        iso2.PreChargeReq(dc_ev_status=status, ev_target_voltage=volts, ev_target_current=amperes),
        iso2.ServiceDetailReq(service_id=1),
        iso2.ServiceDiscoveryReq(),
        iso2.SessionSetupReq(evcc_id=bytes(6)),
        TERMINATE,
        iso2.WeldingDetectionReq(dc_ev_status=status),
    )
    return {type(body): body for body in bodies}
