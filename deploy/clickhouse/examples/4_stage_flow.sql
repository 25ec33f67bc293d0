-- How do customers move through the lifecycle, and how many are won back?
SELECT
    from_stage,
    to_stage,
    sum(transitions) AS moves,
    sum(won_back) AS won_back
FROM rapport.lifecycle_flow
GROUP BY from_stage, to_stage
ORDER BY moves DESC
