-- Which companies are worth the most, who is in them, and who of them complains?
SELECT
    accounts.account_id,
    accounts.traits['industry'] AS industry,
    accounts.members,
    accounts.net_revenue,
    accounts.last_seen_at,
    accounts.open_complaints,
    accounts.nps
FROM rapport.accounts
WHERE accounts.kind = 'company' AND accounts.members > 0
ORDER BY accounts.net_revenue DESC
LIMIT 10
