-- Stages: where each profile is now, how many are in each, and how many moved from where to where.

CREATE OR REPLACE VIEW stages AS
SELECT
    workspace,
    profile_id,
    argMax(to_stage, (scores_version, decided_at, at, toString(event_id))) AS stage,
    argMax(from_stage, (scores_version, decided_at, at, toString(event_id))) AS stage_before,
    argMax(at, (scores_version, decided_at, at, toString(event_id))) AS stage_since
FROM lifecycle FINAL
WHERE (workspace, profile_id) NOT IN (SELECT workspace, profile_id FROM redirects)
GROUP BY workspace, profile_id;

CREATE OR REPLACE VIEW lifecycle_now AS
SELECT workspace, stage, count() AS profiles, min(stage_since) AS longest_since
FROM stages
GROUP BY workspace, stage;

CREATE OR REPLACE VIEW lifecycle_flow AS
SELECT
    workspace,
    makeDate32(toYear(at), toMonth(at), 1) AS month,
    from_stage,
    to_stage,
    count() AS transitions,
    uniqExact(profile_id) AS profiles,
    countIf(won_back) AS won_back
FROM lifecycle FINAL
GROUP BY workspace, month, from_stage, to_stage;

CREATE OR REPLACE VIEW open_alerts AS
SELECT
    workspace,
    alert_id,
    any(if(redirect.profile_id = alert.profile_id, redirect.target, alert.profile_id))
        AS profile_id,
    any(alert.kind) AS kind,
    max(alert.severity) AS severity,
    min(alert.at) AS raised_at,
    any(alert.suggested_action) AS suggested_action,
    any(alert.cause_detail) AS cause,
    any(alert.historic) AS historic
FROM alerts AS alert FINAL
LEFT JOIN redirects AS redirect
    ON redirect.workspace = alert.workspace AND redirect.profile_id = alert.profile_id
GROUP BY workspace, alert_id
HAVING countIf(alert.state = 'cleared') = 0;
