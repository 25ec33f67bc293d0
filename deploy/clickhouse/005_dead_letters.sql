-- What was refused, at any stage, with the reason and the original bytes (base64). Like its topic
-- it is kept for 30 days: personal data stands in it.

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
    at         DateTime64(6, 'UTC'),
    way        String CODEC(ZSTD) COMMENT 'JSON: how a call had come to ingest',
    former     Nullable(UUID) COMMENT 'the letter that was re-driven',
    key        Nullable(String) COMMENT 'base64',
    headers    Array(Tuple(name String, value String)) COMMENT 'values are base64',
    cut        Bool COMMENT 'original is not all of it',
    request_id String COMMENT 'x-request-id of the answer to the call',
    endpoint   String COMMENT 'workspace/name, of a webhook that was given up'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, event_id)
TTL at + INTERVAL 30 DAY;

-- Tables that are older than these columns.
ALTER TABLE dead_letters
    ADD COLUMN IF NOT EXISTS way String CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS former Nullable(UUID),
    ADD COLUMN IF NOT EXISTS key Nullable(String),
    ADD COLUMN IF NOT EXISTS headers Array(Tuple(name String, value String)),
    ADD COLUMN IF NOT EXISTS cut Bool,
    ADD COLUMN IF NOT EXISTS request_id String,
    ADD COLUMN IF NOT EXISTS endpoint String;

-- Tables that are older than it; what they hold is looked through once.
ALTER TABLE dead_letters MODIFY TTL at + INTERVAL 30 DAY;

-- What became of letters; one that has no row with its `at` (or a later one) is open. A row outlives
-- its letter, since it is made later.
CREATE TABLE IF NOT EXISTS dead_letters_handled
(
    workspace LowCardinality(String),
    event_id  UUID,
    version   UInt64 COMMENT 'µs since 1970 of at',
    letter_id UUID,
    letter_at DateTime64(6, 'UTC'),
    handling  LowCardinality(String),
    at        DateTime64(6, 'UTC'),
    who       String,
    run       UUID,
    rule      String,
    why       String
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, letter_id, event_id)
TTL at + INTERVAL 30 DAY;

ALTER TABLE dead_letters_handled MODIFY TTL at + INTERVAL 30 DAY;
