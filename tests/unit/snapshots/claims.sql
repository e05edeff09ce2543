SELECT s.row_id, s.loss AS signal, s.label::VARCHAR AS label, s.group_id, a.row_id IS NOT NULL AS member , m."hour" AS "c0" FROM samples s POSITIONAL JOIN metadata m LEFT JOIN (SELECT DISTINCT row_id FROM assignments WHERE concept_id = $concept) a ON a.row_id = s.row_id WHERE s.fold = 'confirm' AND isfinite(s.loss) ORDER BY s.row_id
;
SELECT s.row_id FROM samples s POSITIONAL JOIN metadata m WHERE s.fold = 'confirm' AND m."brightness" < $f0
