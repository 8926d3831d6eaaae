"""Identifiers of Plug and Charge: eMAID (contract), EVSEID (outlet), PCID (vehicle).

Each one is parsed from any form found in the field, keeps what was sent, and offers one canonical form to
compare and store by. A wrong check digit is reported, never refused: widely used sample ids carry wrong ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from plugcharge.errors import PlugchargeError

__all__ = ["Emaid", "Evseid", "IdentifierError", "Pcid", "emaid_check_digit", "same_contract"]

_EMAID = re.compile(r"([A-Za-z]{2})-?([A-Za-z0-9]{3})-?([A-Za-z0-9]{9})(?:-?([A-Za-z0-9]))?")
_EVSEID_ISO = re.compile(r"([A-Za-z]{2})\*?([A-Za-z0-9]{3})\*?[Ee]([A-Za-z0-9*]{1,30})")
_EVSEID_DIN = re.compile(r"\+?([0-9]{1,3})\*([0-9]{3,6})\*([0-9*]{1,32})")
_PCID = re.compile(r"[A-Za-z0-9]{17,18}")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_UNKNOWN_EVSEID = "ZZ00000"
_EVSEID_LENGTHS = range(7, 38)  # evseIDType of -2


class IdentifierError(PlugchargeError, ValueError):
    """A text that is not an identifier of the expected kind."""


@dataclass(frozen=True, slots=True)
class Emaid:
    """An eMobility Account Identifier: which contract pays.

    Two are equal when their first 14 canonical characters are: separators, case and the check digit do not
    count.

    Attributes:
        canonical: 14 upper-case characters without separators and without check digit; store and compare by
            this.
        as_sent: the text as it came in.
        check_digit: the check character that came with it, upper case; ``None`` when it had none.

    Example:
        >>> Emaid.parse("de-8aa-001234567").canonical
        'DE8AA001234567'
        >>> Emaid.parse("DE8AA0012345670") == Emaid.parse("de8aa001234567")
        True
        >>> Emaid.parse("DE8AA0012345670").check_digit_ok
        True
    """

    canonical: str
    as_sent: str = field(compare=False)
    check_digit: str | None = field(compare=False, default=None)

    @classmethod
    def parse(cls, text: str) -> Emaid:
        """Read an eMAID of 14 or 15 characters, in either case, with or without hyphens between its parts.

        The country code is not looked up, since test data often use codes outside ISO 3166.

        Raises:
            IdentifierError: the text has another shape. Whoever sent it is at fault.
        """
        match = _EMAID.fullmatch(text)
        if match is None:
            raise IdentifierError(
                f"{text[:64]!r} is not an eMAID",
                where="eMAID",
                why="expected 2 letters, 3 and 9 letters or digits, optionally one check character",
                advice="an example is DE8AA001234567 or DE-8AA-001234567-0",
            )
        country, provider, instance, digit = match.groups()
        return cls(f"{country}{provider}{instance}".upper(), text, digit.upper() if digit else None)

    @property
    def provider(self) -> str:
        """Country and provider: the first five characters, on which a provider's rights are checked."""
        return self.canonical[:5]

    @property
    def check_digit_ok(self) -> bool | None:
        """Whether the check digit fits; ``None`` when there is none. Warn on ``False``, do not refuse."""
        if self.check_digit is None:
            return None
        return self.check_digit == emaid_check_digit(self.canonical)

    @property
    def with_check_digit(self) -> str:
        """The 15-character form with the computed check digit."""
        return self.canonical + emaid_check_digit(self.canonical)

    def __str__(self) -> str:
        return self.canonical


