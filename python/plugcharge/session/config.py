"""What a session is told when it is made: who we are, what we can do, and the outside world it may use."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeVar

from plugcharge.errors import ChainError, LocalError
from plugcharge.identifiers import Emaid, IdentifierError
from plugcharge.messages.iso2 import EnergyTransferMode, UnitSymbol
from plugcharge.pki import PublicKey, parse_certificate
from plugcharge.session.quantities import physical
from plugcharge.session.timers_iso2 import checked
from plugcharge.session.values import Payment
from plugcharge.wire.sap import ISO2, ProtocolVersion
from plugcharge.wire.v2gtp import DEFAULT_MAX_PAYLOAD

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from enum import StrEnum

    from plugcharge.pki import SigningKey, TrustStore

__all__ = ["Environment", "EvccConfig", "EvccContract", "SeccConfig"]

_Named = TypeVar("_Named", bound="StrEnum")

_SHA256_OCTETS = 32
_AC_MODES = (EnergyTransferMode.AC_single_phase_core, EnergyTransferMode.AC_three_phase_core)


@dataclass(frozen=True, slots=True)
class Environment:
    """What a session cannot know by itself.

    Attributes:
        random: gives that many octets of a cryptographic generator (``secrets.token_bytes``) [V2G2-835].
        utc: gives the time of day with a time zone; certificates are judged by it, timers are not.

    Example:
        >>> import secrets
        >>> from datetime import datetime, UTC
        >>> world = Environment(random=secrets.token_bytes, utc=lambda: datetime.now(UTC))
        >>> len(world.random(8))
        8
    """

    random: Callable[[int], bytes]
    utc: Callable[[], datetime]

    def draw(self, length: int) -> bytes:
        """Give random octets.

        Raises:
            LocalError: the generator gave another length.
        """
        octets = self.random(length)
        if len(octets) != length:
            raise LocalError(f"the random source gave {len(octets)} octets", why=f"{length} were asked for")
        return octets

    def time(self) -> datetime:
        """Give the time in UTC.

        Raises:
            LocalError: the clock gave a time without a zone.
        """
        at = self.utc()
        if at.tzinfo is None:
            raise LocalError("the clock gave a time without a zone", advice="use datetime.now(UTC)")
        return at.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeccConfig:
    """One outlet of a station. It holds no state and may be used for any number of sessions.

    Attributes:
        evse_id: 7 to 37 characters; ``"ZZ00000"`` when the outlet has no id.
        environment: randomness and time of day.
        contract_trust: roots that contracts are trusted by (MO and V2G); ``None`` when Plug and Charge is
            not served. It is offered only over TLS [V2G2-634].
        payments: what is offered, in this order; text such as ``"Contract"`` is taken as well.
        energy_transfer_modes: what is offered; AC only.
        nominal_voltage: volts from line to neutral.
        max_current: amperes a phase.
        min_current: amperes a phase; a car that takes less than this is refused [V2G2-477].
        free_service: charging costs nothing.
        protocols: what is served.
        chain_rules: how strictly contract chains are judged.
        revoked: certificates that are known to be revoked, as :func:`plugcharge.pki.validate` takes them:
            certificates in DER, or pairs of the issuer's name in DER and the serial number. Looked at anew
            for every contract, so a collection that the host keeps up to date is best.
        revoked_signed_parts: the same, as SHA-256 of what the issuer signed.
        danger_bad_receipts_taken: answer a receipt with OK although it is wrong or not signed well; it is
            still reported as ``ReceiptRefused``. The standard leaves the check to the station [V2G2-904].
        answer_patience: seconds to wait for the host before ``Ongoing`` is answered.
        failed_grace: seconds between a FAILED response and the close, in which SessionStop is still
            answered. Conformance tests allow 5 in all.
        close_delay: seconds to leave the car for closing first after SessionStop.
        timers: other values for single timers, by name (:class:`plugcharge.session.timers_iso2.Timer`).
        max_payload: longest message in octets.
    """

    evse_id: str
    environment: Environment
    contract_trust: TrustStore | None = None
    payments: tuple[Payment, ...] = (Payment.CONTRACT,)
    energy_transfer_modes: tuple[EnergyTransferMode, ...] = (EnergyTransferMode.AC_three_phase_core,)
    nominal_voltage: float = 230.0
    max_current: float = 32.0
    min_current: float = 6.0
    free_service: bool = False
    protocols: tuple[ProtocolVersion, ...] = (ISO2,)
    chain_rules: Literal["strict", "interop"] = "strict"
    revoked: Collection[bytes | tuple[bytes, int]] = frozenset()
    revoked_signed_parts: Collection[bytes] = frozenset()
    danger_bad_receipts_taken: bool = False
    answer_patience: float = 0.5
    failed_grace: float = 4.5
    close_delay: float = 5.0
    timers: Mapping[str, float] = field(default_factory=dict)
    max_payload: int = DEFAULT_MAX_PAYLOAD

    def __post_init__(self) -> None:
        if not 7 <= len(self.evse_id) <= 37:
            raise LocalError("an EVSEID has 7 to 37 characters", where="SeccConfig.evse_id", why=self.evse_id)
        _set(self, "payments", _named(Payment, self.payments, "SeccConfig.payments"))
        modes = _named(EnergyTransferMode, self.energy_transfer_modes, "SeccConfig.energy_transfer_modes")
        _set(self, "energy_transfer_modes", modes)
        _check_modes(self.energy_transfer_modes, "SeccConfig.energy_transfer_modes")
        _check_sendable(self.nominal_voltage, self.max_current, self.min_current)
        if not 0 < self.min_current <= self.max_current or self.nominal_voltage <= 0:
            raise LocalError(
                "the outlet's limits do not fit",
                where="SeccConfig",
                why="0 < min_current <= max_current and nominal_voltage > 0",
            )
        if not self.payments or len(set(self.payments)) != len(self.payments):
            raise LocalError("a station offers one or two different ways to pay", where="SeccConfig.payments")
        _check_waiting("SeccConfig", self.answer_patience, self.failed_grace, self.close_delay)
        if self.chain_rules not in {"strict", "interop"}:
            raise LocalError(
                f"there are no rules {self.chain_rules!r}",
                where="SeccConfig.chain_rules",
                advice="strict or interop",
            )
        _check_revoked(self)
        checked(self.timers)

    def offered_payments(self, *, secure: bool) -> tuple[Payment, ...]:
        """Give what this outlet offers: contracts only over TLS and with roots to judge them by.

        The station must not offer them otherwise [V2G2-634].
        """
        contract = secure and self.contract_trust is not None
        return tuple(payment for payment in self.payments if payment == Payment.EXTERNAL or contract)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvccContract:
    """The contract a car charges with.

    Attributes:
        emaid: 14 or 15 characters, as in the certificate's CN.
        chain: certificates as DER: the contract certificate, then its issuers; no root, at most 5 in all.
        key: the private key of the first one.
    """

    emaid: str
    chain: tuple[bytes, ...]
    key: SigningKey = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.chain) <= 5 or any(len(certificate) > 800 for certificate in self.chain):
            raise LocalError(
                "a contract chain has 1 to 5 certificates of at most 800 octets each",
                where="EvccContract.chain",
                why=f"{[len(certificate) for certificate in self.chain]} octets [V2G2-010]",
            )
        try:
            Emaid.parse(self.emaid)
        except IdentifierError as error:
            raise LocalError(
                "the contract has no valid eMAID", where="EvccContract", why=str(error)
            ) from error
        if PublicKey.from_certificate(self.chain[0]) != self.key.public_key:
            raise LocalError(
                "the private key is not that of the contract certificate",
                where="EvccContract.key",
                why="[V2G2-823]",
            )

    @property
    def emaid_on_the_wire(self) -> str:
        """The eMAID without separators, 14 or 15 characters."""
        return self.emaid.replace("-", "")

    @property
    def canonical_emaid(self) -> str:
        """The eMAID to compare by: 14 upper-case characters."""
        return Emaid.parse(self.emaid).canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class EvccConfig:
    """One car. It holds no state and may be used for any number of sessions.

    Attributes:
        evcc_id: 1 to 6 octets, usually the MAC address.
        environment: randomness and time of day.
        contract: what to pay with; ``None`` when the car has no contract.
        payments: ways to pay in the order of preference; the first one that the station offers (and for a
            contract: that is possible over this connection [V2G2-635]) is taken.
        energy_transfer_mode: AC only.
        protocols: what is offered, the best one first.
        energy_wanted: watt hours, told to the station.
        departure_time: seconds from now, told to the station; ``None`` for none.
        max_voltage: the car's limit, volts from line to neutral.
        max_current: the car's limit, amperes a phase.
        min_current: amperes a phase below which the car does not charge.
        stop_after_energy: stop when the meter has counted that many watt hours; ``None`` for never.
        stop_after_seconds: stop after that time of charging; ``None`` for never.
        ask_charging_profile: ask the host for schedule and profile; otherwise the core decides: most energy,
            as much power as schedule and car allow.
        ask_continue: ask the host after each status whether to go on.
        repeat_pause: seconds between an ``Ongoing`` and the next request; at least 0.1.
        status_pause: seconds between two ChargingStatusReq; at least 0.1.
        setup_budget: seconds left until SessionSetupRes, of the 20 after plugging in [V2G2-605].
        timers: other values for single timers, by name (:class:`plugcharge.session.timers_iso2.Timer`).
        max_payload: longest message in octets.
    """

    evcc_id: bytes
    environment: Environment
    contract: EvccContract | None = None
    payments: tuple[Payment, ...] = (Payment.CONTRACT,)
    energy_transfer_mode: EnergyTransferMode = EnergyTransferMode.AC_three_phase_core
    protocols: tuple[ProtocolVersion, ...] = (ISO2,)
    energy_wanted: int = 20_000
    departure_time: int | None = None
    max_voltage: float = 400.0
    max_current: float = 32.0
    min_current: float = 6.0
    stop_after_energy: int | None = None
    stop_after_seconds: float | None = None
    ask_charging_profile: bool = False
    ask_continue: bool = False
    repeat_pause: float = 0.2
    status_pause: float = 1.0
    setup_budget: float = 20.0
    timers: Mapping[str, float] = field(default_factory=dict)
    max_payload: int = DEFAULT_MAX_PAYLOAD

    def __post_init__(self) -> None:
        if not 1 <= len(self.evcc_id) <= 6:
            raise LocalError("an EVCCID of -2 has 1 to 6 octets", where="EvccConfig.evcc_id")
        _set(self, "payments", _named(Payment, self.payments, "EvccConfig.payments"))
        modes = _named(EnergyTransferMode, (self.energy_transfer_mode,), "EvccConfig.energy_transfer_mode")
        _set(self, "energy_transfer_mode", modes[0])
        _check_modes(modes, "EvccConfig.energy_transfer_mode")
        _check_sendable(self.max_voltage, self.max_current, self.min_current, self.energy_wanted)
        goal = 0.0 if self.stop_after_seconds is None else self.stop_after_seconds
        _check_waiting("EvccConfig", self.repeat_pause, self.status_pause, self.setup_budget, goal)
        checked(self.timers)
        if self.repeat_pause < 0.1 or self.status_pause < 0.1:
            raise LocalError("a car asks at most ten times a second", where="EvccConfig")
        if not 0 < self.min_current <= self.max_current or self.max_voltage <= 0 or self.energy_wanted < 0:
            raise LocalError("the car's limits do not fit", where="EvccConfig")
        if self.departure_time is not None and not 0 <= self.departure_time < 1 << 32:
            raise LocalError("the departure time has 32 bits", where="EvccConfig.departure_time")


def _check_modes(modes: tuple[EnergyTransferMode, ...], where: str) -> None:
    if not modes or any(mode not in _AC_MODES for mode in modes):
        raise LocalError(
            f"energy transfer {', '.join(modes) or 'nothing'} is not served",
            where=where,
            why="only AC_single_phase_core and AC_three_phase_core are",
        )


def _named(kind: type[_Named], given: Iterable[str], where: str) -> tuple[_Named, ...]:
    """Take members by their text as well: a configuration that was read from a file has no members."""
    try:
        return tuple(kind(value) for value in given)
    except ValueError as error:
        raise LocalError(str(error), where=where, why=f"known: {', '.join(kind)}") from error


def _check_revoked(config: SeccConfig) -> None:
    if any(len(digest) != _SHA256_OCTETS for digest in config.revoked_signed_parts):
        raise LocalError("a SHA-256 has 32 octets", where="SeccConfig.revoked_signed_parts")
    for item in config.revoked:
        if isinstance(item, bytes):
            try:
                parse_certificate(item)
            except ChainError as error:
                raise LocalError(
                    "this is no certificate that could be revoked",
                    where="SeccConfig.revoked",
                    why=error.what,
                    advice="give the certificate in DER, or its issuer and serial number",
                ) from error


def _set(config: object, name: str, value: object) -> None:
    object.__setattr__(config, name, value)  # the classes are frozen for everybody else


def _check_sendable(*amounts: float) -> None:
    for amount in amounts:
        physical(amount, UnitSymbol.A)  # raises for what no message can carry; the unit makes no difference


def _check_waiting(where: str, *times: float) -> None:
    if not all(math.isfinite(seconds) and seconds >= 0 for seconds in times):
        raise LocalError("waiting times are finite and not negative", where=where)
