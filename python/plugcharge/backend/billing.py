"""The bill of a session: lines that add up, from whole watt hours, whole seconds and exact prices."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from plugcharge.backend.instants import as_utc
from plugcharge.backend.tariff import Tariff, round_money

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugcharge.backend.metering import MeasuredEnergy

__all__ = ["MAX_BILLED_TIME", "Bill", "BillLine", "bill_session"]

# By wall clock alone, a longer session means that the clock was set; its time is flagged instead of billed.
MAX_BILLED_TIME = timedelta(days=2)
# Wall clocks that are kept right are off by less.
_CLOCK_TOLERANCE = timedelta(minutes=1)


class BillLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a bill.

    Attributes:
        item: ``"energy"``, ``"time"``, ``"session"`` or ``"vat"``.
        quantity: how much, in ``unit``: whole Wh, whole seconds, one session; for VAT the net sum it is taken
            of.
        unit: ``"Wh"``, ``"s"``, ``"session"`` or the currency.
        price: the unit price as the tariff states it (per kWh, per minute, per session), or the VAT rate.
        amount: the line's value, rounded once to the currency's smallest unit.
    """

    item: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Decimal


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """The bill of one session. There is one per session; it never changes.

    Attributes:
        session_id: the session that was billed; also the key that makes billing idempotent.
        tariff: the tariff that held when the session was authorized.
        energy_wh: billed energy in whole Wh.
        seconds: billed time in whole seconds, begun seconds not counted.
        lines: energy, time and session fee where the tariff has them, then VAT.
        total: the sum of the lines, VAT included, in ``tariff.currency``.
        flags: sentences about what a person has to check before the bill is sent; each begins with a stable
            word and a colon. Empty on a plain bill.
    """

    session_id: str
    tariff: Tariff
    energy_wh: int
    seconds: int
    lines: tuple[BillLine, ...]
    total: Decimal
    flags: tuple[str, ...] = ()

    @property
    def needs_review(self) -> bool:
        """Tell whether something about the session is doubtful."""
        return bool(self.flags)


def bill_session(
    *,
    session_id: str,
    tariff: Tariff,
    energy: MeasuredEnergy,
    authorized: datetime,
    ended: datetime,
    lasted: int | None = None,
    flags: Iterable[str] = (),
) -> Bill:
    """Make the bill of a session. The same arguments give the same bill, always.

    Rounding: each line is computed exactly and rounded once, at its end, half up, to the currency's smallest
        unit.
    VAT is a line of its own, taken of the sum of the rounded net lines. The total is the sum of all lines.

    Args:
        session_id: the session.
        tariff: the tariff fixed at authorization.
        energy: what :func:`plugcharge.backend.metering.measure` gave; its flags go onto the bill.
        authorized: when charging was allowed: time is billed from here.
        ended: when the session ended.
        lasted: whole seconds between the two, counted by a clock that nobody sets. These are billed, and the
            bill is flagged ``clock-jumped`` when ``authorized`` and ``ended`` tell another time. Without
            them ``ended`` must be 0 to 2 days after ``authorized``: otherwise no time is billed, flagged
            ``clock-jumped``.
        flags: further sentences for the reviewer.

    Raises:
        LocalError: a time has no zone.

    Example:
        >>> from datetime import UTC
        >>> from plugcharge.backend import MeasuredEnergy
        >>> prices = {"price_per_kwh": Decimal("0.49"), "vat_rate": Decimal("0.19")}
        >>> day = Tariff(tariff_id="day", currency="EUR", **prices)
        >>> start = datetime(2026, 11, 22, 8, tzinfo=UTC)
        >>> energy = MeasuredEnergy(energy_wh=12_345)
        >>> bill = bill_session(
        ...     session_id="s", tariff=day, energy=energy, authorized=start, ended=start + timedelta(hours=1)
        ... )
        >>> [(line.item, str(line.amount)) for line in bill.lines], str(bill.total)
        ([('energy', '6.05'), ('vat', '1.15')], '7.20')
    """
    seconds, clock_flags = _billable_seconds(authorized, ended, lasted)
    lines = [
        _line("energy", energy.energy_wh, "Wh", tariff.price_per_kwh, per=1000, decimals=tariff.decimals)
    ]
    if tariff.price_per_minute is not None:
        lines.append(_line("time", seconds, "s", tariff.price_per_minute, per=60, decimals=tariff.decimals))
    if tariff.session_fee is not None:
        lines.append(_line("session", 1, "session", tariff.session_fee, per=1, decimals=tariff.decimals))
    net = _sum(lines, tariff.decimals)
    vat = round_money(Fraction(net) * Fraction(tariff.vat_rate), tariff.decimals)
    lines.append(BillLine(item="vat", quantity=net, unit=tariff.currency, price=tariff.vat_rate, amount=vat))
    return Bill(
        session_id=session_id,
        tariff=tariff,
        energy_wh=energy.energy_wh,
        seconds=seconds,
        lines=tuple(lines),
        total=_sum(lines, tariff.decimals),
        flags=(*energy.flags, *clock_flags, *flags),
    )


def _billable_seconds(
    authorized: datetime, ended: datetime, lasted: int | None
) -> tuple[int, tuple[str, ...]]:
    length = as_utc(ended, where="ended") - as_utc(authorized, where="authorized")
    if lasted is not None:
        if abs(length - timedelta(seconds=lasted)) <= _CLOCK_TOLERANCE:
            return lasted, ()
        told = f"{length.total_seconds():.0f} s"
        return lasted, (f"clock-jumped: the clock tells {told}, but {lasted} s were counted and billed",)
    if not timedelta(0) <= length <= MAX_BILLED_TIME:
        return 0, (f"clock-jumped: the session would have lasted {length.total_seconds():.0f} s",)
    return length // timedelta(seconds=1), ()


def _line(item: str, quantity: int, unit: str, price: Decimal, *, per: int, decimals: int) -> BillLine:
    amount = round_money(Fraction(price) * quantity / per, decimals)
    return BillLine(item=item, quantity=Decimal(quantity), unit=unit, price=price, amount=amount)


def _sum(lines: Iterable[BillLine], decimals: int) -> Decimal:
    # Over fractions, so that the sum does not depend on the precision of the caller's decimal context.
    return round_money(sum((Fraction(line.amount) for line in lines), Fraction(0)), decimals)
