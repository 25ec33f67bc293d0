-- Whom to forget. Rows of these profiles that come again (a topic that is read anew) are left out;
-- `rapport erase` deletes what was there. Ids are keyed hashes.

CREATE TABLE IF NOT EXISTS erased_profiles
(
    workspace  LowCardinality(String),
    profile_id UUID,
    version    UInt64 COMMENT 'µs since 1970: rows that are not newer are left out',
    at         DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, profile_id);
