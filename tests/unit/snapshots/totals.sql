SELECT (s.population = $f0) IS TRUE AS through FROM samples s
;
SELECT s.loss AS c0 FROM samples s
;
SELECT s.weight AS c0 FROM samples s
;
SELECT (s.loss IS NOT NULL) IS TRUE AS through FROM samples s
;
SELECT (s.label <> s.prediction) IS TRUE AS through FROM samples s
;
SELECT (s.label IS NOT NULL AND s.prediction IS NOT NULL) IS TRUE AS through FROM samples s
