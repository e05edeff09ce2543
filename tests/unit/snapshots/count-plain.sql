SELECT count(*) FROM samples s WHERE (s.population = $f0 AND s.loss > $f1)
