SELECT s.label AS c0, s.prediction AS c1, m."brightness" AS c2, m."hour" AS c3, m."operator" AS c4, m."odd ""name"", with = signs" AS c5, s.row_id AS c6, s.loss AS c7, s.weight AS c8, (s.label <> s.prediction)::DOUBLE AS c9 FROM samples s POSITIONAL JOIN metadata m WHERE TRUE AND TRUE
;
SELECT m."brightness" AS c0 FROM metadata m
;
SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT (m."operator" IN ($f0, $f1)) IS TRUE AS through FROM metadata m
;
SELECT (s.fold IS NOT DISTINCT FROM 'confirm') IS TRUE AS through FROM samples s
;
SELECT count(*) = count(s.label) FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE)
