"""Shows a demonstration: on a terminal with colours and a progress bar, in a pipe as plain lines."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from plugcharge.cli.demo_session import ENERGY, EVSE_ID, FAULTS, SPEED, Demonstration, Passed, Witness
from plugcharge.cli.story import explain, name_of, tell
from plugcharge.messages import iso2
from plugcharge.session import (
    Authorized,
    ChargingStarted,
    ContractVerified,
    Event,
    MeterReadingSent,
    PeerFault,
    PowerCut,
)

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.console import Console, JustifyMethod

    from plugcharge.backend.billing import Bill

__all__ = ["PlainScreen", "TerminalScreen", "notice", "show_command"]

_LOOP = (iso2.ChargingStatusReq, iso2.ChargingStatusRes, iso2.MeteringReceiptReq, iso2.MeteringReceiptRes)
_NAME_WIDTH = 27
_TIME: tuple[int, JustifyMethod] = (8, "right")
_MARK: tuple[int, JustifyMethod] = (1, "left")


def notice(event: Event) -> str:
    """Give what the station did, in one sentence; empty for what the messages tell already."""
    said = ""
    match event:
        case ContractVerified(emaid=emaid, chain=chain):
            kind = {"mo": "the mobility operator's", "v2g": "the V2G"}.get(chain.anchor_kind, "a private")
            said = f"contract {emaid} verified up to {kind} root"
        case Authorized(emaid=emaid):
            said = f"proof of the key is good; the back end accepts {emaid}"
        case ChargingStarted():
            said = f"contactor closed; the simulated meter counts {SPEED:g} times faster than real time"
        case PowerCut():
            said = "power cut"
        case PeerFault(error=error):
            said = f"refused with {error.code}" if error.code else error.what
    return said


class _LoopFilter:
    """Leaves out the repetitions of the charging loop, which look all the same."""

    def __init__(self) -> None:
        self.left_out = 0
        self._seen: set[type[object]] = set()

    def shows(self, passed: Passed) -> bool:
        """Show the first message of each kind, and whatever is refused."""
        body = passed.message.body if isinstance(passed.message, iso2.V2G_Message) else passed.message
        kind = type(body)
        refused = str(getattr(body, "response_code", "")).startswith("FAILED")
        if kind not in _LOOP or kind not in self._seen or refused:
            self._seen.add(kind)
            return True
        self.left_out += 1
        return False

    def tell(self) -> str:
        """Say once how many were left out."""
        count, self.left_out = self.left_out, 0
        return f"{count} more messages of the charging loop" if count else ""


class PlainScreen(Witness):
    """Plain lines, no colours, nothing that moves."""

    def __init__(self) -> None:
        self._filter = _LoopFilter()
        self._quarter = 0
        self._began: int | None = None

    def ready(self, demonstration: Demonstration) -> None:
        """Say what is set up."""
        for name, value in _facts(demonstration, ""):
            click.echo(f"{name}: {value}")

    def passed(self, passed: Passed) -> None:
        """One line a message."""
        if not self._filter.shows(passed):
            return
        self._rest()
        arrow = "car -> station" if passed.from_car else "car <- station"
        name, meaning = name_of(passed.message), tell(passed.message, passed.answers)
        click.echo(f"{passed.seconds:7.3f} s  {arrow}  {name:<{_NAME_WIDTH}} {passed.octets:5} B  {meaning}")

    def station(self, seconds: float, event: Event) -> None:
        """One line for what the station did; progress by quarters."""
        if isinstance(event, MeterReadingSent):
            self._progress(seconds, event.meter.watt_hours or 0)
            return
        said = notice(event)
        if said:
            self._rest()
            click.echo(f"{seconds:7.3f} s  station: {said}")

    def finished(self, demonstration: Demonstration) -> None:
        """Tell the end."""
        bill = demonstration.record.bill if demonstration.record else None
        for name, value in _refusal_lines(demonstration):
            click.echo(f"{name}: {value}")
        for row in _bill_rows(bill) if bill else ():
            click.echo("bill: " + "  ".join(cell for cell in row if cell))
        for name, value in _closing(demonstration):
            click.echo(f"{name}: {value}")
        click.echo(f"show again: {show_command(demonstration)}")

    def _progress(self, seconds: float, watt_hours: int) -> None:
        self._began = watt_hours if self._began is None else self._began
        done = watt_hours - self._began
        quarter = min(4 * done // ENERGY, 4)
        if quarter > self._quarter:
            self._quarter = quarter
            click.echo(f"{seconds:7.3f} s  charging: {done / 1000:.1f} of {ENERGY / 1000:g} kWh")

    def _rest(self) -> None:
        if said := self._filter.tell():
            click.echo(f"           ... {said}")


class TerminalScreen(Witness):
    """Colours and a progress bar while it charges."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._filter = _LoopFilter()
        self._began: int | None = None
        self._bar = Progress(
            TextColumn("  [dim]charging[/]"),
            BarColumn(bar_width=36, complete_style="green", finished_style="green"),
            TextColumn("{task.fields[energy]}  [dim]" + f"{SPEED:g} x real time[/]"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("charging", total=ENERGY, visible=False, energy="")

    def ready(self, demonstration: Demonstration) -> None:
        """Say what is set up, and start the bar."""
        self._console.print()
        self._console.print(Text("  One Plug and Charge session of ISO 15118-2, AC, on this machine", "bold"))
        self._console.print()
        self._print_pairs(_facts(demonstration, "→ from the car, ← from the station; "))
        self._console.print()
        self._bar.start()

    def passed(self, passed: Passed) -> None:
        """One line a message."""
        if not self._filter.shows(passed):
            return
        self._rest()
        arrow = Text("→", "cyan") if passed.from_car else Text("←", "green")
        meaning = tell(passed.message, passed.answers)
        row = _grid(_TIME, _MARK, (_NAME_WIDTH, "left"), (6, "right"))
        row.add_row(
            Text(f"{passed.seconds:.3f} s", "dim"),
            arrow,
            Text(name_of(passed.message)),
            Text(f"{passed.octets} B", "dim"),
            Text(meaning, "red" if meaning.startswith("No: FAILED") else "default"),
        )
        self._print(row)

    def station(self, seconds: float, event: Event) -> None:
        """What the station did, under the message it came from."""
        if isinstance(event, MeterReadingSent):
            self._progress(event.meter.watt_hours or 0)
            return
        said = notice(event)
        if not said:
            return
        self._rest()
        bad = isinstance(event, PeerFault | PowerCut)
        row = _grid(_TIME, _MARK)
        row.add_row("", Text("✗", "red") if bad else Text("✓", "green"), Text(said, "red" if bad else "dim"))
        self._print(row)

    def finished(self, demonstration: Demonstration) -> None:
        """Tell the end."""
        self._bar.stop()
        self._console.print()
        bill = demonstration.record.bill if demonstration.record else None
        if lines := _refusal_lines(demonstration):
            self._print_pairs(lines)
            self._console.print()
        if bill is not None:
            self._print_bill(bill)
        self._print_pairs(_closing(demonstration))
        self._console.print()
        # On a line of its own and never wrapped, so that it can be copied.
        self._console.print(Text(show_command(demonstration), "cyan"), soft_wrap=True)
        self._console.print()

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()

    def _progress(self, watt_hours: int) -> None:
        self._began = watt_hours if self._began is None else self._began
        done = min(watt_hours - self._began, ENERGY)
        energy = f"{done / 1000:4.1f} of {ENERGY / 1000:g} kWh"
        self._bar.update(self._task, completed=done, energy=energy, visible=done < ENERGY)

    def _rest(self) -> None:
        if said := self._filter.tell():
            row = _grid(_TIME, _MARK)
            row.add_row("", Text("⋮", "dim"), Text(said, "dim"))
            self._print(row)

    def _print_bill(self, bill: Bill) -> None:
        table = Table(box=SIMPLE, show_header=False, pad_edge=False, show_footer=True)
        rows = _bill_rows(bill)
        for position, footer in enumerate(rows[-1]):
            justify: JustifyMethod = "left" if position == 0 else "right"
            table.add_column(justify=justify, footer=Text(footer, "bold"))
        for row in rows[:-1]:
            table.add_row(*row)
        self._print(table)

    def _print(self, table: Table) -> None:
        self._console.print(Padding(table, (0, 0, 0, 2)))

    def _print_pairs(self, pairs: list[tuple[str, str]]) -> None:
        table = _grid((max(len(name) for name, _ in pairs), "left"))
        for name, value in pairs:
            table.add_row(Text(name, "dim"), Text(value, overflow="fold"))
        self._print(table)


def _grid(*columns: tuple[int, JustifyMethod]) -> Table:
    """Columns of fixed width, and one more for the rest of the line."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for width, justify in columns:
        grid.add_column(width=width, justify=justify)
    grid.add_column(overflow="fold")
    return grid


def _facts(demonstration: Demonstration, arrows: str) -> list[tuple[str, str]]:
    tariff = demonstration.tariff
    price = f"{tariff.price_per_kwh} {tariff.currency}/kWh + {tariff.session_fee} {tariff.currency}"
    fault = FAULTS.get(demonstration.fault)
    facts = [
        ("station", f"{EVSE_ID} on {demonstration.address}, TLS 1.2 as {demonstration.station_id}"),
        ("car", f"contract {demonstration.emaid}, room for {ENERGY / 1000:g} kWh"),
        ("price", f"{price}, VAT {tariff.vat_rate:.0%}"),
        ("messages", f"{arrows}lengths are those of the EXI, without V2GTP and TLS"),
    ]
    return [*facts, ("fault", f"{fault.story}")] if fault else facts


def _refusal_lines(demonstration: Demonstration) -> list[tuple[str, str]]:
    if not demonstration.refusals:
        return []
    error = demonstration.refusals[0].error
    refusal = explain(error.code)
    return [
        ("refused", f"{error.where} with {error.code}"),
        ("reason", error.what),
        ("rule", error.why or "-"),
        *([("its advice", error.advice)] if error.advice else []),
        ("it means", refusal.meaning),
        ("what to do", refusal.advice),
    ]


def _bill_rows(bill: Bill) -> list[tuple[str, str, str, str]]:
    currency = bill.tariff.currency
    rows = []
    for line in bill.lines:
        quantity, price = _quantity(line.item, line.quantity, line.price, currency)
        rows.append((line.item, quantity, price, f"{line.amount} {currency}"))
    return [*rows, ("total", "", "", f"{bill.total} {currency}")]


def _quantity(item: str, quantity: Decimal, price: Decimal, currency: str) -> tuple[str, str]:
    match item:
        case "energy":
            return f"{quantity / 1000:,.3f} kWh", f"{price} {currency}/kWh"
        case "time":
            return f"{quantity / 60:,.1f} min", f"{price} {currency}/min"
        case "vat":
            return f"{quantity} {currency}", f"{price:.0%}"
    return "", f"{price} {currency}"


def _closing(demonstration: Demonstration) -> list[tuple[str, str]]:
    record, result = demonstration.record, demonstration.result
    pairs = []
    if record is not None:
        pairs += [
            ("session", record.session_id),
            ("ended", record.stop_reason.value if record.stop_reason else "not yet"),
            ("billed to", record.emaid or "nobody"),
        ]
        if record.readings:
            pairs += [
                ("energy", f"{record.energy_wh / 1000:,.3f} kWh in {len(record.readings)} meter readings"),
                ("receipts", f"{demonstration.receipts_verified} of {len(record.receipts)} verified"),
            ]
        pairs += [("for review", flag) for flag in record.warnings]
    if result is not None:
        pairs.append(("messages", f"{result.messages} in {result.seconds:.2f} s"))
    if demonstration.fault and demonstration.as_it_should_be:
        pairs.append(("verdict", "refused where and as it has to be"))
    pairs.append(("stored in", demonstration.database))
    return pairs


def show_command(demonstration: Demonstration) -> str:
    """Give the command that shows the session again."""
    what = f"show {demonstration.record.session_id}" if demonstration.record else "list"
    return f"plugcharge sessions {what} --db {shlex.quote(demonstration.database)}"
