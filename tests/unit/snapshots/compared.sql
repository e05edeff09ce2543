SELECT min(weight), max(weight) FROM samples
;
SELECT ((s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $f0)) IS TRUE) AS c0, m."operator" AS c1, s.weight AS c2 FROM samples s POSITIONAL JOIN metadata m WHERE TRUE AND TRUE
