-- Every dead letter with what became of it: open, redriven or discarded. The same bytes that are
-- refused again after they were handled are open again.

CREATE OR REPLACE VIEW dead_letters_now AS
SELECT
    letter.*,
    if(done.letter_at >= letter.at, done.handling, 'open') AS state,
    if(done.letter_at >= letter.at, done.at, NULL) AS handled_at,
    if(done.letter_at >= letter.at, done.who, '') AS handled_by,
    if(done.letter_at >= letter.at, done.rule, '') AS rule,
    if(done.letter_at >= letter.at, done.why, '') AS why
FROM (SELECT * FROM dead_letters FINAL) AS letter
LEFT JOIN
(
    SELECT
        workspace,
        letter_id,
        max(handled.letter_at) AS letter_at,
        argMax(handled.handling, handled.at) AS handling,
        max(handled.at) AS at,
        argMax(handled.who, handled.at) AS who,
        argMax(handled.rule, handled.at) AS rule,
        argMax(handled.why, handled.at) AS why
    FROM dead_letters_handled AS handled
    GROUP BY workspace, letter_id
) AS done ON done.workspace = letter.workspace AND done.letter_id = letter.event_id;
