"""The exceptions that several parts of the package raise; a part's own derive from them.

All derive from :class:`PlugchargeError` and carry the same four parts: what happened, where, why, and what
to do about it. Who is at fault is told by the class: :class:`PeerError` is the other side's doing and carries
the response code to send; :class:`LocalError` is a wrong use of this package.
"""

from __future__ import annotations

__all__ = [
    "ChainError",
    "ExiError",
    "LocalError",
    "PeerError",
    "PlugchargeError",
    "SignatureError",
    "TlsError",
]


class PlugchargeError(Exception):
    """Base of every error of this package.

    Attributes:
        what: what happened, in one sentence.
        where: the place: a message and field, a certificate, a state; empty when there is none.
        why: the rule that was broken, with its requirement number where one is known.
        advice: what the reader can do about it.

    Example:
        >>> str(PlugchargeError("the frame is too long", where="V2GTP header", why="cap is 65536 octets"))
        'the frame is too long (at V2GTP header): cap is 65536 octets'
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", advice: str = "") -> None:
        self.what = what
        self.where = where
        self.why = why
        self.advice = advice
        super().__init__(what, where, why, advice)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy())

    def __str__(self) -> str:
        text = self.what
        if self.where:
            text += f" (at {self.where})"
        if self.why:
            text += f": {self.why}"
        if self.advice:
            text += f" [{self.advice}]"
        return text


def _restore(
    cls: type[PlugchargeError], args: tuple[object, ...], attributes: dict[str, object]
) -> PlugchargeError:
    """Make an error again from what was pickled: its arguments are named, so its class cannot be called."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class LocalError(PlugchargeError):
    """The caller used this package in a way it does not allow; the peer is not at fault."""


class PeerError(PlugchargeError):
    """The other side broke the protocol.

    Attributes:
        code: the ResponseCode to answer with, such as ``"FAILED_SequenceError"``; empty when no answer is
            possible and the connection has to be closed.
        state: the state of the session in which it happened.
    """

    def __init__(
        self, what: str, *, code: str = "", state: str = "", where: str = "", why: str = "", advice: str = ""
    ) -> None:
        super().__init__(what, where=where, why=why, advice=advice)
        self.code = code
        self.state = state


class ExiError(PlugchargeError, ValueError):
    """Bytes that are not a valid EXI message, or a message that cannot be written as EXI.

    Attributes:
        kind: a stable short word such as ``"truncated"`` or ``"event-code"``.
        path: where in the message, such as ``"V2G_Message/Body/PaymentDetailsReq/eMAID"``.
        bit_offset: the position in the stream, in bits from its first octet; -1 when writing.
        schema: the schema set that was used.
    """

    def __init__(
        self,
        what: str,
        *,
        kind: str,
        path: str = "",
        bit_offset: int = -1,
        schema: str = "",
        advice: str = "",
    ) -> None:
        where = path if bit_offset < 0 else f"{path or 'start'}, bit {bit_offset}"
        super().__init__(what, where=where, why=f"{schema}: {kind}" if schema else kind, advice=advice)
        self.kind = kind
        self.path = path
        self.bit_offset = bit_offset
        self.schema = schema


class ChainError(PlugchargeError):
    """A certificate chain that must not be trusted.

    Attributes:
        code: the -2 ResponseCode that says so, such as ``"FAILED_CertChainError"``.
        rule: the stable id of the rule that was broken, such as ``"iso2::contract::missing-key-usage"``.
        certificate: which certificate: ``"leaf"``, ``"sub 1"``, ``"root"``, ... and its subject if readable.
    """

    def __init__(
        self, what: str, *, code: str, rule: str, certificate: str = "", why: str = "", advice: str = ""
    ) -> None:
        super().__init__(what, where=certificate, why=why or rule, advice=advice)
        self.code = code
        self.rule = rule
        self.certificate = certificate


class SignatureError(PlugchargeError):
    """A signature that is missing, malformed, or does not verify.

    Attributes:
        code: the ResponseCode that says so, such as ``"FAILED_SignatureError"``.
        rule: a stable id such as ``"reference-missing"`` or ``"digest-mismatch"``.
    """

    def __init__(
        self, what: str, *, code: str, rule: str, where: str = "", why: str = "", advice: str = ""
    ) -> None:
        super().__init__(what, where=where, why=why or rule, advice=advice)
        self.code = code
        self.rule = rule


class TlsError(PlugchargeError):
    """A TLS connection that could not be set up or went wrong.

    Attributes:
        alert: the TLS alert or OpenSSL reason, as a short word; empty when there is none.
    """

    def __init__(
        self, what: str, *, alert: str = "", where: str = "", why: str = "", advice: str = ""
    ) -> None:
        super().__init__(what, where=where, why=why, advice=advice)
        self.alert = alert
