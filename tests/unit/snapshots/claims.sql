SELECT s.loss AS c0 FROM samples s
;
SELECT m."brightness" AS c0 FROM metadata m
;
SELECT row_id FROM assignments WHERE concept_id = $members
;
SELECT s.label AS c0 FROM samples s
;
SELECT m."hour" AS c0 FROM metadata m
;
SELECT (s.fold = 'confirm') IS TRUE AS through FROM samples s
;
SELECT (s.group_id IS NOT NULL) IS TRUE AS through FROM samples s
;
SELECT s.group_id AS c0 FROM samples s
;
SELECT (s.population = 'train') IS TRUE AS through FROM samples s
;
SELECT (s.population = 'test') IS TRUE AS through FROM samples s
;
SELECT (s.population = 'unlabeled') IS TRUE AS through FROM samples s
