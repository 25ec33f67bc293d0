-- The 360° view: one row for each living profile with its newest scores, stage and open alerts.

CREATE OR REPLACE VIEW customers AS
SELECT
    profile.workspace AS workspace,
    profile.profile_id AS profile_id,
    arrayFirst(i -> i.kind = 'user_id', profile.identifiers).value AS user_id,
    arrayFirst(i -> i.kind = 'email', profile.identifiers).value AS email,
    arrayFirst(i -> i.kind = 'phone', profile.identifiers).value AS phone,
    profile.identifiers AS identifiers,
    profile.traits AS traits,
    profile.accounts AS accounts,
    profile.first_seen_at AS first_seen_at,
    profile.last_seen_at AS last_seen_at,
    profile.events AS events,
    profile.events_by_kind AS events_by_kind,
    profile.events_by_channel AS events_by_channel,
    profile.categories AS categories,
    profile.orders AS orders,
    profile.revenue AS revenue,
    profile.refunded AS refunded,
    profile.revenue - profile.refunded AS net_revenue,
    profile.currency AS currency,
    if(profile.orders > 0, toFloat64(profile.revenue) / profile.orders, NULL) AS order_mean,
    profile.purchase_days AS purchase_days,
    profile.first_day AS first_day,
    profile.last_day AS last_day,
    profile.last_order_at AS last_order_at,
    score.average_days_between_orders AS average_days_between_orders,
    profile.calls AS calls,
    profile.complaints AS complaints,
    profile.open_complaints AS open_complaints,
    profile.csat_mean AS csat_mean,
    profile.nps_last AS nps_last,
    profile.ces_mean AS ces_mean,
    stage.stage AS stage,
    nullIf(stage.stage_since, toDateTime64(0, 6, 'UTC')) AS stage_since,
    score.recency AS recency,
    score.frequency AS frequency,
    score.monetary AS monetary,
    score.segment AS segment,
    score.value_segment AS value_segment,
    score.high_value AS high_value,
    score.p_alive AS p_alive,
    score.churn_probability AS churn_probability,
    score.clv_historic AS clv_historic,
    score.clv_predicted_12m AS clv_predicted_12m,
    score.clv_total AS clv_total,
    score.expected_orders_12m AS expected_orders_12m,
    score.expected_next_order_at AS expected_next_order_at,
    score.missing AS missing,
    score.reasons AS reasons,
    score.as_of AS scores_as_of,
    score.version AS scores_version,
    profile.version AS version,
    alerts.kinds AS open_alerts,
    alerts.severity_max AS open_alerts_severity_max
FROM (SELECT * FROM profiles FINAL WHERE merged_into IS NULL) AS profile
LEFT JOIN (SELECT * FROM scores FINAL WHERE merged_into IS NULL) AS score
    ON score.workspace = profile.workspace AND score.profile_id = profile.profile_id
LEFT JOIN stages AS stage
    ON stage.workspace = profile.workspace AND stage.profile_id = profile.profile_id
LEFT JOIN
(
    SELECT workspace, profile_id, groupUniqArray(kind) AS kinds, max(severity) AS severity_max
    FROM open_alerts
    GROUP BY workspace, profile_id
) AS alerts
    ON alerts.workspace = profile.workspace AND alerts.profile_id = profile.profile_id;

-- Recency against frequency: how many customers, their money and their chances.
CREATE OR REPLACE VIEW rfm_grid AS
SELECT
    workspace,
    assumeNotNull(recency) AS recency,
    assumeNotNull(frequency) AS frequency,
    count() AS customers,
    avg(assumeNotNull(monetary)) AS monetary_mean,
    sum(net_revenue) AS net_revenue,
    avg(p_alive) AS p_alive_mean,
    groupUniqArray(segment) AS segments
FROM customers
WHERE customers.recency IS NOT NULL
GROUP BY workspace, recency, frequency;
