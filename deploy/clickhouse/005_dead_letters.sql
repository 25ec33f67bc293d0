-- What was refused, at any stage, with the reason and the original bytes (base64).

CREATE TABLE IF NOT EXISTS dead_letters
(
    workspace  LowCardinality(String),
    event_id   UUID,
    version    UInt64 COMMENT 'µs since 1970 of at',
    service    LowCardinality(String),
    reason     LowCardinality(String),
    detail     String,
    field      String,
    source     LowCardinality(String),
    message_id String,
    original   String CODEC(ZSTD),
    topic      LowCardinality(String),
    partition  Nullable(Int32),
    offset     Nullable(Int64),
    at         DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, event_id);
