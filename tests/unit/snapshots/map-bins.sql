SELECT min(map_x), min(map_y), max(map_x), max(map_y) FROM samples
;
SELECT coalesce(s.map_x, 'nan'::FLOAT) AS place FROM samples s
;
SELECT coalesce(s.map_y, 'nan'::FLOAT) AS place FROM samples s
;
SELECT (s.population = $f0) IS TRUE AS through FROM samples s
;
SELECT s.loss AS c0 FROM samples s
;
SELECT m."brightness" AS c0 FROM metadata m
