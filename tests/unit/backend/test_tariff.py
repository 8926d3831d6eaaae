from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from plugcharge.backend.tariff import Tariff, round_money
from plugcharge.errors import LocalError


def tariff(**changes: object) -> Tariff:
    fields: dict[str, object] = {
        "tariff_id": "t",
        "currency": "EUR",
        "price_per_kwh": Decimal("0.49"),
        "vat_rate": Decimal("0.19"),
    }
    return Tariff(**(fields | changes))  # type: ignore[arg-type]  # wrong types are what is tested


@pytest.mark.parametrize(
    ("amount", "decimals", "expected"),
    [
        (Fraction(5, 1000), 2, "0.01"),
        (Fraction(4_999_999, 1_000_000_000), 2, "0.00"),
        (Fraction(25, 1000), 2, "0.03"),  # half even would give 0.02
        (Fraction(1, 2), 0, "1"),
        (Fraction(1, 3), 4, "0.3333"),
        (Fraction(0), 2, "0.00"),
        (Fraction(10**30), 2, "1" + "0" * 30 + ".00"),  # beyond the default decimal context
    ],
)
def test_money_is_rounded_half_up_to_the_smallest_unit(
    amount: Fraction, decimals: int, expected: str
) -> None:
    assert str(round_money(amount, decimals)) == expected


def test_a_negative_amount_is_refused() -> None:
    with pytest.raises(LocalError, match="negative"):
        round_money(Fraction(-1, 100), 2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price_per_kwh", 0.49),
        ("price_per_kwh", 1),
        ("price_per_kwh", Decimal("-0.01")),
        ("price_per_kwh", Decimal("NaN")),
        ("price_per_kwh", Decimal("Infinity")),
        ("price_per_kwh", Decimal("1000000.01")),
        ("price_per_kwh", Decimal("0.0000000001")),
        ("price_per_minute", 0.02),
        ("session_fee", Decimal(-1)),
        ("vat_rate", Decimal(19)),
        ("vat_rate", 0.19),
        ("currency", "eur"),
        ("currency", "EURO"),
        ("decimals", 5),
        ("decimals", -1),
        ("decimals", True),
        ("tariff_id", ""),
        ("tariff_id", "x" * 37),
    ],
)
def test_a_field_out_of_range_is_refused_and_named(field: str, value: object) -> None:
    with pytest.raises(LocalError) as caught:
        tariff(**{field: value})
    assert caught.value.where == f"Tariff.{field}"


def test_limits_themselves_are_taken() -> None:
    widest = tariff(price_per_kwh=Decimal(1_000_000), vat_rate=Decimal(1), decimals=4, tariff_id="x" * 36)
    finest = tariff(price_per_kwh=Decimal("0.000000001"), vat_rate=Decimal(0), decimals=0)
    assert widest.price_per_kwh == 1_000_000
    assert finest.decimals == 0


def test_json_keeps_every_digit() -> None:
    before = tariff(price_per_kwh=Decimal("0.490"))
    after = msgspec.json.decode(msgspec.json.encode(before), type=Tariff)
    assert after == before
    assert str(after.price_per_kwh) == "0.490"
