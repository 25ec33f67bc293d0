-- Scores as of this moment: P(alive) and recency move with time alone, so they are computed here
-- from the sufficient statistics of each profile and the newest model, exactly as the service
-- does (services/scoring/domain/bg_nbd.py, first_gap.py): BG/NBD for who bought on two days or
-- more (Fader, Hardie & Lee 2005, equation 8), the survival of first gaps for who bought on one.

CREATE OR REPLACE VIEW models_newest AS
SELECT *
FROM models FINAL
WHERE (workspace, version) IN (SELECT workspace, max(version) FROM models GROUP BY workspace);

CREATE OR REPLACE VIEW scores_now AS
WITH
    greatest(ifNull(profile.purchase_days, 0) - 1, 0) AS x,
    (toUnixTimestamp64Micro(as_of) - first_day_us) / 604800e6 AS weeks_since_first,
    if(x > 0, (last_day_us - first_day_us) / 604800e6, 0.) AS t_x,
    greatest(weeks_since_first, t_x) AS t_observed,
    exp(least(
        log(model.bg_a) - log(model.bg_b + x - 1)
            + (model.bg_r + x) * (log(model.bg_alpha + t_observed) - log(model.bg_alpha + t_x)),
        700.)) AS odds_lost,
    arrayMap((gap, i) -> gap + (i - 1) * 1e-9, model.first_gap_days, arrayEnumerate(model.first_gap_days))
        AS gaps,
    7 * t_observed AS days_silent,
    arrayCount(gap -> gap <= days_silent, gaps) AS below,
    multiIf(
        below = 0, 0.,
        below = length(gaps), 1.,
        (below - 1 + (days_silent - gaps[below]) / (gaps[below + 1] - gaps[below]))
            / (length(gaps) - 1)) * model.repeat_customers / (model.repeat_customers + 1)
        AS share_came_back
SELECT
    profile.workspace AS workspace,
    profile.profile_id AS profile_id,
    profile.now AS as_of,
    model.version AS model_version,
    profile.orders AS orders,
    profile.purchase_days AS purchase_days,
    profile.first_day AS first_day,
    profile.last_day AS last_day,
    greatest((toUnixTimestamp64Micro(as_of) - last_day_us) / 86400e6, 0.) AS recency_days,
    if(x > 0, 'bg_nbd', 'first_gap_survival') AS churn_basis,
    if(has_ground, if(x > 0, 1 / (1 + odds_lost), 1 - share_came_back), NULL) AS p_alive,
    1 - p_alive AS churn_probability
FROM
(
    SELECT
        *,
        now64(6, 'UTC') AS now,
        toInt64(assumeNotNull(first_day)) * 86400000000 AS first_day_us,
        toInt64(assumeNotNull(last_day)) * 86400000000 AS last_day_us
    FROM profiles FINAL
    WHERE merged_into IS NULL AND purchase_days > 0
) AS profile
LEFT JOIN
(
    SELECT *, enough AND isNotNull(bg_r) AND notEmpty(first_gap_days) AS has_ground
    FROM models_newest
) AS model
    ON model.workspace = profile.workspace;
