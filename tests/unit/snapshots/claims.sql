SELECT s.population, (s.fold = 'confirm') IS TRUE AS judges, s.loss AS signal, s.group_id,
(m."brightness" < $f0) IS TRUE AS held, s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $members) AS member , s.label AS "c0", m."hour" AS "c1"
FROM samples s POSITIONAL JOIN metadata m WHERE isfinite(s.loss) ORDER BY s.row_id
