SELECT s.label AS c0, s.prediction AS c1, m."brightness" AS c2, m."hour" AS c3, m."operator" AS c4, m."odd ""name"", with = signs" AS c5, s.row_id AS c6, s.loss AS c7, s.weight AS c8, (s.label <> s.prediction)::DOUBLE AS c9 FROM samples s POSITIONAL JOIN metadata m WHERE TRUE AND TRUE
;
SELECT (s.population = $f0) IS TRUE AS through FROM samples s
;
SELECT s.loss AS c0 FROM samples s
;
SELECT (s.fold IS NOT DISTINCT FROM 'confirm') IS TRUE AS through FROM samples s
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
