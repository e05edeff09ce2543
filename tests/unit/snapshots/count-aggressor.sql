SELECT count(*) FROM samples s WHERE s.row_id IN (SELECT row_id FROM assignments WHERE concept_id IN (
SELECT concept_id FROM aggressors WHERE rank = $f0))
