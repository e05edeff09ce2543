SELECT m."brightness" AS c0 FROM metadata m
;
SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT (m."operator" IN ($f0, $f1)) IS TRUE AS through FROM metadata m
;
SELECT (s.loss IS NOT NULL) IS TRUE AS through FROM samples s
;
SELECT m."hour" AS c0 FROM metadata m
;
SELECT s.loss AS c0 FROM samples s
;
SELECT s.weight AS c0 FROM samples s
