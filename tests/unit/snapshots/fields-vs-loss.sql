SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT m."hour" AS c0, m."operator" AS c1, s.loss AS c2, s.weight AS c3 FROM samples s POSITIONAL JOIN metadata m WHERE s.loss IS NOT NULL AND (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE)
