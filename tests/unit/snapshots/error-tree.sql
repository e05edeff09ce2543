SELECT count(*) FROM samples s WHERE (s.population = $f0 AND s.loss > $f1) AND s.fold IS DISTINCT FROM 'confirm' AND isfinite(s.loss)
;
SELECT (s.population = $f0) IS TRUE AS through FROM samples s
;
SELECT s.loss AS value FROM samples s
;
SELECT (s.fold IS DISTINCT FROM 'confirm' AND isfinite(s.loss)) IS TRUE AS through FROM samples s
;
SELECT s.label AS value FROM samples s
;
SELECT m."brightness" AS value FROM metadata m
;
SELECT m."hour" AS value FROM metadata m
;
SELECT m."operator" AS value FROM metadata m
;
SELECT m."odd ""name"", with = signs" AS value FROM metadata m
;
SELECT s.weight AS value FROM samples s
;
SELECT (s.label <> s.prediction)::DOUBLE AS value FROM samples s
;
SELECT count(*) = count(s.label) FROM samples s WHERE (s.population = $f0 AND s.loss > $f1)
;
SELECT code, count(*) AS n, count(v) AS known,
coalesce(sum(w) FILTER (v IS NOT NULL), 0), coalesce(sum(w * v), 0),
coalesce(sum(w * w) FILTER (v IS NOT NULL), 0), coalesce(sum(w * w * v), 0),
coalesce(sum(w * w * v * v), 0),
coalesce(sum(w) FILTER (f IS NOT NULL), 0), coalesce(sum(w * f), 0) FROM (SELECT *, CASE WHEN isfinite(signal) THEN signal - $centre END AS v, (label <> prediction)::DOUBLE AS f FROM
(SELECT (0)::INTEGER AS code, s.weight::DOUBLE AS w, s.loss AS signal, s.label, s.prediction
FROM samples s WHERE (s.population = $f0 AND s.loss > $f1))) GROUP BY code ORDER BY code
