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

-- Money is by currency where it is a map, else in the profile's currency.
ALTER TABLE profiles
    ADD COLUMN IF NOT EXISTS cancelled_orders UInt64,
    ADD COLUMN IF NOT EXISTS returned_orders UInt64,
    ADD COLUMN IF NOT EXISTS orders_with_cost UInt64 COMMENT 'orders whose every line has a cost',
    ADD COLUMN IF NOT EXISTS cost Nullable(Decimal(20, 4)) COMMENT 'of orders_with_cost',
    ADD COLUMN IF NOT EXISTS margin Nullable(Decimal(20, 4)) COMMENT 'of orders_with_cost',
    ADD COLUMN IF NOT EXISTS average_order Nullable(Decimal(20, 4)),
    ADD COLUMN IF NOT EXISTS payments UInt64,
    ADD COLUMN IF NOT EXISTS bills UInt64,
    ADD COLUMN IF NOT EXISTS paid_on_time UInt64,
    ADD COLUMN IF NOT EXISTS paid_late UInt64,
    ADD COLUMN IF NOT EXISTS days_late_mean Nullable(Float64) COMMENT 'of late bills',
    ADD COLUMN IF NOT EXISTS overdue_bills UInt64,
    ADD COLUMN IF NOT EXISTS overdue Map(String, Decimal(20, 4)) COMMENT 'still to be paid',
    ADD COLUMN IF NOT EXISTS complaints_by_step Map(String, UInt64),
    ADD COLUMN IF NOT EXISTS tickets UInt64,
    ADD COLUMN IF NOT EXISTS open_tickets Array(Tuple(
        ticket_id String, opened_at DateTime64(6, 'UTC'), priority String, step String,
        step_since DateTime64(6, 'UTC'))),
    ADD COLUMN IF NOT EXISTS tickets_reopened UInt64,
    ADD COLUMN IF NOT EXISTS first_contact_resolved UInt64,
    ADD COLUMN IF NOT EXISTS first_contact_known UInt64,
    ADD COLUMN IF NOT EXISTS cost_to_serve Map(String, Decimal(20, 4)),
    ADD COLUMN IF NOT EXISTS csat_last Nullable(Float64),
    ADD COLUMN IF NOT EXISTS nps_answers UInt64,
    ADD COLUMN IF NOT EXISTS nps_mean Nullable(Float64),
    ADD COLUMN IF NOT EXISTS nps_promoters UInt64,
    ADD COLUMN IF NOT EXISTS nps_detractors UInt64,
    ADD COLUMN IF NOT EXISTS reviews UInt64,
    ADD COLUMN IF NOT EXISTS review_mean Nullable(Float64) COMMENT 'share of the best rating',
    ADD COLUMN IF NOT EXISTS suggestions UInt64,
    ADD COLUMN IF NOT EXISTS sentiment_mean Nullable(Float64) COMMENT 'from -1 to 1',
    ADD COLUMN IF NOT EXISTS owner LowCardinality(String) COMMENT 'who of the company',
    ADD COLUMN IF NOT EXISTS leads UInt64,
    ADD COLUMN IF NOT EXISTS leads_qualified UInt64,
    ADD COLUMN IF NOT EXISTS open_opportunities Array(Tuple(
        opportunity_id String, opened_at DateTime64(6, 'UTC'), stage String,
        amount Nullable(Decimal(20, 4)), currency String, probability Nullable(Float64),
        expected_close Nullable(Date32))),
    ADD COLUMN IF NOT EXISTS pipeline Map(String, Decimal(20, 4)),
    ADD COLUMN IF NOT EXISTS weighted_pipeline Map(String, Decimal(20, 4)),
    ADD COLUMN IF NOT EXISTS opportunities_won UInt64,
    ADD COLUMN IF NOT EXISTS opportunities_lost UInt64,
    ADD COLUMN IF NOT EXISTS won Map(String, Decimal(20, 4)),
    ADD COLUMN IF NOT EXISTS contracts UInt64,
    ADD COLUMN IF NOT EXISTS renewal_due_on Nullable(Date32) COMMENT 'the first of all contracts',
    ADD COLUMN IF NOT EXISTS tier LowCardinality(String) COMMENT 'the newest of any programme',
    ADD COLUMN IF NOT EXISTS tier_since Nullable(DateTime64(6, 'UTC')),
    ADD COLUMN IF NOT EXISTS points Nullable(Decimal(20, 4)) COMMENT 'earned less redeemed',
    ADD COLUMN IF NOT EXISTS referrals_made UInt64,
    ADD COLUMN IF NOT EXISTS referrals_received UInt64,
    ADD COLUMN IF NOT EXISTS mentions UInt64,
    ADD COLUMN IF NOT EXISTS mention_reach UInt64,
    ADD COLUMN IF NOT EXISTS shares UInt64,
    ADD COLUMN IF NOT EXISTS campaigns_sent UInt64,
    ADD COLUMN IF NOT EXISTS campaigns_opened UInt64,
    ADD COLUMN IF NOT EXISTS campaigns_clicked UInt64,
    ADD COLUMN IF NOT EXISTS campaigns_converted UInt64,
    ADD COLUMN IF NOT EXISTS campaign_cost Map(String, Decimal(20, 4)),
    ADD COLUMN IF NOT EXISTS unsubscribed Array(String) COMMENT 'channels, and lists as channel/list',
    ADD COLUMN IF NOT EXISTS consent Map(String, Bool) COMMENT 'by purpose, the newest word',
    ADD COLUMN IF NOT EXISTS preferred_channel LowCardinality(String),
    ADD COLUMN IF NOT EXISTS preferred_hour Nullable(UInt8) COMMENT 'UTC',
    ADD COLUMN IF NOT EXISTS preferred_device LowCardinality(String),
    ADD COLUMN IF NOT EXISTS preferred_category LowCardinality(String),
    ADD COLUMN IF NOT EXISTS preferred_product String,
    ADD COLUMN IF NOT EXISTS products Map(String, UInt64),
    ADD COLUMN IF NOT EXISTS quality Nullable(Float64) COMMENT 'of what we know, from 0 to 100',
    ADD COLUMN IF NOT EXISTS facts_missing Array(String) COMMENT 'what we should know and do not',
    ADD COLUMN IF NOT EXISTS facts_late UInt64 COMMENT 'words on what was long over: not counted';

ALTER TABLE profiles MODIFY SETTING max_compress_block_size = 65536;

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
