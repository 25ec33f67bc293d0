-- Complaints, each once by its id (received at its earliest, handled at its latest), and how many there are for a hundred orders of the same month.

CREATE OR REPLACE VIEW complaints AS
SELECT
    workspace,
    complaint_id,
    argMinIf(profile_id, occurred_at, kind = 'complaint_received') AS profile_id,
    minIf(occurred_at, kind = 'complaint_received') AS received_at,
    maxIf(toNullable(occurred_at), kind = 'complaint_handled') AS handled_at,
    argMinIf(category, occurred_at, kind = 'complaint_received') AS category,
    argMinIf(product, occurred_at, kind = 'complaint_received') AS product,
    argMinIf(team, occurred_at, kind = 'complaint_received') AS team,
    argMinIf(assumeNotNull(severity), occurred_at, kind = 'complaint_received') AS severity,
    dateDiff('second', received_at, handled_at) / 3600 AS hours_to_handle
FROM touchpoints_resolved
WHERE kind IN ('complaint_received', 'complaint_handled')
GROUP BY workspace, complaint_id
HAVING countIf(kind = 'complaint_received') > 0;

CREATE OR REPLACE VIEW complaint_rate AS
WITH
    by_month AS
    (
        SELECT
            workspace,
            makeDate32(toYear(received_at), toMonth(received_at), 1) AS month,
            category,
            product,
            count() AS complaints,
            count(handled_at) AS handled,
            avg(hours_to_handle) AS hours_to_handle_mean,
            avg(severity) AS severity_mean
        FROM complaints
        GROUP BY workspace, month, category, product
    ),
    orders_by_month AS
    (
        SELECT
            workspace, makeDate32(toYear(ordered_at), toMonth(ordered_at), 1) AS month,
            count() AS orders
        FROM orders
        GROUP BY workspace, month
    )
SELECT
    by_month.workspace AS workspace,
    by_month.month AS month,
    category,
    product,
    complaints,
    handled,
    hours_to_handle_mean,
    severity_mean,
    orders_by_month.orders AS orders,
    if(orders > 0, 100 * complaints / orders, NULL) AS complaints_per_100_orders
FROM by_month
LEFT JOIN orders_by_month
    ON orders_by_month.workspace = by_month.workspace AND orders_by_month.month = by_month.month;
