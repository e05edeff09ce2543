SELECT rank, concept_id FROM aggressors
;
SELECT (s.row_id IN (SELECT row_id FROM assignments WHERE concept_id IN (
SELECT concept_id FROM aggressors WHERE rank = $f0))) IS TRUE AS through FROM samples s
