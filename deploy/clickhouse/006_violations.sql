-- Events that are not as their tracking plan says; the three arrays go together, field by field.

CREATE TABLE IF NOT EXISTS violations
(
    workspace     LowCardinality(String),
    event_id      UUID,
    version       UInt64 COMMENT 'µs since 1970 of at',
    source        LowCardinality(String),
    plan          LowCardinality(String),
    event         String COMMENT 'the kind, or the name of a custom event',
    outcome       LowCardinality(String) COMMENT 'allowed, quarantined or blocked',
    fields        Array(String) COMMENT 'paths in the properties, such as lines.0.sku',
    rules         Array(LowCardinality(String)),
    details       Array(String),
    touchpoint_id UUID COMMENT 'event_id in touchpoints, where it was allowed',
    message_id    String,
    at            DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, event_id)
TTL at + INTERVAL 30 DAY;

-- Tables that are older than it.
ALTER TABLE violations MODIFY TTL at + INTERVAL 30 DAY;
