SELECT (s.population = $f0) IS TRUE AS through FROM samples s
;
SELECT s.loss AS c0 FROM samples s
;
SELECT (s.label IS NOT NULL AND s.prediction IS NOT NULL AND s.confidence IS NOT NULL) IS TRUE AS through FROM samples s
;
SELECT s.confidence AS c0 FROM samples s
;
SELECT (s.label = s.prediction)::INTEGER AS c0 FROM samples s
;
SELECT s.weight AS c0 FROM samples s
