"""``plugcharge sessions``: what was charged, by whom, what it cost, and the proof of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.table import Table

from plugcharge.backend.location import default_database
from plugcharge.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugcharge.backend.records import SessionRecord
    from plugcharge.backend.store import SessionStore, SessionSummary

__all__ = ["sessions"]

_COLUMNS = ("session", "started", "ended", "emaid", "evse", "energy", "total", "stop reason", "review")
_EXIT_CODES = """
\b
Exit codes:
  0  done
  1  no such session or database, or what is stored cannot be read or trusted
  2  the command line was wrong
"""


def _database_option(command: Callable[..., None]) -> Callable[..., None]:
    json_flag = click.option("--json", "as_json", is_flag=True, help="Write JSON.")
    database = click.option(
        "--db",
        metavar="PATH|URL",
        envvar="PLUGCHARGE_DB",
        show_envvar=True,
        help="Database file or URL; by default plugcharge/plugcharge.db in the user's data folder "
        "($XDG_DATA_HOME, else ~/.local/share, ~/Library/Application Support or %LOCALAPPDATA%).",
    )
    return database(json_flag(command))


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXIT_CODES)
def sessions() -> None:
    """Show charging sessions from the database of a station or hub.

    \b
    Examples:
      plugcharge sessions list
      plugcharge sessions list --running --json
      plugcharge sessions show 01a2008d-7400
      plugcharge sessions --help
    """  # noqa: D301


@sessions.command("list", epilog=_EXIT_CODES)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many."
)
@click.option("--running", is_flag=True, help="Only sessions that are not closed.")
@_database_option
def list_sessions(*, limit: int, running: bool, db: str | None, as_json: bool) -> None:
    """List sessions, newest first: a table on a terminal, tab-separated lines in a pipe.

    \b
    Examples:
      plugcharge sessions list --limit 10
      plugcharge sessions list --db postgresql+psycopg://hub@db/plugcharge
      plugcharge sessions list --json | jq '.[].total'
    """  # noqa: D301
    with _open(db) as store:
        found = store.summaries(limit=limit, running=running)
    if as_json:
        _write_json(found)
        return
    rows = [_row(summary) for summary in found]
    console = Console()
    if not console.is_terminal:
        for row in (_COLUMNS, *rows):
            click.echo("\t".join(row))
    elif rows:
        console.print(_table(_COLUMNS, rows))
    else:
        console.print("No session yet.")


@sessions.command("show", epilog=_EXIT_CODES)
@click.argument("session_id", metavar="ID")
@_database_option
def show_session(*, session_id: str, db: str | None, as_json: bool) -> None:
    """Tell the story of one session: who, where, when, what was measured and signed, and the bill.

    ID is a session id or the beginning of one. What is shown was checked against the ledger.

    \b
    Examples:
      plugcharge sessions show 01a2008d-7400-7000-8000-000000000000
      plugcharge sessions show 01a2008d --json
    """  # noqa: D301
    with _open(db) as store:
        record = store.record(_only_match(store, session_id))
    if as_json:
        _write_json(record)
        return
    console = Console()
    for title, columns, rows in _story(record):
        if console.is_terminal:
            console.print(_table(columns, rows, title=title))
        else:
            for row in rows:
                click.echo("\t".join((title, *row)))


def _open(db: str | None) -> SessionStore:
    # Imported here, so that help works without the extra "hub"; without it, this says what to install.
    from plugcharge.backend.store import SessionStore  # noqa: PLC0415

    return SessionStore.open(db or default_database(), read_only=True)


def _only_match(store: SessionStore, prefix: str) -> str:
    found = store.find(prefix) if prefix else []
    if len(found) == 1 or prefix.lower() in found:
        return found[0]
    if not found:
        raise LocalError(
            f"there is no session {prefix!r}",
            where=store.database.where,
            advice="see: plugcharge sessions list",
        )
    raise LocalError(
        f"{prefix!r} begins several sessions", where=", ".join(found), advice="write more of the id"
    )


def _write_json(value: SessionRecord | Sequence[SessionSummary]) -> None:
    # Energy is a number of Wh, money decimal text, octets base64, times RFC 3339 in UTC.
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _row(summary: SessionSummary) -> tuple[str, ...]:
    return (
        summary.session_id,
        f"{summary.started:%Y-%m-%d %H:%M:%S}Z",
        f"{summary.ended:%Y-%m-%d %H:%M:%S}Z" if summary.ended else "running",
        summary.emaid or "-",
        summary.evse_id,
        "-" if summary.energy_wh is None else f"{summary.energy_wh} Wh",
        "-" if summary.total is None else f"{summary.total} {summary.currency}",
        summary.stop_reason or "-",
        "yes" if summary.needs_review else "no",
    )


_Section = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


def _story(record: SessionRecord) -> list[_Section]:
    sections: list[_Section] = [
        ("session", ("what", "value"), _facts(record)),
        ("reading", ("when", "context", "meter", "register", "signed"), _readings(record)),
        ("receipt", ("when", "verdict", "meter", "register", "size", "sha256"), _receipts(record)),
        ("evidence", ("when", "message", "size", "sha256"), _evidence(record)),
        ("bill", ("item", "quantity", "price", "amount"), _bill(record)),
        ("warning", ("sentence",), [(sentence,) for sentence in record.warnings]),
    ]
    return [section for section in sections if section[2]]


def _facts(record: SessionRecord) -> list[tuple[str, ...]]:
    answer = record.auth_result
    emaid = record.emaid
    facts = (
        ("session id", record.session_id),
        ("SessionID on the wire", record.v2g_session_id),
        ("protocol", f"ISO 15118{record.protocol.value}" if record.protocol.value[0] == "-" else "DIN 70121"),
        ("contract (eMAID)", emaid),
        ("provider", f"{emaid[:2]}-{emaid[2:5]}" if emaid else None),
        ("vehicle (EVCCID)", record.evccid),
        ("vehicle (PCID)", record.pcid),
        ("identified by", record.auth_mode.value),
        ("contract certificate", record.contract_sha256),
        ("root certificate", record.mo_root_sha256),
        ("EVSE", record.evse_id),
        ("station", f"{record.station_id}, connector {record.connector}"),
        ("started", record.started.isoformat()),
        ("authorized", record.authorized.isoformat() if record.authorized else "never"),
        (
            "answer",
            f"{answer.status.value}, certificate {answer.certificate_status.value}" if answer else None,
        ),
        ("answer in words", answer.reason if answer else None),
        ("reference", answer.authorization_reference if answer else None),
        ("ended", record.ended.isoformat() if record.ended else "still running"),
        ("stop reason", record.stop_reason.value if record.stop_reason else None),
        ("energy", f"{record.energy_wh} Wh"),
        ("total", f"{record.bill.total} {record.bill.tariff.currency}" if record.bill else None),
        ("ledger head", record.ledger_head),
    )
    return [(name, value) for name, value in facts if value]


def _readings(record: SessionRecord) -> list[tuple[str, ...]]:
    return [
        (
            reading.at.isoformat(),
            reading.context.value,
            reading.meter_id,
            f"{reading.import_wh} Wh",
            "yes" if reading.signature else "no",
        )
        for reading in record.readings
    ]


def _receipts(record: SessionRecord) -> list[tuple[str, ...]]:
    return [
        (
            receipt.at.isoformat(),
            receipt.verdict.value,
            receipt.meter_id,
            "-" if receipt.import_wh is None else f"{receipt.import_wh} Wh",
            f"{len(receipt.exi)} octets",
            receipt.sha256,
        )
        for receipt in record.receipts
    ]


def _evidence(record: SessionRecord) -> list[tuple[str, ...]]:
    return [
        (proof.at.isoformat(), proof.message, f"{len(proof.exi)} octets", proof.sha256)
        for proof in record.evidence
    ]


def _bill(record: SessionRecord) -> list[tuple[str, ...]]:
    bill = record.bill
    if bill is None:
        return []
    currency = bill.tariff.currency
    lines = [
        (line.item, f"{line.quantity} {line.unit}", str(line.price), f"{line.amount} {currency}")
        for line in bill.lines
    ]
    return [*lines, ("total", f"tariff {bill.tariff.tariff_id}", "", f"{bill.total} {currency}")]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> Table:
    table = Table(title=title or None, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
