"""``plugcharge pki``: make a test PKI."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from plugcharge.errors import LocalError
from plugcharge.pki.test_pki import DEFAULT_EMAID, DEFAULT_PCID, DEFAULT_SECC_ID, TestPki

__all__ = ["pki"]


@click.group()
def pki() -> None:
    """Make V2G certificates for tests."""


@pki.command(epilog="\b\nExample:\n  plugcharge pki init ./pki --emaid DE-PLG-C00000042")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--emaid", default=DEFAULT_EMAID, show_default=True, help="Whose contract is issued.")
@click.option("--pcid", default=DEFAULT_PCID, show_default=True, help="Which car is provisioned.")
@click.option(
    "--secc-id", default=DEFAULT_SECC_ID, show_default=True, help="CN of the station's certificate."
)
@click.option("--days", type=click.IntRange(1, 1460), help="Validity of the leaves.  [default: 730 and 90]")
@click.option("--at", metavar="TIME", help="The present as ISO 8601 with zone.  [default: now]")
@click.option("--seed", metavar="HEX", help="Make all keys from this seed; needs --danger-known-keys.")
@click.option("--danger-known-keys", is_flag=True, help="Allow keys that everybody with the seed can make.")
@click.option("--force", is_flag=True, help="Write into a folder that is not empty.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead of text.")
def init(
    directory: Path,
    *,
    emaid: str,
    pcid: str,
    secc_id: str,
    days: int | None,
    at: str | None,
    seed: str | None,
    danger_known_keys: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write a whole test PKI of ISO 15118-2 into DIR.

    Roots of V2G, MO and OEM, two sub-CAs each, and the leaves of a station, a contract, a car and the
    provisioning service. DIR/README.md says who uses which file. For test rigs only.

    Exit codes: 0 done, 1 not done (the reason is printed), 2 wrong options.
    """
    made = TestPki(
        _seed(seed, danger_known_keys), now=_present(at), emaid=emaid, pcid=pcid, secc_id=secc_id, days=days
    )
    files = made.write(directory, force=force)
    if as_json:
        click.echo(
            json.dumps({"directory": str(directory), "files": sorted(files), **_summary(made)}, indent=2)
        )
        return
    click.echo(f"Wrote {len(files)} files to {directory}; see README.md there. Test rigs only.")
    for name, value in _summary(made).items():
        click.echo(f"  {name}: {value}")


def _summary(made: TestPki) -> dict[str, str]:
    return {
        "emaid": made.contract_leaf.common_name,
        "pcid": made.provisioning_leaf.common_name,
        "secc_id": made.secc.common_name,
        "contract_until": made.contract_leaf.certificate.not_valid_after_utc.isoformat(),
        "secc_until": made.secc.certificate.not_valid_after_utc.isoformat(),
    }


def _seed(text: str | None, danger_known_keys: bool) -> bytes | None:
    if text is None:
        return None
    if not danger_known_keys:
        raise LocalError(
            "DANGER: a seed makes private keys that everybody who knows it can make, too",
            where="--seed",
            advice="leave it out; a test that needs the same octets each time adds --danger-known-keys",
        )
    try:
        seed = bytes.fromhex(text)
    except ValueError as error:
        raise click.BadParameter("not hexadecimal", param_hint="--seed") from error
    sys.stderr.write("plugcharge: DANGER: these keys are known to everybody who knows the seed\n")
    return seed


def _present(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        present = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("not ISO 8601", param_hint="--at") from error
    if present.tzinfo is None:
        raise click.BadParameter("needs a zone, such as 2026-01-01T00:00:00Z", param_hint="--at")
    return present
