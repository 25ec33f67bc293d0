"""The page of results: short, aligned, and made of the same numbers as build/demo.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.cli.demo.measure import Row, money

STAGES: Final = {
    "potential": "potential 潜在客户",
    "new": "new 新客户",
    "growing": "growing 成长期",
    "mature": "mature 成熟期",
    "dormant": "dormant 休眠",
    "lost": "lost 流失",
}


def show(
    console: Console, found: Mapping[str, Any], stages: Mapping[str, Row], alerts: Iterable[Row]
) -> None:
    """Events, people, stages, RFM, model, alerts and webhooks."""
    for left, right in (
        (_events(found), _refused(found)),
        (_stages(stages), _rfm(found["rfm"])),
        (_model(found), _alerts(alerts)),
    ):
        row = Table.grid(padding=(0, 6))
        row.add_row(left, right)
        console.print()
        console.print(row)
    console.print()
    console.print(_speed(found))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", header_style="dim")
    return table


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _events(found: Mapping[str, Any]) -> Table:
    table = _table("What came out", "", "")
    lines = {
        "messages sent": found["sent"],
        "distinct touchpoints": found["distinct"],
        "duplicates dropped": found["duplicates_dropped"],
        "refused (dead letters)": found["dead_letters"],
        "purchases": found["purchases"],
        "revenue, USD": f"{float(found['revenue']):,.2f}",
        "customers": found["customers"],
        "profiles": found["profiles"],
        "true number of people": found["people_true"],
        "identity errors": found["identity_errors"],
        "stages that differ from Redis": found["stage_errors"],
        "identifiers joined": found["merges"],
        "webhooks due": found["deliveries_due"],
        "of these by the clock alone": found["deliveries_due_by_clock"],
        "webhooks verified": found["webhooks_verified"],
    }
    for name, value in lines.items():
        table.add_row(name, _count(value))
    return table


def _refused(found: Mapping[str, Any]) -> Table:
    table = _table("Refused, by reason", "", "")
    for reason, count in found["dead_letters_by_reason"].items():
        table.add_row(reason, _count(count))
    return table


def _stages(stages: Mapping[str, Row]) -> Table:
    table = _table("Lifecycle", "stage", "profiles", "orders", "net revenue", "P(alive)")
    for name, title in STAGES.items():
        if row := stages.get(name):
            alive = row["p_alive"]
            table.add_row(
                title,
                _count(row["profiles"]),
                _count(row["orders"]),
                f"{row['revenue']:,.0f}",
                "-" if alive is None else f"{alive:.2f}",
            )
    return table


def _rfm(grid: Iterable[list[int]]) -> Table:
    """Recency down, frequency across, customers in the cells; 5 is best."""
    cells = {(recency, frequency): customers for recency, frequency, customers in grid}
    table = _table("RFM, 5 is best", "", *(f"F{f}" for f in range(1, 6)))
    for recency in range(5, 0, -1):
        counts = (cells.get((recency, frequency), 0) for frequency in range(1, 6))
        table.add_row(f"R{recency}", *(_count(count) if count else "·" for count in counts))
    return table


def _alerts(alerts: Iterable[Row]) -> Table:
    table = _table("Alerts", "kind", "raised", "cleared", "sent")
    for row in alerts:
        table.add_row(row["kind"], *(_count(row[name]) for name in ("raised", "cleared", "sent")))
    return table


def _model(found: Mapping[str, Any]) -> Table:
    model = found["model"]
    table = _table("Model, fitted on these customers", "", "")
    groups = {
        "BG/NBD r, α, a, b": ("bg_r", "bg_alpha", "bg_a", "bg_b"),
        "Gamma-Gamma p, q, γ": ("gg_p", "gg_q", "gg_gamma"),
    }
    for title, names in groups.items():
        values = [model.get(name) for name in names]
        text = ", ".join("-" if value is None else f"{value:.3f}" for value in values)
        table.add_row(title, text)
    return table


def _speed(found: Mapping[str, Any]) -> Text:
    seconds = found["seconds"]
    phases = ", ".join(f"{name} {value:.0f}" for name, value in seconds.items())
    return Text(
        f"{found['events_per_s']:,} messages/s through everything · peak memory "
        f"{found['peak_memory_mb']:,} MB · seconds: {phases}\n"
        f"Redis: {found['redis_bytes_per_profile']:,} bytes a profile "
        f"({found['redis_bytes_per_profile_all_services']:,} with journey's state of it), "
        f"{found['redis_bytes_per_message_id']} a message id",
        style="dim",
    )


def customer(row: Row) -> Panel | Text:
    """The 360° view of one customer."""
    if not row:
        return Text("no customer with calls and complaints in this small run", style="dim")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in _facts(row):
        table.add_row(name, value)
    name = row["traits"].get("name", "")
    return Panel(table, title=f"360° {name} · {row['user_id']}", title_align="left", expand=False)


def _facts(row: Row) -> list[tuple[str, str]]:
    known = [f"{one['kind']} {one['value']}" for one in row["identifiers"]]
    scores = (row["recency"], row["frequency"], row["monetary"])
    return [
        ("known as", "\n".join(known)),
        ("orders", f"{row['orders']} for {money(row['revenue'])} {row['currency']}"),
        ("stage", f"{STAGES.get(row['stage'], '-')} since {_day(row['stage_since'])}"),
        ("RFM", f"{'-'.join(str(score) for score in scores)} {row['segment']}"),
        ("P(alive)", _number(row["p_alive"], 2)),
        ("CLV", f"{_number(row['clv_predicted_12m'], 2)} in the next 12 months"),
        ("contact", f"{row['calls']} calls, {row['complaints']} complaints"),
        ("open alerts", ", ".join(row["open_alerts"]) or "none"),
        ("events", ", ".join(f"{count} {kind}" for kind, count in row["events_by_kind"].items())),
    ]


def _number(value: object, digits: int) -> str:
    return "-" if value is None else f"{float(str(value)):,.{digits}f}"


def _day(moment: object) -> str:
    return str(moment)[:10] if moment else "-"


def where_to_look(addresses: Mapping[str, str], home: str) -> Table:
    """While everything is up: addresses, and a question to ask."""
    table = _words("Where to look")
    for name, address in addresses.items():
        table.add_row(name, address)
    sql = "SELECT stage, count() FROM rapport.customers GROUP BY stage FORMAT PrettyCompact"
    table.add_row("ask", f"curl '{addresses['ClickHouse']}' --data-binary \"{sql}\"")
    table.add_row("logs", f"{home}/log")
    table.add_row("all numbers", "build/demo.json")
    return table


def what_to_type() -> Table:
    """When everything is ended: how to go on."""
    table = _words("What to type next")
    table.add_row("make demo", "at a terminal it stays up, and says where to look")
    table.add_row("rapport up --detach", "Kafka, Redis and ClickHouse for your own events")
    table.add_row("rapport serve", "the services on them")
    table.add_row("less build/demo.json", "all numbers of this run")
    return table


def _words(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.show_header = False
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    return table
