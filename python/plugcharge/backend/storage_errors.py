"""The error of a database that did not do what it was asked; known without the database being installed."""

from __future__ import annotations

from typing import Literal

from plugcharge.errors import PlugchargeError

__all__ = ["StorageError", "StorageKind"]

StorageKind = Literal["full", "read-only", "locked", "corrupt", "schema", "missing", "tampered", "io"]


class StorageError(PlugchargeError):
    """Nothing was stored, or what is stored cannot be trusted; the peer is not at fault.

    A write that raises this was not acknowledged: the transaction is rolled back. Calling again with the same
    key is safe, because a key is stored at most once.

    Attributes:
        kind: ``"full"`` (disk), ``"read-only"``, ``"locked"`` (by another writer for longer than the busy
            timeout), ``"corrupt"`` (not a database, damaged pages), ``"schema"`` (other version, or not
            ours), ``"missing"`` (no such file), ``"tampered"`` (the ledger does not fit what is stored) or
            ``"io"``.
    """

    def __init__(
        self, what: str, *, kind: StorageKind, where: str = "", why: str = "", advice: str = ""
    ) -> None:
        super().__init__(what, where=where, why=why, advice=advice)
        self.kind: StorageKind = kind
