"""Fixtures that several files here share."""

from tests.integration.clickhouse_clients import clickhouse, http, table
from tests.integration.segment_world import segment
from tests.integration.views_world import views, views_database

__all__ = ["clickhouse", "http", "segment", "table", "views", "views_database"]
