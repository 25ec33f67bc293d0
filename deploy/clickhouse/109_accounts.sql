-- One row for each account or household that somebody belongs to: what its members come to.

CREATE OR REPLACE VIEW accounts AS
SELECT
    workspace,
    account_profile_id,
    account_id,
    kind,
    traits,
    members,
    roles,
    member_profile_ids,
    first_seen_at,
    last_seen_at,
    events,
    orders,
    revenue,
    refunded,
    revenue - refunded AS net_revenue,
    currency,
    last_order_at,
    other_currencies,
    calls,
    complaints,
    open_complaints,
    complaining_since,
    worst_severity,
    csat_answers,
    csat_mean,
    nps_answers,
    nps_promoters,
    nps_detractors,
    nps,
    updated_at,
    version
FROM account_profiles FINAL
WHERE NOT gone;
