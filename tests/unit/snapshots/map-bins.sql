SELECT min(map_x), min(map_y), max(map_x), max(map_y) FROM samples
;
SELECT s.map_x AS c0, s.map_y AS c1, m."brightness" AS c2 FROM samples s POSITIONAL JOIN metadata m WHERE s.map_x IS NOT NULL AND (s.population = $f0 AND s.loss > $f1)
