"""``plugcharge demo``: one whole Plug and Charge session on this machine, to watch."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from plugcharge.cli.demo_screen import PlainScreen, TerminalScreen, show_command
from plugcharge.cli.demo_session import FAULTS, Demonstration, Witness, play
from plugcharge.cli.story import explain, name_of, tell

__all__ = ["demo"]

_EXIT_CODES = """
\b
Exit codes:
  0  the session was charged and billed; with --fault: it was refused where and as it has to be
  1  it was not, or the demonstration could not be set up
  2  the command line was wrong
"""


@click.command(epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--fault", type=click.Choice(sorted(FAULTS)), help="Let the car do something wrong.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the test PKI into DIR/pki and keep the database in DIR.",
)
@click.option(
    "--db",
    metavar="PATH|URL",
    envvar="PLUGCHARGE_DB",
    show_envvar=True,
    help="Where the session is recorded; by default a new file in a temporary folder, or in --keep.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def demo(*, fault: str | None, keep: Path | None, db: str | None, as_json: bool) -> None:
    """Watch one Plug and Charge session, from the plug to the bill.

    A station with its back end and a car with a contract meet on the loopback interface, over TLS and with
    keys made for this run. Nothing leaves this machine and no rights are needed. The meter is simulated and
    counts faster than real time.

    \b
    Examples:
      plugcharge demo
      plugcharge demo --fault expired-contract
      plugcharge demo --keep ./demo --json
    """  # noqa: D301
    folder = keep if keep is not None else Path(tempfile.mkdtemp(prefix="plugcharge-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    screen = None if as_json else TerminalScreen(console) if console.is_terminal else PlainScreen()
    try:
        shown = asyncio.run(
            play(
                fault or "",
                database=db or str(folder / "demo.db"),
                contracts=folder / "contracts.db",
                keys=None if keep is None else keep / "pki",
                witness=screen or Witness(),
            )
        )
    finally:
        if isinstance(screen, TerminalScreen):
            screen.close()
    if screen is None:
        click.echo(json.dumps(_document(shown), indent=2))
    else:
        screen.finished(shown)
    if not shown.as_it_should_be:
        click.echo("plugcharge: the session did not go as it should have", err=True)
        raise SystemExit(1)


def _document(shown: Demonstration) -> dict[str, Any]:
    result, record = shown.result, shown.record
    bill = record.bill if record else None
    return {
        "as_it_should_be": shown.as_it_should_be,
        "fault": shown.fault or None,
        "refusal": _refusal(shown),
        "messages": [
            {
                "seconds": round(passed.seconds, 6),
                "from": "car" if passed.from_car else "station",
                "name": name_of(passed.message),
                "octets": passed.octets,
                "meaning": tell(passed.message, passed.answers),
            }
            for passed in shown.messages
        ],
        "ended": {"reason": result.reason, "detail": result.detail, "code": result.code} if result else None,
        "session_id": record.session_id if record else None,
        "stop_reason": record.stop_reason if record else None,
        "emaid": record.emaid if record else None,
        "energy_wh": record.energy_wh if record else None,
        "receipts": {
            "verified": shown.receipts_verified,
            "received": len(record.receipts) if record else 0,
        },
        "bill": None
        if bill is None
        else {
            "total": str(bill.total),
            "currency": bill.tariff.currency,
            "lines": [
                {
                    "item": line.item,
                    "quantity": str(line.quantity),
                    "unit": line.unit,
                    "price": str(line.price),
                    "amount": str(line.amount),
                }
                for line in bill.lines
            ],
            "flags": list(bill.flags),
        },
        "database": shown.database,
        "show": show_command(shown) if record else None,
    }


def _refusal(shown: Demonstration) -> dict[str, str] | None:
    if not shown.refusals:
        return None
    error = shown.refusals[0].error
    refusal = explain(error.code)
    return {
        "message": error.where,
        "code": error.code,
        "what": error.what,
        "why": error.why,
        "rule_advice": error.advice,
        "meaning": refusal.meaning,
        "advice": refusal.advice,
    }
