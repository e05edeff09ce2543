SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT rank, concept_id FROM aggressors
;
SELECT s.row_id, a.score
FROM samples s POSITIONAL JOIN metadata m JOIN assignments a ON a.row_id = s.row_id
WHERE a.concept_id = $concept AND (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE)
ORDER BY a.score DESC NULLS LAST, s.row_id LIMIT $limit OFFSET $offset
;
SELECT s.row_id, s.sample_id, s.population::VARCHAR AS population, s.fold::VARCHAR AS fold,
s.label::VARCHAR AS label, s.prediction::VARCHAR AS prediction, s.label = s.prediction AS correct,
s.confidence, s.loss, x.kind, x.uri, x.text, x.thumbnail
FROM (SELECT unnest($rows::BIGINT[]) AS place) o
JOIN samples s ON s.rowid = o.place  -- looked up where they stand, not sought by value
LEFT JOIN (SELECT * FROM media WHERE row_id IN (SELECT unnest($rows::BIGINT[]))) x
ON x.row_id = s.row_id
