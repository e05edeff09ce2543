SELECT c.rank, s.row_id FROM candidates c JOIN samples s USING (sample_id)
WHERE c.concept_id = $concept ORDER BY c.rank
;
SELECT m."brightness" AS c0 FROM metadata m
;
SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT (m."operator" IN ($f0, $f1)) IS TRUE AS through FROM metadata m
;
SELECT o.row_id, c.rank, c.similarity, c.priority, c.reason
FROM (SELECT unnest($ranks::INTEGER[]) AS rank, unnest($rows::BIGINT[]) AS row_id) o
JOIN candidates c ON c.rank = o.rank
WHERE c.concept_id = $concept ORDER BY c.rank
;
SELECT s.row_id, s.sample_id, s.population::VARCHAR AS population, s.fold::VARCHAR AS fold,
s.label::VARCHAR AS label, s.prediction::VARCHAR AS prediction, s.label = s.prediction AS correct,
s.confidence, s.loss, x.kind, x.uri, x.text, x.thumbnail
FROM (SELECT unnest($rows::BIGINT[]) AS place) o
JOIN samples s ON s.rowid = o.place  -- looked up where they stand, not sought by value
LEFT JOIN (SELECT * FROM media WHERE row_id IN (SELECT unnest($rows::BIGINT[]))) x
ON x.row_id = s.row_id
