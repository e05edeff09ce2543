SELECT min(weight), max(weight) FROM samples
;
SELECT m."operator" AS c0, s.weight AS c1 FROM samples s POSITIONAL JOIN metadata m WHERE TRUE AND s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $f0)
;
SELECT m."operator" AS c0, s.weight AS c1 FROM samples s POSITIONAL JOIN metadata m WHERE TRUE AND (s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $f0)) IS NOT TRUE