@dataclass(frozen=True, slots=True)
class Evseid:
    """The identifier of one outlet, in the ISO form, the DIN form, or the "unknown" value.

    Attributes:
        canonical: upper case. In the ISO form the separators around the operator are left out and those
            inside the outlet part stay (``DEABCE12*3``); the DIN form is kept with its separators, without
            ``+``.
        operator: country and operator: five characters in the ISO form, ``49*810`` in the DIN form; empty
            when unknown. The operator's rights are checked on it.
        outlet: the rest, after the ``E`` of the ISO form; empty when unknown.
        as_sent: the text as it came in.

    Example:
        >>> Evseid.parse("de*abc*E12*3")
        Evseid(canonical='DEABCE12*3', operator='DEABC', outlet='12*3', as_sent='de*abc*E12*3')
        >>> Evseid.parse("ZZ00000").is_unknown
        True
    """

    canonical: str
    operator: str
    outlet: str
    as_sent: str = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> Evseid:
        """Read an EVSEID of 7 to 37 characters (the bounds of the -2 schema).

        Raises:
            IdentifierError: the text has none of the known shapes. Whoever sent it is at fault.
        """
        if text.upper() == _UNKNOWN_EVSEID:
            return cls(_UNKNOWN_EVSEID, "", "", text)
        if len(text) in _EVSEID_LENGTHS:
            if match := _EVSEID_ISO.fullmatch(text):
                country, operator, outlet = (part.upper() for part in match.groups())
                return cls(f"{country}{operator}E{outlet}", country + operator, outlet, text)
            if match := _EVSEID_DIN.fullmatch(text):
                country, operator, outlet = match.groups()
                return cls(f"{country}*{operator}*{outlet}", f"{country}*{operator}", outlet, text)
        raise IdentifierError(
            f"{text[:64]!r} is not an EVSEID",
            where="EVSEID",
            why="expected 7 to 37 characters: country, operator, E and outlet, or the DIN form",
            advice="examples are DE*ABC*E12345, +49*810*000*438, and ZZ00000 for unknown",
        )

    @property
    def is_unknown(self) -> bool:
        """Whether this is the value ``ZZ00000`` that says "the station has no EVSEID"."""
        return self.canonical == _UNKNOWN_EVSEID

    def __str__(self) -> str:
        return self.canonical


@dataclass(frozen=True, slots=True)
class Pcid:
    """The provisioning certificate identifier of a vehicle: CN of its provisioning certificate [V2G2-933].

    Compared without regard to case.

    Attributes:
        canonical: 17 or 18 upper-case letters and digits.
        as_sent: the text as it came in; certificates keep this form.

    Example:
        >>> Pcid.parse("wmiv1234567890abcd").wmi
        'WMI'
    """

    canonical: str
    as_sent: str = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> Pcid:
        """Read a PCID.

        Raises:
            IdentifierError: the text is not 17 or 18 letters and digits.
        """
        if _PCID.fullmatch(text) is None:
            raise IdentifierError(
                f"{text[:64]!r} is not a PCID",
                where="PCID",
                why="17 or 18 letters and digits: WMI, 14 of the maker's own, optionally a check character",
            )
        return cls(text.upper(), text)

    @property
    def wmi(self) -> str:
        """The world manufacturer identifier: the first three characters."""
        return self.canonical[:3]

    def __str__(self) -> str:
        return self.canonical


def same_contract(first: str | Emaid, second: str | Emaid) -> bool:
    """Tell whether two eMAIDs name the same contract, whatever form each has.

    Raises:
        IdentifierError: one of the texts is not an eMAID at all; unequal and unreadable are told apart.

    Example:
        >>> same_contract("DE-8AA-001234567", "de8aa0012345670")
        True
    """
    left = first if isinstance(first, Emaid) else Emaid.parse(first)
    right = second if isinstance(second, Emaid) else Emaid.parse(second)
    return left == right


def emaid_check_digit(canonical: str) -> str:
    """Compute the check character of a 14-character canonical eMAID.

    Each character's number 0..35 is split into two bits and two trits (base-3 digits). Over all 15
    positions k, the sum of bits * A^k modulo 2 and the sum of trits * B^k modulo 3 have to be zero, with A
    = [[0,1],[1,1]] and B = [[0,1],[1,2]]; the check character is the one that makes it so.

    Raises:
        IdentifierError: not 14 upper-case letters and digits.

    Example:
        >>> emaid_check_digit("NN123ABCDEFGHI")
        'T'
    """
    if len(canonical) != 14 or any(char not in _ALPHABET for char in canonical):
        raise IdentifierError(
            f"{canonical[:64]!r} is not a canonical eMAID", where="eMAID", why="14 characters of 0-9 and A-Z"
        )
    # Horner's scheme from position 14 down to 1 needs one multiplication a position. The row vector s*M is
    # (s2, s1 + m*s2) for M = [[0,1],[1,m]], with m = 1 for the bits and m = 2 for the trits.
    bit1 = bit2 = trit1 = trit2 = 0
    for char in reversed(canonical):
        number = _ALPHABET.index(char)
        quotient, remainder = divmod(number, 9)
        bit1, bit2 = bit1 ^ (quotient >> 1), bit2 ^ (quotient & 1)
        trit1, trit2 = trit1 + remainder // 3, trit2 + remainder % 3
        bit1, bit2 = bit2, bit1 ^ bit2
        trit1, trit2 = trit2 % 3, (trit1 + 2 * trit2) % 3
    # The sum is now sum(bits_k * A^k). The check character solves check * A^15 = -sum. A has order 3 and B
    # order 8, hence A^-15 is the identity and B^-15 = B.
    trit1, trit2 = -trit2 % 3, -(trit1 + 2 * trit2) % 3
    return _ALPHABET[9 * (2 * bit1 + bit2) + 3 * trit1 + trit2]
