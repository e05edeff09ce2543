SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT count(*) FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE) AND TRUE
;
SELECT m."brightness" AS c0 FROM metadata m
;
SELECT (m."operator" IN ($f0, $f1)) IS TRUE AS through FROM metadata m
;
SELECT (TRUE) IS TRUE AS through FROM samples s
;
SELECT m."hour" AS c0 FROM metadata m
;
SELECT m."operator" AS c0 FROM metadata m
;
SELECT s.loss AS c0 FROM samples s
;
SELECT code, count(*) AS n, count(v) AS known,
coalesce(sum(w) FILTER (v IS NOT NULL), 0), coalesce(sum(w * v), 0),
coalesce(sum(w * w) FILTER (v IS NOT NULL), 0), coalesce(sum(w * w * v), 0),
coalesce(sum(w * w * v * v), 0),
coalesce(sum(w) FILTER (f IS NOT NULL), 0), coalesce(sum(w * f), 0) FROM (SELECT *, CASE WHEN isfinite(signal) THEN signal - $centre END AS v, (label <> prediction)::DOUBLE AS f FROM
(SELECT (((0) * 4 + CASE WHEN m."hour" < $f3 THEN 0 WHEN (m."hour" >= $f4 AND m."hour" < $f5) THEN 1 WHEN m."hour" >= $f6 THEN 2 ELSE 3 END) * 6 + coalesce(enum_code(m."operator")::INTEGER, 5))::INTEGER AS code, s.weight::DOUBLE AS w, s.loss AS signal, s.label, s.prediction
FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE))) GROUP BY code ORDER BY code
