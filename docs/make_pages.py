"""Writes the pages of this folder that are tables of the code: states, timers, rules of certificates.

python docs/make_pages.py            # write them anew
python docs/make_pages.py --check    # exit code 1 when one of them is not what the code says
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from plugcharge import pki
from plugcharge.errors import LocalError
from plugcharge.session.evcc_iso2 import CAR_ISO2
from plugcharge.session.secc_iso2 import STATION_ISO2
from plugcharge.session.tables_iso2 import EVCC_TABLE, SECC_TABLE, EvccState, Outcome, SeccState
from plugcharge.session.timers_iso2 import MESSAGE_TIMEOUTS, TIMERS, Timer, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from enum import StrEnum

__all__ = ["PAGES", "main"]

HERE = Path(__file__).resolve().parent
_GENERATED = "Written by `docs/make_pages.py` from {source}; edit that, not this page.\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a Markdown table whose columns are aligned, so that it can be read as plain text as well."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in padded)


# -- states.md -------------------------------------------------------------------------------------------


class Edge(NamedTuple):
    """One arrow of a diagram."""

    start: StrEnum
    end: StrEnum
    label: str


def diagram(states: type[StrEnum], first: StrEnum, last: StrEnum, edges: Iterable[Edge]) -> str:
    """Give a Mermaid state diagram."""
    names = [f'    state "{state.value}" as {state.name}' for state in states]
    arrows = [f"    {edge.start.name} --> {edge.end.name} : {edge.label}" for edge in edges]
    ends = [f"    [*] --> {first.name}", *arrows, f"    {last.name} --> [*]"]
    return "\n".join(["```mermaid", "stateDiagram-v2", *names, *ends, "```"]) + "\n"


_NOTHING = "nothing in common"


def _answer(message: str, outcome: Outcome) -> str:
    return message if outcome is Outcome.OK else f"{message}, {outcome}"


def _station_rows() -> list[tuple[str, str, str]]:
    order = list(SeccState)
    rows = [(f"**{SeccState.PROTOCOL}**", "", "")]
    rows.append(("supportedAppProtocolReq", STATION_ISO2.first.value, "[V2G2-169]"))
    rows.append((f"supportedAppProtocolReq, {_NOTHING}", STATION_ISO2.ended.value, "[V2G2-172]"))
    by_state = sorted(SECC_TABLE.values(), key=lambda row: order.index(row.state))
    for state, of_state in groupby(by_state, key=lambda row: row.state):
        rows.append((f"**{state}**", "", ""))
        for row in of_state:
            for outcome, target in row.leads_to.items():
                rows.append((_answer(row.request.__name__, outcome), target.value, row.requirement))
    return rows


def _station_edges() -> list[Edge]:
    edges = [Edge(SeccState.PROTOCOL, STATION_ISO2.first, "supportedAppProtocolReq")]
    for row in SECC_TABLE.values():
        for outcome, target in row.leads_to.items():
            edges.append(Edge(row.state, target, _answer(row.request.__name__, outcome)))
    return edges


def _car_rows() -> list[tuple[str, str, str]]:
    rows = [(f"**{EvccState.PROTOCOL}**: supportedAppProtocolReq", "", "")]
    rows.append(("supportedAppProtocolRes", CAR_ISO2.first.value, "[V2G2-170]"))
    rows.append((f"supportedAppProtocolRes, {_NOTHING}", CAR_ISO2.ended.value, "[V2G2-173]"))
    for row in EVCC_TABLE.values():
        rows.append((f"**{row.state}**: {row.request.__name__}", "", ""))
        for outcome, target in row.leads_to.items():
            rows.append((_answer(row.response.__name__, outcome), target.value, row.requirement))
    return rows


def _car_edges() -> list[Edge]:
    edges = [Edge(EvccState.PROTOCOL, CAR_ISO2.first, "supportedAppProtocolRes")]
    for row in EVCC_TABLE.values():
        for outcome, target in row.leads_to.items():
            edges.append(Edge(row.state, target, _answer(row.response.__name__, outcome)))
    return edges


_STATES = """\
# The states of a -2 session

{generated}
State names are those in logs, in `SessionCore.state` and in `SessionEnded.state`. A word after a message
says which of its answers is meant: `ongoing` for "not yet, ask again", `contract` and `external` for the
way to pay, `start`, `stop`, `renegotiate` for what the car asked of the power or wants next, `receipt` for
a reading that has to be signed, `failed` for a FAILED response.

On both sides and in every state the session ends when octets cannot be read [V2G2-537], when a timer is
over ([timers.md](timers.md)), when the connection is lost, and when the host calls `abort`.

## Station (SECC): which request is taken in which state

A request that is not listed for the state is answered with `FAILED_SequenceError` [V2G2-538]. Every FAILED
response leads to `{failed}`, but for the rows that say otherwise; a second one ends the session.

{station}
{station_diagram}
## Car (EVCC): what is sent in which state

Another response than the one listed [V2G2-482], or one under another session id [V2G2-460], closes the
connection. A FAILED response leads to `SessionStop` at once, with power on as well, since a station takes
nothing else then; after `FAILED_SequenceError` and `FAILED_UnknownSession`, and before there is a session,
it leads to the end. Every other reason to stop (the driver, the station, a response that makes no sense)
leads to `PowerDelivery(Stop)` once power was asked for, before that to `SessionStop`.

