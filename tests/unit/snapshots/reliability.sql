SELECT (s.population = $f0) IS TRUE AS through FROM samples s
;
SELECT s.loss AS value FROM samples s
;
SELECT (s.label IS NOT NULL AND s.prediction IS NOT NULL AND s.confidence IS NOT NULL) IS TRUE AS through FROM samples s
;
SELECT s.confidence AS value FROM samples s
;
SELECT (s.label = s.prediction)::INTEGER AS value FROM samples s
;
SELECT s.weight AS value FROM samples s
