-- What each customer is worth and likely to do, as of the last snapshot; and the models behind it.
-- Time moves scores without events: read P(alive) and recency of this moment from scores_now.

CREATE TABLE IF NOT EXISTS scores
(
    workspace                   LowCardinality(String),
    profile_id                  UUID,
    version                     UInt64,
    profile_version             UInt64,
    model_version               UInt64,
    as_of                       DateTime64(6, 'UTC'),
    merged_into                 Nullable(UUID),
    recency                     Nullable(UInt8) COMMENT '1-5, 5 best',
    frequency                   Nullable(UInt8),
    monetary                    Nullable(UInt8),
    segment                     LowCardinality(String),
    recency_days                Nullable(Float64),
    p_alive                     Nullable(Float64),
    churn_probability           Nullable(Float64),
    churn_basis                 LowCardinality(String),
    alive_below                 Array(Tuple(threshold Float64, at DateTime64(6, 'UTC'))),
    clv_historic                Nullable(Decimal(20, 4)),
    clv_predicted_12m           Nullable(Decimal(20, 4)),
    clv_total                   Nullable(Decimal(20, 4)),
    clv_currency                LowCardinality(String),
    expected_orders_12m         Nullable(Float64),
    expected_orders_30d         Nullable(Float64),
    expected_next_order_at      Nullable(DateTime64(6, 'UTC')),
    average_days_between_orders Nullable(Float64),
    value_segment               LowCardinality(String),
    high_value                  Bool,
    missing                     Map(String, String) COMMENT 'score -> why there is none',
    reasons                     Map(String, Array(String))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, profile_id);

ALTER TABLE scores MODIFY SETTING max_compress_block_size = 65536;

CREATE TABLE IF NOT EXISTS models
(
    workspace                   LowCardinality(String),
    version                     UInt64,
    fitted_at                   DateTime64(6, 'UTC'),
    currency                    LowCardinality(String),
    bg_r                        Nullable(Float64),
    bg_alpha                    Nullable(Float64) COMMENT 'weeks',
    bg_a                        Nullable(Float64),
    bg_b                        Nullable(Float64),
    bg_log_likelihood           Nullable(Float64),
    gg_p                        Nullable(Float64),
    gg_q                        Nullable(Float64),
    gg_gamma                    Nullable(Float64),
    rfm_recency_days            Array(Float64),
    rfm_frequency               Array(Float64),
    rfm_monetary                Array(Float64),
    first_gap_days              Array(Float64) COMMENT '21 quantiles of the first gap',
    median_gap_days             Nullable(Float64),
    present_value_median        Nullable(Float64),
    future_value_median         Nullable(Float64),
    high_value_from             Nullable(Float64),
    discount_rate_per_year      Float64,
    customers                   UInt64,
    repeat_customers            UInt64,
    orders                      UInt64,
    history_days                Int64,
    days_since_last_order       Float64,
    customers_with_three_orders UInt64,
    enough                      Bool,
    why_not                     String
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, version);
