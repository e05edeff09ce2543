SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT m."hour" AS c0, s.loss AS c1, s.weight AS c2 FROM samples s POSITIONAL JOIN metadata m WHERE s.loss IS NOT NULL AND (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE)
