SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT s.label::VARCHAR AS label, s.prediction::VARCHAR AS prediction, count(*) AS n,
count(*) / sum(count(*)) OVER (PARTITION BY s.label) AS share
FROM samples s POSITIONAL JOIN metadata m
WHERE s.label IS NOT NULL AND s.prediction IS NOT NULL AND TRUE AND (s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $f0) AND m."brightness" < $f1 AND (m."operator" IN ($f2, $f3)) IS NOT TRUE)
GROUP BY s.label, s.prediction ORDER BY s.label, s.prediction
