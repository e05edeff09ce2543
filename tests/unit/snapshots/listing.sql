SELECT rank, concept_id FROM aggressors
;
SELECT row_number() OVER (ORDER BY g.rank, l.rank, s.row_id) AS rank, g.rank AS aggressor, l.similarity, l.priority, l.reason, s.row_id, s.population
FROM samples s JOIN candidates l ON l.sample_id = s.sample_id
JOIN aggressors g ON g.concept_id = l.concept_id
AND ($concept IS NULL OR g.concept_id = $concept)
WHERE (s.population = $f0 AND s.loss > $f1) ORDER BY rank LIMIT $count
;
SELECT s.row_id, s.sample_id, s.population::VARCHAR AS population,
s.label::VARCHAR AS label, s.prediction::VARCHAR AS prediction, s.confidence, s.loss, s.weight, s.group_id,
m."brightness" AS "brightness", m."hour" AS "hour", m."operator"::VARCHAR AS "operator", m."note"::VARCHAR AS "note", m."odd ""name"", with = signs" AS "odd ""name"", with = signs",  x.kind, x.uri, x.text
FROM (SELECT unnest($rows::BIGINT[]) AS row_id) c
JOIN samples s ON s.row_id = c.row_id
JOIN metadata m ON m.row_id = c.row_id
LEFT JOIN media x ON x.row_id = c.row_id
