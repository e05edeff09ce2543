SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT count(*) FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE) AND s.fold IS DISTINCT FROM 'confirm' AND isfinite(s.loss)
;
SELECT m."brightness" AS value FROM metadata m
;
SELECT (m."operator" IN ($f0, $f1)) IS TRUE AS through FROM metadata m
;
SELECT (s.fold IS DISTINCT FROM 'confirm' AND isfinite(s.loss)) IS TRUE AS through FROM samples s
;
SELECT s.label AS value FROM samples s
;
SELECT m."hour" AS value FROM metadata m
;
SELECT m."operator" AS value FROM metadata m
;
SELECT m."odd ""name"", with = signs" AS value FROM metadata m
;
SELECT s.loss AS value FROM samples s
;
SELECT s.weight AS value FROM samples s
;
SELECT (s.label <> s.prediction)::DOUBLE AS value FROM samples s
;
SELECT count(*) = count(s.label) FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE)
