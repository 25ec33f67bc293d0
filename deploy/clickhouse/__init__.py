"""The tables and views in ClickHouse: numbered SQL files, applied in their order by migrate."""
