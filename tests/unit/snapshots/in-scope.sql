SELECT m."brightness" AS c0 FROM metadata m
;
SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT (m."operator" IN ($f0, $f1)) IS TRUE AS through FROM metadata m
;
SELECT s.weight AS c0 FROM samples s
;
SELECT s.loss AS c0 FROM samples s
;
SELECT (s.loss IS NOT NULL) IS TRUE AS through FROM samples s
;
SELECT (s.label <> s.prediction) IS TRUE AS through FROM samples s
;
SELECT (s.label IS NOT NULL AND s.prediction IS NOT NULL) IS TRUE AS through FROM samples s
;
SELECT concept_id, rank, n FROM aggressors ORDER BY rank
;
SELECT a.row_id FROM assignments a JOIN samples s ON s.rowid = a.row_id
WHERE a.concept_id = $concept AND s.population = $analysed ORDER BY a.row_id
