-- What journey decided: stage transitions, alerts and requested actions, each once by its id. The
-- bloom filter finds the transitions of one profile.

CREATE TABLE IF NOT EXISTS lifecycle
(
    workspace      LowCardinality(String),
    event_id       UUID,
    version        UInt64 COMMENT 'µs since 1970 of decided_at',
    profile_id     UUID,
    from_stage     LowCardinality(String) COMMENT 'empty: the first stage of this profile',
    to_stage       LowCardinality(String),
    won_back       Bool,
    at             DateTime64(6, 'UTC') COMMENT 'when it became true',
    decided_at     DateTime64(6, 'UTC') COMMENT 'when it was seen',
    cause          LowCardinality(String),
    cause_detail   String,
    cause_event_id Nullable(UUID),
    scores_version UInt64,
    historic       Bool COMMENT 'its cause was too old to act on: recorded, sent to nobody',

    INDEX of_profile profile_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, event_id);

-- Of a table that was there before.
ALTER TABLE lifecycle
    ADD INDEX IF NOT EXISTS of_profile profile_id TYPE bloom_filter(0.01) GRANULARITY 1;
ALTER TABLE lifecycle MATERIALIZE INDEX of_profile;

CREATE TABLE IF NOT EXISTS alerts
(
    workspace        LowCardinality(String),
    event_id         UUID,
    version          UInt64 COMMENT 'µs since 1970 of decided_at',
    alert_id         UUID COMMENT 'raised once, cleared once',
    profile_id       UUID,
    kind             LowCardinality(String),
    state            LowCardinality(String),
    severity         UInt8,
    at               DateTime64(6, 'UTC'),
    decided_at       DateTime64(6, 'UTC'),
    cause            LowCardinality(String),
    cause_detail     String,
    cause_event_id   Nullable(UUID),
    suggested_action String,
    scores_version   UInt64,
    historic         Bool
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, event_id);

CREATE TABLE IF NOT EXISTS actions
(
    workspace      LowCardinality(String),
    event_id       UUID,
    version        UInt64 COMMENT 'µs since 1970 of requested_at',
    profile_id     UUID,
    action         LowCardinality(String),
    title          String,
    parameters     String CODEC(ZSTD) COMMENT 'JSON',
    requested_at   DateTime64(6, 'UTC'),
    cause          LowCardinality(String),
    cause_detail   String,
    cause_event_id Nullable(UUID),
    historic       Bool
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, event_id);
