-- Where merged profiles went, chains followed to their end. A redirect of a profile that is alive
-- again (unmerged) does not count.

CREATE OR REPLACE VIEW redirect_hops AS
SELECT workspace, profile_id, merged_into
FROM profile_redirects FINAL
WHERE (workspace, profile_id) NOT IN
(
    SELECT workspace, profile_id
    FROM profiles FINAL
    WHERE merged_into IS NULL
        AND (workspace, profile_id) IN (SELECT workspace, profile_id FROM profile_redirects)
);

CREATE OR REPLACE VIEW redirects AS
WITH RECURSIVE chain AS
(
    SELECT workspace, profile_id, merged_into AS target, 1 AS depth
    FROM redirect_hops
    UNION ALL
    SELECT chain.workspace, chain.profile_id, hop.merged_into, chain.depth + 1
    FROM chain
    INNER JOIN redirect_hops AS hop
        ON hop.workspace = chain.workspace AND hop.profile_id = chain.target
    WHERE chain.depth < 64 AND hop.merged_into != chain.profile_id
)
SELECT workspace, profile_id, argMax(target, depth) AS target
FROM chain
GROUP BY workspace, profile_id;
