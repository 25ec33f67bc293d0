-- Which products are complained about more than others, and how fast is it handled?
SELECT
    product,
    category,
    sum(complaints) AS complaints,
    sum(handled) AS handled,
    round(avg(hours_to_handle_mean), 1) AS hours_to_handle,
    round(avg(complaints_per_100_orders), 2) AS complaints_per_100_orders
FROM rapport.complaint_rate
GROUP BY product, category
ORDER BY complaints DESC
LIMIT 20
