-- The timeline: each event once, with the profile that it counts for today.

-- A late link can move an identifier from one living person to another: no redirect tells of that.
-- It takes a rule that keeps the two apart, so that only people with a refused link are asked.
CREATE OR REPLACE VIEW identifiers_parted AS
SELECT workspace, kind, value, profile_id
FROM profile_identifiers FINAL
WHERE (workspace, profile_id) IN
(
    SELECT workspace, profile_id
    FROM profiles FINAL
    WHERE refused_links > 0 AND merged_into IS NULL
);

CREATE OR REPLACE VIEW touchpoints_resolved AS
SELECT
    touchpoint.* EXCEPT (parted_to) REPLACE
    (
        multiIf(
            touchpoint.parted_to IS NOT NULL, assumeNotNull(touchpoint.parted_to),
            redirect.profile_id = touchpoint.profile_id, redirect.target,
            touchpoint.profile_id
        ) AS profile_id
    ),
    touchpoint.profile_id AS profile_id_then
FROM
(
    SELECT one.*, if(parted.value = '', NULL, parted.profile_id) AS parted_to
    FROM touchpoints AS one FINAL
    LEFT JOIN identifiers_parted AS parted
        ON parted.workspace = one.workspace
        AND parted.kind = one.identifiers[1].kind
        AND parted.value = one.identifiers[1].value
) AS touchpoint
LEFT JOIN redirects AS redirect
    ON redirect.workspace = touchpoint.workspace AND redirect.profile_id = touchpoint.profile_id;
