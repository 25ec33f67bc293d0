"""Deleting one person from a wide table takes little memory, on a server that has little."""

from __future__ import annotations

from deploy.embedded.engines import Engines
from tests.columns_engine import asked, database

WIDE = 30
_SMALL_BLOCKS = """
SELECT name, position(engine_full, 'max_compress_block_size = 65536') > 0 AS small
FROM system.tables
WHERE database = currentDatabase() AND name IN
    (SELECT table FROM system.columns WHERE database = currentDatabase()
     GROUP BY table HAVING count() >= {least})
    AND engine LIKE '%MergeTree'
ORDER BY name
"""


def test_wide_tables_are_written_in_small_blocks(engines: Engines) -> None:
    """ClickHouse holds a block (1 MB else) for each of their columns while it writes a part."""
    with database(engines.clickhouse, "wide_tables") as client:
        found = {
            row["name"]: row["small"] for row in asked(client, _SMALL_BLOCKS.format(least=WIDE))
        }
    assert found.keys() >= {"profiles", "touchpoints", "account_profiles"}
    assert [name for name, small in found.items() if not small] == []
