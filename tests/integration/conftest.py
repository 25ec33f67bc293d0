"""Fixtures that several files here share."""

from tests.integration.clickhouse_clients import clickhouse, http, table

__all__ = ["clickhouse", "http", "table"]
