SELECT (s.population = $f0) IS TRUE AS through FROM samples s
;
SELECT s.loss AS value FROM samples s
