SELECT m."operator" AS c0, (s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = 1))::INTEGER AS c1 FROM samples s POSITIONAL JOIN metadata m WHERE TRUE AND TRUE
