"""Which roots are trusted, and as what.

A root is trusted for the certificates that may stand below it, never for all: a mobility operator's root does
not make a station genuine [V2G2-925].
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plugcharge import _core
from plugcharge.errors import LocalError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = ["MAX_TRUST_FILE", "TrustStore", "certificates_of"]

MAX_TRUST_FILE: Final = 1024 * 1024
"""Octets of the largest file that is read; hundreds of roots fit into it."""

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_END: Final = b"-----END CERTIFICATE-----"
_ADVICE: Final = "give certificates in DER, or in PEM with BEGIN CERTIFICATE lines"


class TrustStore:
    """Trusted root certificates by kind; immutable, and cheap to copy with more of them.

    Each item is one certificate in DER, or PEM text as octets with one or more certificates. The same root
    may be trusted as several kinds.

    Args:
        v2g: V2G roots: stations and provisioning services, and contracts and vehicles below them.
        mo: mobility operator roots: contracts.
        oem: vehicle maker roots: provisioning certificates.
        private: roots of private environments: stations [V2G2-927].

    Raises:
        LocalError: an item is not a certificate, or cannot be a root: no CA, another curve than secp256r1, an
            unknown critical extension. Whoever configured it is at fault.

    Example:
        >>> from datetime import datetime, timezone
        >>> from plugcharge.pki import TestPki
        >>> pki = TestPki(b"example", now=datetime(2026, 1, 1, tzinfo=timezone.utc))
        >>> store = TrustStore(v2g=[pki.v2g_root.der])
        >>> len(store), len(store.with_more(mo=[pki.mo_root.pem]))
        (1, 2)
    """

    __slots__ = ("_anchors",)

    _anchors: _core.TrustAnchors

    def __init__(
        self,
        *,
        v2g: Iterable[bytes] = (),
        mo: Iterable[bytes] = (),
        oem: Iterable[bytes] = (),
        private: Iterable[bytes] = (),
    ) -> None:
        self._anchors = _core.TrustAnchors(_pairs(v2g=v2g, mo=mo, oem=oem, private=private))

    @classmethod
    def from_files(
        cls,
        *,
        v2g: Iterable[str | os.PathLike[str]] = (),
        mo: Iterable[str | os.PathLike[str]] = (),
        oem: Iterable[str | os.PathLike[str]] = (),
        private: Iterable[str | os.PathLike[str]] = (),
    ) -> TrustStore:
        """Read roots from files in DER or PEM; a PEM file may hold several.

        Raises:
            LocalError: a file cannot be read, is larger than 1 MiB, or holds something else than roots; the
                error names the file.
        """
        store = cls()
        for kind, paths in (("v2g", v2g), ("mo", mo), ("oem", oem), ("private", private)):
            for path in paths:
                content = _read(Path(path))
                try:
                    store = store.with_more(**{kind: [content]})
                except LocalError as error:
                    raise LocalError(
                        error.what, where=str(path), why=error.why, advice=error.advice
                    ) from error
        return store

    def with_more(
        self,
        *,
        v2g: Iterable[bytes] = (),
        mo: Iterable[bytes] = (),
        oem: Iterable[bytes] = (),
        private: Iterable[bytes] = (),
    ) -> TrustStore:
        """Give a copy with more roots; those known already are not added twice.

        Raises:
            LocalError: as for the class.
        """
        pairs = _pairs(v2g=v2g, mo=mo, oem=oem, private=private)
        store = type(self).__new__(type(self))
        store._anchors = self._anchors.with_more(pairs)
        return store

    @property
    def anchors(self) -> tuple[tuple[str, bytes], ...]:
        """Every root in the order of adding: kind (``"v2g"``, ``"mo"``, ``"oem"``, ``"private"``) and DER."""
        return tuple(self._anchors.anchors())

    @property
    def core(self) -> _core.TrustAnchors:
        """The parsed anchors, for other modules of this package."""
        return self._anchors

    def __len__(self) -> int:
        return len(self._anchors)

    def __repr__(self) -> str:
        kinds = [kind for kind, _ in self._anchors.anchors()]
        counts = ", ".join(f"{kind}={kinds.count(kind)}" for kind in dict.fromkeys(kinds))
        return f"TrustStore({counts})"


def certificates_of(content: bytes) -> list[bytes]:
    """Take certificates out of DER (one) or PEM (one or more, in the order of the file).

    Text around the PEM blocks and blocks of other kinds are left out.

    Raises:
        LocalError: there is no certificate in it, or a PEM block is damaged.
    """
    if _BEGIN not in content:
        if content[:1] != b"\x30":
            raise LocalError("no certificate was found", advice=_ADVICE)
        return [content]
    certificates = []
    for block in content.split(_BEGIN)[1:]:
        body, end, _ = block.partition(_END)
        if not end:
            raise LocalError("a PEM certificate has no END line", advice=_ADVICE)
        try:
            certificates.append(base64.b64decode(b"".join(body.split()), validate=True))
        except binascii.Error as error:
            raise LocalError("a PEM certificate is not base64", why=str(error), advice=_ADVICE) from error
    return certificates


def _pairs(**kinds: Iterable[bytes]) -> list[tuple[str, bytes]]:
    pairs = []
    for kind, items in kinds.items():
        if isinstance(items, bytes):
            raise LocalError(f"{kind} takes a list of certificates, not a single one", advice=f"{kind}=[...]")
        for content in items:
            pairs += [(kind, certificate) for certificate in certificates_of(content)]
    return pairs


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TRUST_FILE + 1)
    except OSError as error:
        raise LocalError(
            "a trusted certificate cannot be read", where=str(path), why=error.strerror or str(error)
        ) from error
    if len(content) > MAX_TRUST_FILE:
        raise LocalError(
            "the file is too large for trusted certificates", where=str(path), why="cap is 1 MiB"
        )
    return content
