-- A read-only user for analysts and BI tools on a ClickHouse server of your own. Not applied by the
-- services; an administrator runs it once:
--
--   clickhouse-client --param_password="$RAPPORT_ANALYST_PASSWORD" --multiquery < analyst.sql
--
-- readonly = 1 refuses writes, DDL, table functions that reach files or other machines, and every
-- change of a setting, so these limits hold. Embedded and docker compose bring the same user.

CREATE SETTINGS PROFILE IF NOT EXISTS rapport_analyst SETTINGS
    max_execution_time = 30,
    max_result_rows = 1000000,
    max_memory_usage = 4000000000,
    readonly = 1;

CREATE ROLE IF NOT EXISTS rapport_analyst SETTINGS PROFILE 'rapport_analyst';

GRANT SELECT ON rapport.* TO rapport_analyst;

CREATE USER IF NOT EXISTS analyst
    IDENTIFIED WITH sha256_password BY {password:String}
    DEFAULT ROLE rapport_analyst;

GRANT rapport_analyst TO analyst;
