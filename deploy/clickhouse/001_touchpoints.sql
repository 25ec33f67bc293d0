-- Everything that happened, one row for each event. Rows are absolute: the same event inserted
-- again replaces itself, so replays change nothing. Read it through touchpoints_resolved, which
-- hides FINAL and follows merges.
--
-- The key is the event alone: after a loss of Redis an event may be resolved again to another
-- profile, and must still be one row. The bloom filter finds the rows of one profile.

CREATE TABLE IF NOT EXISTS touchpoints
(
    workspace    LowCardinality(String),
    event_id     UUID,
    version      UInt64 COMMENT 'ms since 1970 at which it was published; the newest wins',
    profile_id   UUID COMMENT 'the profile it counted for when it came; see touchpoints_resolved',
    kind         LowCardinality(String),
    name         String COMMENT 'the name of a custom event, the page or the product, else empty',
    source       LowCardinality(String),
    channel      LowCardinality(String) COMMENT 'empty: not said',
    message_id   String,
    occurred_at  DateTime64(6, 'UTC'),
    received_at  DateTime64(6, 'UTC'),
    identifiers  Array(Tuple(kind LowCardinality(String), value String)),
    order_id     String COMMENT 'orders and refunds, else empty',
    amount       Nullable(Decimal(20, 4)) COMMENT 'order total, refund, price seen, cost of a remedy',
    currency     LowCardinality(String) COMMENT 'of amount',
    lines        Array(Tuple(
        sku String, category String, quantity Decimal(20, 4),
        price Nullable(Decimal(20, 4)), cost Nullable(Decimal(20, 4)))),
    sku          String COMMENT 'of a product viewed',
    category     LowCardinality(String),
    url          String,
    complaint_id String,
    severity     Nullable(UInt8),
    product      LowCardinality(String) COMMENT 'of a complaint',
    team         LowCardinality(String),
    agent        LowCardinality(String),
    direction    LowCardinality(String),
    duration_s   Nullable(Float64),
    survey       LowCardinality(String),
    score        Nullable(Float64),
    properties   String CODEC(ZSTD) COMMENT 'JSON: everything the event carried',
    context      String CODEC(ZSTD) COMMENT 'JSON',

    INDEX of_profile profile_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, event_id);

-- Memory of every insertion, merge and deletion grows with columns x this (1 MB else): deleting one
-- person from a wide table took 600 MB, and takes less than 150.
ALTER TABLE touchpoints MODIFY SETTING max_compress_block_size = 65536;
