-- Companies, households and other groups: the newest snapshot of each. Read it through accounts.

CREATE TABLE IF NOT EXISTS account_profiles
(
    workspace          LowCardinality(String),
    account_profile_id UUID,
    version            UInt64,
    updated_at         DateTime64(6, 'UTC'),
    gone               Bool COMMENT 'nobody is left who ever belonged to it: no facts',
    account_id         String COMMENT 'as its source names it; also in accounts of customers',
    kind               LowCardinality(String),
    traits             Map(String, String) COMMENT 'newest values; what is not text is JSON',
    members            UInt64,
    roles              Map(String, UInt64),
    tiers              Map(String, UInt64),
    member_profile_ids Array(UUID) COMMENT 'of up to 64 people',
    first_seen_at      Nullable(DateTime64(6, 'UTC')),
    last_seen_at       Nullable(DateTime64(6, 'UTC')),
    events             UInt64,
    orders             UInt64,
    revenue            Decimal(20, 4),
    refunded           Decimal(20, 4),
    currency           LowCardinality(String),
    last_order_at      Nullable(DateTime64(6, 'UTC')),
    other_currencies   Map(String, Decimal(20, 4)),
    orders_with_cost   UInt64,
    margin             Nullable(Decimal(20, 4)) COMMENT 'of the orders with cost',
    overdue            Map(String, Decimal(20, 4)) COMMENT 'money by currency',
    calls              UInt64,
    complaints         UInt64,
    open_complaints    UInt64,
    complaining_since  Nullable(DateTime64(6, 'UTC')) COMMENT 'the oldest open complaint',
    worst_severity     Nullable(UInt8) COMMENT 'of the open complaints',
    csat_answers       UInt64,
    csat_mean          Nullable(Float64),
    nps_answers        UInt64,
    nps_promoters      UInt64,
    nps_detractors     UInt64,
    nps                Nullable(Float64),
    tickets            UInt64,
    open_tickets       UInt64,
    ticket_open_since  Nullable(DateTime64(6, 'UTC')) COMMENT 'the oldest open ticket',
    cost_to_serve      Map(String, Decimal(20, 4)),
    open_opportunities UInt64,
    opportunities_won  UInt64,
    pipeline           Map(String, Decimal(20, 4)),
    weighted_pipeline  Map(String, Decimal(20, 4)),
    won                Map(String, Decimal(20, 4))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (workspace, account_profile_id);

ALTER TABLE account_profiles MODIFY SETTING max_compress_block_size = 65536;
