"""eMAID, EVSEID and PCID: accepted forms, canonical form, check digits."""

from __future__ import annotations

import pytest

from plugcharge.errors import PlugchargeError
from plugcharge.identifiers import Emaid, Evseid, IdentifierError, Pcid, emaid_check_digit, same_contract

# Published ids whose check digit is the one given (open implementations and the eMAID papers quote them).
PUBLISHED = [
    "NN123ABCDEFGHIT",
    "FRXYZ1234567892",
    "ITA1B2C3E4F5G64",
    "ESZU8WOX834H1DR",
    "PT73902837ABCZZ",
    "DE83DUIEN83QGZD",
    "DE83DUIEN83ZGQM",
    "DE8AA0012345670",
    "NLTNM000122045U",
    "GBTWK012345678V",
    "GBTWK123456789B",
    "CSKTH5U8TC90A1S",
    "IHRFRNPCZVPPVEW",
    "UKSWI123456789G",
]
# Ids in circulation whose digit does not fit, with the one that would.
WRONG_IN_THE_FIELD = [("DE8AA00123A563N", "M"), ("UKSWI123456791A", "5"), ("UKSWI123456789A", "G")]


@pytest.mark.parametrize("text", PUBLISHED)
def test_published_check_digits(text: str) -> None:
    emaid = Emaid.parse(text)
    assert emaid.check_digit_ok is True
    assert emaid_check_digit(text[:14]) == text[14]
    assert emaid.with_check_digit == text


@pytest.mark.parametrize(("text", "right"), WRONG_IN_THE_FIELD)
def test_a_wrong_check_digit_is_reported_and_accepted(text: str, right: str) -> None:
    emaid = Emaid.parse(text)
    assert emaid.check_digit_ok is False
    assert emaid.canonical == text[:14]
    assert emaid.with_check_digit[-1] == right


@pytest.mark.parametrize(
    "text",
    [
        "DE8AA001234567",
        "de8aa001234567",
        "DE-8AA-001234567",
        "DE8AA0012345670",
        "de-8aa-001234567-0",
        "DE-8AA-0012345670",
        "DE-8AA001234567",
    ],
)
def test_every_form_of_an_emaid_is_the_same_contract(text: str) -> None:
    emaid = Emaid.parse(text)
    assert emaid.canonical == str(emaid) == "DE8AA001234567"
    assert emaid.provider == "DE8AA"
    assert emaid.as_sent == text
    assert emaid == Emaid.parse("DE8AA001234567")
    assert hash(emaid) == hash(Emaid.parse("DE8AA001234567"))
    assert same_contract(text, "DE8AA001234567")
    assert same_contract(emaid, Emaid.parse("de8aa001234567"))


def test_without_check_digit_nothing_is_said_about_it() -> None:
    assert Emaid.parse("DE8AA001234567").check_digit_ok is None


def test_different_contracts_differ() -> None:
    assert not same_contract("DE8AA001234567", "DE8AA001234568")
    # the 15th character is a check digit, never part of the id
    assert same_contract("DE8AA001234567A", "DE8AA001234567B")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DE8AA00123456",  # 13
        "DE8AA001234567AB",  # 16
        "D18AA001234567",  # digit in the country code
        "DE--8AA001234567",
        "DE8AA001234567-",
        "DE8AA001234567\n",
        " DE8AA001234567",
        "DE*8AA*001234567",
        "DEßAA001234567",
        "DE8AA00123456\u0661",  # a digit of another script
        "\u212aE8AA001234567",  # Kelvin sign, which lower-cases to k
        "x" * 10_000,
    ],
)
def test_what_is_no_emaid_is_refused(text: str) -> None:
    with pytest.raises(IdentifierError) as refused:
        Emaid.parse(text)
    assert isinstance(refused.value, PlugchargeError)
    assert isinstance(refused.value, ValueError)
    assert len(str(refused.value)) < 500
    with pytest.raises(IdentifierError):
        same_contract(text, "DE8AA001234567")


@pytest.mark.parametrize("text", ["de8aa001234567", "DE8AA0012345670", "DE8AA00123456-", ""])
def test_the_check_digit_wants_the_canonical_form(text: str) -> None:
    with pytest.raises(IdentifierError):
        emaid_check_digit(text)


@pytest.mark.parametrize(
    ("text", "canonical", "operator", "outlet"),
    [
        ("DE*ABC*E12345", "DEABCE12345", "DEABC", "12345"),
        ("DEABCE12345", "DEABCE12345", "DEABC", "12345"),
        ("de*abc*e12*3a", "DEABCE12*3A", "DEABC", "12*3A"),
        ("FR*A23*E" + "1" * 29, "FRA23E" + "1" * 29, "FRA23", "1" * 29),
        ("DEABCE1", "DEABCE1", "DEABC", "1"),
        ("+49*810*000*438", "49*810*000*438", "49*810", "000*438"),
        ("49*810*000*438", "49*810*000*438", "49*810", "000*438"),
        ("ZZ00000", "ZZ00000", "", ""),
        ("zz00000", "ZZ00000", "", ""),
    ],
)
def test_evseid_forms(text: str, canonical: str, operator: str, outlet: str) -> None:
    evseid = Evseid.parse(text)
    assert (evseid.canonical, evseid.operator, evseid.outlet) == (canonical, operator, outlet)
    assert evseid.as_sent == text
    assert str(evseid) == canonical
    assert evseid.is_unknown == (canonical == "ZZ00000")
    assert Evseid.parse(canonical) == evseid


@pytest.mark.parametrize(
    "text", ["", "DEABCE", "DEABC12345", "DE*ABC*E" + "1" * 30, "DE_AB*E123", "+49*81*0*4", "DEABCE1\n"]
)
def test_what_is_no_evseid_is_refused(text: str) -> None:
    with pytest.raises(IdentifierError):
        Evseid.parse(text)


def test_pcid() -> None:
    pcid = Pcid.parse("wmiv1234567890abcd")
    assert (pcid.canonical, pcid.wmi, pcid.as_sent) == ("WMIV1234567890ABCD", "WMI", "wmiv1234567890abcd")
    assert pcid == Pcid.parse("WMIV1234567890ABCD")
    assert str(Pcid.parse("WMIV1234567890ABC")) == "WMIV1234567890ABC"


@pytest.mark.parametrize(
    "text", ["", "W" * 16, "W" * 19, "WMI-1234567890ABC", "WMIV1234567890AB\u00c4", "W" * 17 + "\n"]
)
def test_what_is_no_pcid_is_refused(text: str) -> None:
    with pytest.raises(IdentifierError):
        Pcid.parse(text)
