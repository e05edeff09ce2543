SELECT (s.population = $f0) IS TRUE AS through FROM samples s
;
SELECT s.loss AS c0 FROM samples s
