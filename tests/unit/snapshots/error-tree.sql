SELECT count(*) FROM samples s WHERE (s.population = $f0 AND s.loss > $f1) AND s.fold IS DISTINCT FROM 'confirm' AND isfinite(s.loss)
;
SELECT s.label AS c0, m."brightness" AS c1, m."hour" AS c2, m."operator" AS c3, m."odd ""name"", with = signs" AS c4, s.loss AS c5, s.weight AS c6, (s.label <> s.prediction)::DOUBLE AS c7 FROM samples s POSITIONAL JOIN metadata m WHERE (s.population = $f0 AND s.loss > $f1) AND s.fold IS DISTINCT FROM 'confirm' AND isfinite(s.loss)
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
