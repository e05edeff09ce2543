SELECT m."brightness" AS c0 FROM metadata m
;
SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT (m."operator" IN ($f0, $f1)) IS TRUE AS through FROM metadata m
