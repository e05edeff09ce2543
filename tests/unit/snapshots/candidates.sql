SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT c.sample_id, c.rank, c.similarity, c.priority, c.reason FROM candidates c
WHERE c.concept_id = $concept AND c.sample_id IN (SELECT s.sample_id FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE))
ORDER BY c.rank LIMIT $limit OFFSET $offset
;
SELECT sample_id, row_id FROM samples WHERE sample_id IN (SELECT unnest($ids))
;
SELECT s.row_id, s.sample_id, s.population::VARCHAR AS population, s.fold::VARCHAR AS fold,
s.label::VARCHAR AS label, s.prediction::VARCHAR AS prediction, s.label = s.prediction AS correct,
s.confidence, s.loss, x.kind, x.uri, x.text, x.thumbnail
FROM samples s LEFT JOIN (SELECT * FROM media WHERE row_id IN ($r0, $r1)) x
ON x.row_id = s.row_id
WHERE s.row_id IN ($r0, $r1)
