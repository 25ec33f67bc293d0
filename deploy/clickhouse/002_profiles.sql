-- Who the customers are: the newest snapshot of each profile, its identifiers, and where merged
-- profiles went. Read them through customers and redirects.

CREATE TABLE IF NOT EXISTS profiles
(
    workspace          LowCardinality(String),
    profile_id         UUID,
    version            UInt64,
    updated_at         DateTime64(6, 'UTC'),
    merged_into        Nullable(UUID) COMMENT 'set: it joined another profile and has no facts',
    identifiers        Array(Tuple(kind LowCardinality(String), value String)),
    refused_links      UInt64,
    traits             Map(String, String) COMMENT 'newest values; what is not text is JSON',
    accounts           Array(String),
    first_seen_at      Nullable(DateTime64(6, 'UTC')),
    last_seen_at       Nullable(DateTime64(6, 'UTC')),
    events             UInt64,
    events_by_kind     Map(String, UInt64),
    events_by_channel  Map(String, UInt64),
    last_at_by_kind    Map(String, DateTime64(6, 'UTC')),
    categories         Map(String, UInt64),
    orders             UInt64,
    revenue            Decimal(20, 4),
    refunded           Decimal(20, 4),
    currency           LowCardinality(String),
    purchase_days      UInt64,
    first_day          Nullable(Date32) COMMENT 'first UTC day with an order',
    last_day           Nullable(Date32),
    repeat_revenue     Decimal(20, 4) COMMENT 'of all purchase days but the first',
    last_order_at      Nullable(DateTime64(6, 'UTC')),
    other_currencies   Map(String, Decimal(20, 4)),
    calls              UInt64,
    call_duration_s    Float64,
    complaints         UInt64,
    complaints_handled UInt64,
    open_complaints    Array(Tuple(
        complaint_id String, received_at DateTime64(6, 'UTC'), severity UInt8, category String)),
    csat_answers       UInt64,
    csat_mean          Nullable(Float64),
    nps_last           Nullable(Float64),
    ces_mean           Nullable(Float64)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, profile_id);

CREATE TABLE IF NOT EXISTS profile_identifiers
(
    workspace  LowCardinality(String),
    kind       LowCardinality(String),
    value      String,
    profile_id UUID,
    version    UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, kind, value);

CREATE TABLE IF NOT EXISTS profile_redirects
(
    workspace   LowCardinality(String),
    profile_id  UUID,
    merged_into UUID,
    version     UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, profile_id);
