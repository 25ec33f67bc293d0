-- Of those who first ordered in a month, what share ordered again 1, 3, 6 and 12 months later?
SELECT
    cohort,
    any(customers) AS customers,
    round(sumIf(retention, months_since = 1), 3) AS month_1,
    round(sumIf(retention, months_since = 3), 3) AS month_3,
    round(sumIf(retention, months_since = 6), 3) AS month_6,
    round(sumIf(retention, months_since = 12), 3) AS month_12
FROM rapport.cohort_retention
GROUP BY cohort
ORDER BY cohort
