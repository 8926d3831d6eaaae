"""Writes a test PKI into a folder, sorted by who needs what."""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes

from plugcharge.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from plugcharge.pki.issuing import Issued

__all__ = ["write_files"]

_SECRET = 0o600
_PUBLIC = 0o644
_FOLDER = 0o700

_README = """\
# Test PKI for ISO 15118-2

**For test rigs only.** The private keys of all roots lie in this folder: whoever can read it can be anybody.
Made for {now}; `manifest.json` lists every certificate.

| file | who uses it, and for what |
| --- | --- |
| `station/chain.pem`, `station/key.pem` | the SECC, as its TLS identity (leaf, sub 2, sub 1) |
| `station/trust.pem` | the SECC: roots that contracts may come from (MO root, V2G root) |
| `vehicle/trust.pem` | the EVCC: the V2G root, to recognise stations and the provisioning service |
| `vehicle/contract_chain.pem`, `vehicle/contract_key.pem` | the EVCC: contract {contract} |
| `vehicle/provisioning_chain.pem`, `vehicle/provisioning_key.pem` | the EVCC: {pcid}, to get a contract |
| `cps/chain.pem`, `cps/key.pem` | the certificate provisioning service, to sign contract bundles |
| `cps/trust.pem` | the provisioning service: the OEM root, to recognise cars |
| `roots/*.pem`, `roots/*.der` | everybody's roots, one by one |
| `authorities/*.pem`, `authorities/*.key.pem` | all CAs with their keys, to issue more |
"""


def write_files(
    directory: Path,
    *,
    leaves: tuple[Issued, ...],
    authorities: tuple[Issued, ...],
    now: datetime,
    force: bool,
) -> dict[str, Path]:
    """Write the folder; see :meth:`plugcharge.pki.test_pki.TestPki.write`."""
    files = _layout(leaves, authorities, now)
    try:
        directory.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        if not force and any(directory.iterdir()):
            raise LocalError(
                "the folder is not empty",
                where=str(directory),
                why="keys that are in use could be lost",
                advice="take another folder, or say --force (force=True)",
            )
        directory.chmod(_FOLDER)
        written = {}
        for name, (content, mode) in files.items():
            path = directory / name
            path.parent.mkdir(mode=_FOLDER, exist_ok=True)
            _write(path, content, mode)
            written[name] = path
    except OSError as error:
        raise LocalError(
            "the folder cannot be written",
            where=str(error.filename or directory),
            why=error.strerror or str(error),
        ) from error
    return written


def _layout(
    leaves: tuple[Issued, ...], authorities: tuple[Issued, ...], now: datetime
) -> dict[str, tuple[bytes, int]]:
    """Decide every file's content and mode."""
    secc, contract, provisioning, cps = leaves
    v2g_root, mo_root, oem_root = (leaf.path[-1] for leaf in (secc, contract, provisioning))
    files = {
        "README.md": (_readme(now, contract, provisioning), _PUBLIC),
        "manifest.json": (_manifest([*authorities, *leaves]), _PUBLIC),
        "station/chain.pem": (secc.chain_pem, _PUBLIC),
        "station/key.pem": (secc.key_pem(), _SECRET),
        "station/trust.pem": (mo_root.pem + v2g_root.pem, _PUBLIC),
        "vehicle/trust.pem": (v2g_root.pem, _PUBLIC),
        "vehicle/contract_chain.pem": (contract.chain_pem, _PUBLIC),
        "vehicle/contract_key.pem": (contract.key_pem(), _SECRET),
        "vehicle/provisioning_chain.pem": (provisioning.chain_pem, _PUBLIC),
        "vehicle/provisioning_key.pem": (provisioning.key_pem(), _SECRET),
        "cps/chain.pem": (cps.chain_pem, _PUBLIC),
        "cps/key.pem": (cps.key_pem(), _SECRET),
        "cps/trust.pem": (oem_root.pem, _PUBLIC),
    }
    for root in (v2g_root, mo_root, oem_root):
        files[f"roots/{root.label}.pem"] = (root.pem, _PUBLIC)
        files[f"roots/{root.label}.der"] = (root.der, _PUBLIC)
    for authority in authorities:
        files[f"authorities/{authority.label}.pem"] = (authority.pem, _PUBLIC)
        files[f"authorities/{authority.label}.key.pem"] = (authority.key_pem(), _SECRET)
    return files


def _readme(now: datetime, contract: Issued, provisioning: Issued) -> bytes:
    text = _README.format(
        now=now.isoformat(timespec="seconds"), contract=contract.common_name, pcid=provisioning.common_name
    )
    return text.encode()


def _manifest(certificates: Sequence[Issued]) -> bytes:
    entries = [
        {
            "label": one.label,
            "common_name": one.common_name,
            "serial": f"{one.certificate.serial_number:x}",
            "not_before": one.certificate.not_valid_before_utc.isoformat(),
            "not_after": one.certificate.not_valid_after_utc.isoformat(),
            "fingerprint": one.certificate.fingerprint(hashes.SHA256()).hex(),
            "issuer": one.issuer.label if one.issuer else None,
        }
        for one in certificates
    ]
    return json.dumps(entries, indent=2).encode() + b"\n"


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file that has its mode from the start and takes its place in one step."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
