-- Who did what about whom. Only a copy for questions: whether the trail was changed is verified on
-- the topic (rapport audit verify).

CREATE TABLE IF NOT EXISTS audit
(
    workspace LowCardinality(String),
    event_id  UUID,
    version   UInt64 COMMENT 'µs since 1970 of at',
    writer    String,
    sequence  UInt64,
    at        DateTime64(6, 'UTC'),
    who       String,
    what      LowCardinality(String) COMMENT 'such as profile.read',
    subject   String COMMENT 'a profile id or a keyed hash',
    details   Map(String, String),
    hash      String
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, event_id)
TTL at + INTERVAL 1826 DAY;
