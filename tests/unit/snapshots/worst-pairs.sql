SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT count(*) FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE) AND s.fold IS DISTINCT FROM 'confirm' AND isfinite(s.loss)
;
SELECT s.label AS c0, m."brightness" AS c1, m."hour" AS c2, m."operator" AS c3, m."odd ""name"", with = signs" AS c4, s.loss AS c5, s.weight AS c6, (s.label <> s.prediction)::DOUBLE AS c7 FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE) AND s.fold IS DISTINCT FROM 'confirm' AND isfinite(s.loss)
;
SELECT count(*) = count(s.label) FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE)
