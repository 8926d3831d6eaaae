"""Identifiers: every form has one canonical form; one wrong character never keeps the check digit."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from plugcharge.identifiers import Emaid, Evseid, IdentifierError, Pcid, emaid_check_digit

ALNUM = string.digits + string.ascii_uppercase
canonical_emaids = st.tuples(
    st.text(string.ascii_uppercase, min_size=2, max_size=2), st.text(ALNUM, min_size=12, max_size=12)
).map("".join)


@given(canonical_emaids, st.booleans(), st.booleans(), st.booleans())
def test_every_spelling_of_an_emaid_is_read_alike(text: str, hyphens: bool, lower: bool, digit: bool) -> None:
    parts = [text[:2], text[2:5], text[5:], *([emaid_check_digit(text)] if digit else [])]
    spelled = ("-" if hyphens else "").join(parts)
    emaid = Emaid.parse(spelled.lower() if lower else spelled)
    assert emaid.canonical == text
    assert emaid.check_digit_ok is (True if digit else None)
    assert Emaid.parse(emaid.canonical) == emaid
    assert Emaid.parse(emaid.with_check_digit).check_digit_ok is True


@given(canonical_emaids, st.integers(2, 13), st.sampled_from(ALNUM))
def test_one_wrong_character_is_noticed(text: str, position: int, other: str) -> None:
    wrong = text[:position] + other + text[position + 1 :]
    assert (emaid_check_digit(wrong) == emaid_check_digit(text)) == (wrong == text)


@given(canonical_emaids, st.integers(2, 12))
def test_two_swapped_neighbours_are_noticed(text: str, at: int) -> None:
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    assert (emaid_check_digit(swapped) == emaid_check_digit(text)) == (swapped == text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for kind in (Emaid, Evseid, Pcid):
        try:
            value = kind.parse(text)
        except IdentifierError:
            continue
        assert value.as_sent == text
        assert kind.parse(value.canonical) == value
