"""What a session costs: exact decimal prices, and the one place where money is rounded."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from plugcharge.errors import LocalError

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["Tariff", "round_money"]

_CURRENCY = re.compile(r"[A-Z]{3}")
# Widest price that is taken: keeps every product far inside what text columns and other systems can hold.
_MAX_PRICE = Decimal(1_000_000)
_MAX_PLACES = 9


def round_money(amount: Fraction, decimals: int) -> Decimal:
    """Round an exact amount to the currency's smallest unit, halves away from zero (ROUND_HALF_UP).

    This is the only rounding of money in the package. It happens once per line of a bill, at its end; the
    total is the sum of the rounded lines, so a bill always adds up as printed.

    Args:
        amount: the exact value, not negative.
        decimals: places after the point of the currency's smallest unit (2 for EUR, 0 for JPY).

    Raises:
        LocalError: the amount is negative.

    Example:
        >>> from fractions import Fraction
        >>> round_money(Fraction(5, 1000), 2), round_money(Fraction(4999, 1_000_000), 2)
        (Decimal('0.01'), Decimal('0.00'))
    """
    if amount < 0:
        raise LocalError(f"a bill has no negative amounts, but one is {amount}", where="round_money")
    units = (amount * 10**decimals * 2 + 1) // 2
    return Decimal((0, Decimal(units).as_tuple().digits, -decimals))


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """The price of a session, net of VAT. A session keeps the tariff it was authorized with.

    When the price list changes while a car is charging, the session is billed by the tariff that stood in the
    answer which let it charge; the new price holds from the next session on.

    Attributes:
        tariff_id: the name of the tariff, 1 to 36 characters.
        currency: ISO 4217 code, three capitals.
        price_per_kwh: net price of 1000 Wh.
        price_per_minute: net price of 60 seconds between authorization and end, counted by the second;
            ``None`` for none.
        session_fee: net price of having a session at all; ``None`` for none.
        vat_rate: as a fraction of one: ``Decimal("0.19")`` for 19 %.
        decimals: places of the currency's smallest unit, 0 to 4.

    Raises:
        LocalError: a price is negative, not finite, not a ``Decimal`` (a float is refused, never converted),
            has more than 9 places or is above 1,000,000; or another field is out of its range.

    Example:
        >>> Tariff(tariff_id="t", currency="EUR", price_per_kwh=0.49, vat_rate=Decimal("0.19"))
        Traceback (most recent call last):
            ...
        plugcharge.errors.LocalError: a price must be a Decimal, not float (at Tariff.price_per_kwh) ...
    """

    tariff_id: str
    currency: str
    price_per_kwh: Decimal
    vat_rate: Decimal
    price_per_minute: Decimal | None = None
    session_fee: Decimal | None = None
    decimals: int = 2

    def __post_init__(self) -> None:
        if not 1 <= len(self.tariff_id) <= 36:
            raise LocalError("a tariff needs an id of 1 to 36 characters", where="Tariff.tariff_id")
        if not _CURRENCY.fullmatch(self.currency):
            raise LocalError(
                f"{self.currency!r} is no currency code",
                where="Tariff.currency",
                advice="three capitals, as EUR",
            )
        if type(self.decimals) is not int or not 0 <= self.decimals <= 4:
            raise LocalError("a smallest unit has 0 to 4 places", where="Tariff.decimals")
        _check_price(self.price_per_kwh, "price_per_kwh", _MAX_PRICE)
        _check_price(self.vat_rate, "vat_rate", Decimal(1))
        for field in ("price_per_minute", "session_fee"):
            price: Decimal | None = getattr(self, field)
            if price is not None:
                _check_price(price, field, _MAX_PRICE)


def _check_price(price: Decimal, field: str, most: Decimal) -> None:
    where = f"Tariff.{field}"
    if not isinstance(price, Decimal):
        raise LocalError(
            f"a price must be a Decimal, not {type(price).__name__}",
            where=where,
            advice='write Decimal("0.49"): a float has no exact cents',
        )
    if not price.is_finite() or price.is_signed() or price > most:
        raise LocalError(f"{price} is not a price between 0 and {most}", where=where)
    exponent = price.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_MAX_PLACES:
        raise LocalError(f"{price} has more than {_MAX_PLACES} places", where=where)
