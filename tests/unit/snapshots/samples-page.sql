SELECT m."brightness" AS c0 FROM metadata m
;
SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT (m."operator" IN ($f0, $f1)) IS TRUE AS through FROM metadata m
;
SELECT s.loss AS c0 FROM samples s
;
SELECT s.row_id, s.sample_id, s.population::VARCHAR AS population, s.fold::VARCHAR AS fold,
s.label::VARCHAR AS label, s.prediction::VARCHAR AS prediction, s.label = s.prediction AS correct,
s.confidence, s.loss, x.kind, x.uri, x.text, x.thumbnail
FROM (SELECT unnest($rows::BIGINT[]) AS place) o
JOIN samples s ON s.rowid = o.place  -- looked up where they stand, not sought by value
LEFT JOIN (SELECT * FROM media WHERE row_id IN (SELECT unnest($rows::BIGINT[]))) x
ON x.row_id = s.row_id
