-- Who is worth the most and about to leave, as of this moment?
SELECT
    customers.user_id,
    customers.email,
    customers.stage,
    customers.net_revenue,
    round(scores_now.p_alive, 3) AS p_alive_now,
    round(scores_now.recency_days) AS days_silent
FROM rapport.customers
INNER JOIN rapport.scores_now USING (workspace, profile_id)
WHERE customers.high_value AND scores_now.p_alive < 0.5
ORDER BY customers.net_revenue DESC
LIMIT 10
