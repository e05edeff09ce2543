SELECT (s.population = $f0) IS TRUE AS through FROM samples s
;
SELECT s.loss AS value FROM samples s
;
SELECT s.weight AS value FROM samples s
;
SELECT (s.loss IS NOT NULL) IS TRUE AS through FROM samples s
;
SELECT (s.label <> s.prediction) IS TRUE AS through FROM samples s
;
SELECT (s.label IS NOT NULL AND s.prediction IS NOT NULL) IS TRUE AS through FROM samples s
