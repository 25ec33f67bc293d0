-- Orders and refunds. A system may send an order twice under different message ids: it counts
-- once for its customer, in its newest form (by occurred_at, then event id). An order that was
-- cancelled counts for nothing, whatever the times say, and its refunds neither.

CREATE OR REPLACE VIEW orders_cancelled AS
SELECT workspace, profile_id, JSONExtractString(properties, 'order_id') AS order_id,
    min(occurred_at) AS cancelled_at
FROM touchpoints_resolved
WHERE kind = 'order_cancelled'
GROUP BY workspace, profile_id, order_id;

CREATE OR REPLACE VIEW orders AS
SELECT
    workspace,
    profile_id,
    order_id,
    max(occurred_at) AS ordered_at,
    argMax(assumeNotNull(amount), (occurred_at, toString(event_id))) AS amount,
    argMax(currency, (occurred_at, toString(event_id))) AS currency,
    argMax(lines, (occurred_at, toString(event_id))) AS lines,
    argMax(source, (occurred_at, toString(event_id))) AS source,
    argMax(channel, (occurred_at, toString(event_id))) AS channel
FROM touchpoints_resolved
WHERE kind = 'order_completed'
    AND (workspace, profile_id, order_id) NOT IN
    (
        SELECT workspace, profile_id, order_id FROM orders_cancelled
    )
GROUP BY workspace, profile_id, order_id;

CREATE OR REPLACE VIEW refunds AS
SELECT
    workspace,
    profile_id,
    order_id,
    event_id,
    occurred_at AS refunded_at,
    assumeNotNull(amount) AS amount,
    currency
FROM touchpoints_resolved
WHERE kind = 'order_refunded'
    AND (workspace, profile_id, order_id) NOT IN
    (
        SELECT workspace, profile_id, order_id FROM orders_cancelled
    );

-- makeDate32, since toStartOfMonth knows no time before 1970.
CREATE OR REPLACE VIEW revenue_by_month AS
SELECT
    workspace,
    makeDate32(toYear(at), toMonth(at), 1) AS month,
    currency,
    countIf(is_order) AS orders,
    uniqExactIf(profile_id, is_order) AS customers,
    sumIf(amount, is_order) AS revenue,
    sumIf(amount, NOT is_order) AS refunded,
    sumIf(amount, is_order) - sumIf(amount, NOT is_order) AS net_revenue
FROM
(
    SELECT workspace, profile_id, ordered_at AS at, currency, amount, true AS is_order
    FROM orders
    UNION ALL
    SELECT workspace, profile_id, refunded_at AS at, currency, amount, false AS is_order
    FROM refunds
)
GROUP BY workspace, month, currency;

-- Of the customers whose first order was in a month: how many ordered in each month since.
CREATE OR REPLACE VIEW cohort_retention AS
WITH active AS
(
    SELECT workspace, profile_id, makeDate32(toYear(ordered_at), toMonth(ordered_at), 1) AS month
    FROM orders
    GROUP BY workspace, profile_id, month
)
SELECT
    workspace,
    cohort,
    dateDiff('month', cohort, month) AS months_since,
    max(cohort_customers) AS customers,
    count() AS customers_active,
    customers_active / customers AS retention
FROM
(
    SELECT
        active.workspace AS workspace,
        active.month AS month,
        cohorts.cohort AS cohort,
        uniqExact(active.profile_id) OVER (PARTITION BY active.workspace, cohorts.cohort)
            AS cohort_customers
    FROM active
    INNER JOIN
    (
        SELECT workspace, profile_id, min(month) AS cohort
        FROM active
        GROUP BY workspace, profile_id
    ) AS cohorts
        ON cohorts.workspace = active.workspace AND cohorts.profile_id = active.profile_id
)
GROUP BY workspace, cohort, months_since;
