-- The timeline: each event once, with the profile that it counts for today.

CREATE OR REPLACE VIEW touchpoints_resolved AS
SELECT
    touchpoint.* REPLACE
    (
        if(redirect.profile_id = touchpoint.profile_id, redirect.target, touchpoint.profile_id)
            AS profile_id
    ),
    touchpoint.profile_id AS profile_id_then
FROM touchpoints AS touchpoint FINAL
LEFT JOIN redirects AS redirect
    ON redirect.workspace = touchpoint.workspace AND redirect.profile_id = touchpoint.profile_id;
