"""The README's tables of settings, topics and metrics, and its queries, from the code.

`python -m services.cli.reference` writes them; a test fails when they are stale.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from prometheus_client import REGISTRY

from schemas.topics import TOPICS
from services.common.settings import Settings

README: Final = Path(__file__).parents[2] / "README.md"
METRIC_MODULES: Final = (
    "services.common.metrics",
    "services.common.workspace_metrics",
    "services.ingest.metrics",
    "services.profile.metrics",
    "services.profile.api.metrics",
    "services.scoring.metrics",
    "services.journey.metrics",
    "services.journey.deliver.metrics",
)


def with_tables(readme: str) -> str:
    """The text with its tables and example queries as the code has them now."""
    for name, rows in (
        ("settings", _settings()),
        ("topics", _topics()),
        ("metrics", _metrics()),
        ("queries", _queries()),
    ):
        table = "\n".join(rows)
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
        readme = pattern.sub(lambda found, table=table: found[1] + table + found[2], readme)  # type: ignore[misc]
    return readme


def _table(head: str, rows: Iterable[tuple[str, ...]]) -> list[str]:
    columns = head.count("|") + 1
    lines = [f"| {head} |", "|" + " --- |" * columns]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def _settings() -> list[str]:
    return _table(
        "setting | default | what it does",
        (
            (f"`RAPPORT_{name.upper()}`", f"`{field.default}`", field.description or "")
            for name, field in Settings.model_fields.items()
        ),
    )


def _topics() -> list[str]:
    return _table(
        "topic | key | value | kept | written by | read by",
        (
            (f"`{t.name}`", t.key, t.value, _kept(t.retention_ms), t.written_by, t.read_by)
            for t in TOPICS
        ),
    )


def _kept(retention_ms: int | None) -> str:
    return "newest of each key" if retention_ms is None else f"{retention_ms // 86_400_000} days"


def _metrics() -> list[str]:
    for name in METRIC_MODULES:
        importlib.import_module(name)
    found = {
        (metric.name + ("_total" if metric.type == "counter" else ""), metric.documentation)
        for metric in REGISTRY.collect()
        if metric.name.startswith("rapport_")
    }
    return _table("metric | what it says", ((f"`{name}`", text) for name, text in sorted(found)))


def _queries() -> list[str]:
    examples = sorted((README.parent / "deploy" / "clickhouse" / "examples").glob("*.sql"))
    return ["```sql", *(path.read_text(encoding="utf-8") for path in examples), "```"]


def main() -> None:
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