{car}
{car_diagram}"""


def states_page() -> str:
    """Both sides' transitions."""
    return _STATES.format(
        generated=_GENERATED.format(source="`session/tables_iso2.py`"),
        failed=STATION_ISO2.failed.value,
        station=table(("state, and what is taken in it", "next state", "source"), _station_rows()),
        station_diagram=diagram(SeccState, SeccState.PROTOCOL, STATION_ISO2.ended, _station_edges()),
        car=table(("state: what is sent, and its answers", "next state", "source"), _car_rows()),
        car_diagram=diagram(EvccState, EvccState.PROTOCOL, CAR_ISO2.ended, _car_edges()),
    )


# -- timers.md -------------------------------------------------------------------------------------------


def _own_fields() -> list[tuple[str, str]]:
    """Give the timers with a setting of their own: ``checked`` refuses them and says which it is."""
    fields = []
    for timer in Timer:
        try:
            checked({timer: 1.0})
        except LocalError as error:
            fields.append((timer.value, error.advice.removeprefix("set ")))
    return fields


_TIMERS = """\
# The timers of a -2 session

{generated}
A session reads no clock. `next_deadline()` says when the first of its timers is over; the host then calls
`timeout(now)`.

{timers}
A value is changed by the timer's name, on the side that keeps it:

```python
from plugcharge.session.timers_iso2 import checked

checked({{"V2G_SECC_Sequence_Timeout": 90.0}})  # what SeccConfig(timers=...) and EvccConfig(timers=...) take
```

These have a setting of their own instead, whose default counts:

{fields}
The car waits `{usual}` for a response, but for these requests:

{requests}"""


def timers_page() -> str:
    """Every timer."""
    return _TIMERS.format(
        generated=_GENERATED.format(source="`session/timers_iso2.py`"),
        timers=table(
            ("timer", "value", "who", "when it is over", "source"),
            [
                (row.timer.value, f"{row.seconds:g} s", row.side.value, row.action, row.requirement)
                for row in TIMERS.values()
            ],
        ),
        fields=table(("timer", "set with"), _own_fields()),
        usual=Timer.MESSAGE.value,
        requests=table(
            ("request", "timer", "value"),
            [
                (request.__name__, timer.value, f"{TIMERS[timer].seconds:g} s")
                for request, timer in MESSAGE_TIMEOUTS.items()
            ],
        ),
    )


# -- certificate-rules.md --------------------------------------------------------------------------------

_STAGES = {
    "count": "Count: before anything is parsed",
    "form": "Form: each certificate by itself",
    "link": "Link: from the leaf to a trusted root",
    "anchor": "Anchor: which root, and whether every certificate is needed",
    "time": "Time: valid at the time of the check",
    "issuer": "Issuer: the certificates that sign others",
    "leaf": "Leaf: what the leaf's purpose asks for",
    "revocation": "Revocation: what is known to be withdrawn",
    "name": "Name: who the leaf is for",
}


def _entry(rules: Sequence[pki.ChainRule]) -> str:
    """Give one rule; for leaves it has an id for each purpose."""
    rule = rules[0]
    interop = "tolerated under interop" if rule.tolerated else "never tolerated"
    facts = [f"`{rule.code}`", interop, *([rule.requirement] if rule.requirement else [])]
    ids = ",\n".join(f"**`{one.id}`**" for one in rules)
    points = (f"must hold: {rule.description}", ", ".join(facts), f"to do: {rule.advice}")
    return f"{ids}\n\n{''.join(_point(text) for text in points)}"


def _point(text: str) -> str:
    lines = textwrap.wrap(text, 110, break_on_hyphens=False, break_long_words=False)
    return "- " + "\n  ".join(lines) + "\n"


_RULES = """\
# The rules of certificate chains

{generated}
`pki.validate` checks these rules in this order and raises `ChainError`: its `rule` is one of the ids below,
its `code` is the ResponseCode to send. When a chain has several paths to a root, the one that got furthest
is reported. `rules="strict"` (the default) tolerates nothing. `rules="interop"` goes on where a rule says
"tolerated", and lists it in `ValidatedChain.tolerated`. A rule of leaves has one id for each purpose.

{overview}
{entries}"""


def rules_page() -> str:
    """Every rule that a chain can break."""
    order = list(_STAGES)
    rules = sorted(pki.chain_rules(), key=lambda rule: order.index(rule.stage))
    entries, overview = [], []
    for stage, of_stage in groupby(rules, key=lambda rule: rule.stage):
        listed = list(of_stage)
        groups = [list(group) for _, group in groupby(listed, key=lambda rule: rule[1:])]
        overview.append(
            (stage.capitalize(), str(len(groups)), ", ".join(sorted({rule.code for rule in listed})))
        )
        entries.append(f"## {_STAGES[stage]}\n\n" + "\n".join(_entry(group) for group in groups))
    return _RULES.format(
        generated=_GENERATED.format(source="`pki.chain_rules()`"),
        overview=table(("stage", "rules", "response codes"), overview),
        entries="\n".join(entries),
    )


PAGES: dict[str, Callable[[], str]] = {
    "states.md": states_page,
    "timers.md": timers_page,
    "certificate-rules.md": rules_page,
}
"""The pages by their file names."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or compare them; gives the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a page differs")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the pages are (default: docs)")
    options = parser.parse_args(arguments)
    stale = []
    for name, make in PAGES.items():
        path, text = options.folder / name, make()
        if options.check:
            if not path.exists() or path.read_text("utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, "utf-8")
    if stale:
        sys.stderr.write(f"not what the code says: {', '.join(stale)}; run python docs/make_pages.py\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
