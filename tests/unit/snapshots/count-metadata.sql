SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT count(*) FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE)
