-- What is each segment worth, now and in the next twelve months?
SELECT
    segment,
    count() AS customers,
    sum(net_revenue) AS revenue,
    sum(clv_predicted_12m) AS predicted_12m,
    round(avg(p_alive), 3) AS p_alive_mean
FROM rapport.customers
WHERE orders > 0
GROUP BY segment
ORDER BY predicted_12m DESC
